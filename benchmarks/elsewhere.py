"""The quick batch where everything is unusual, against the same batch where nothing is: the same tables and pages.

    python benchmarks/elsewhere.py [--short]        (some minutes; --short: one section, a few epochs)

Unusual are: the user (who may do nothing that modes forbid, root neither), the home (there is none), the installation
(read-only), the folder for temporary files (90 characters), the project's path (spaces, brackets, quotes, # and %)
and matplotlib's settings (LaTeX, large letters). Exits with 1 at the first difference.
"""

import argparse
import hashlib
import os
import shutil
import stat
import subprocess
import sys
import tempfile
from pathlib import Path

import nbformat

ROOT = Path(__file__).parents[1]
POWERLESS = ("setpriv", "--bounding-set=-all", "--inh-caps=-all")
"""What takes from root what others have not."""
SHORT = ("epochs=2", "checkpoints=[]", "train_per_class=40", "points=8", "draws=20")
TIMELESS = ("build",)
"""Pages that say when and where tables were made, and so differ."""


def main() -> None:
    """Run both batches and compare."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--short", action="store_true")
    sets = [option for text in SHORT for option in ("--set", text)]
    short = parser.parse_args().short
    options = ["clean_labels", "--seeds", "0", *sets] if short else ["--jobs", "2"]
    with tempfile.TemporaryDirectory(dir="/tmp") as text:
        folder = Path(text)
        folder.chmod(0o755)
        usual = project(folder / "usual")
        run(usual, options, {"PYTHONPATH": str(ROOT)})
        unusual = project(folder / "un [bold]usual 'place' #1 100%")
        run(unusual, options, strange(folder, short), POWERLESS if os.getuid() == 0 else ())
        compare(usual, unusual)


def project(folder: Path) -> Path:
    """A folder with the notebooks."""
    shutil.copytree(ROOT / "notebooks", folder / "notebooks")
    (folder / "pyproject.toml").write_text("")
    return folder


def strange(folder: Path, compiled: bool) -> dict[str, str]:
    """The environment of the unusual batch; compiled: the installation has its kernels' machine code with it."""
    installed, settings = folder / "read only", folder / "settings"
    shutil.copytree(
        ROOT / "mfta", installed / "mfta", ignore=None if compiled else shutil.ignore_patterns("__pycache__")
    )
    scratch = Path(f"{folder}/{'job-0123456789' * 9}"[:90])
    scratch.mkdir(parents=True)
    settings.mkdir()
    (settings / "matplotlibrc").write_text("text.usetex: True\nfont.size: 30\naxes.grid: True\n")
    for path in [installed, *installed.rglob("*")]:
        path.chmod(path.stat().st_mode & ~(stat.S_IWUSR | stat.S_IWGRP | stat.S_IWOTH))
    own = {
        "PYTHONPATH": str(installed),
        "HOME": str(installed / "home"),
        "TMPDIR": str(scratch),
        "MPLCONFIGDIR": str(settings),
        "MATPLOTLIBRC": str(settings / "matplotlibrc"),
    }
    if compiled:  # Numba loads no cache that it could not write to: in a folder of its own, as it names it
        place = hashlib.sha1(str(installed / "mfta" / "geometry").encode()).hexdigest()
        code, without = folder / "machine code", shutil.ignore_patterns("*.pyc")
        shutil.copytree(ROOT / "mfta" / "geometry" / "__pycache__", code / f"geometry_{place}", ignore=without)
        own["NUMBA_CACHE_DIR"] = str(code)
    return own


def run(place: Path, options: list[str], own: dict[str, str], user: tuple[str, ...] = ()) -> None:
    """Run one batch, which must succeed."""
    kept = ("PATH", "LANG", "OMP_NUM_THREADS", "HOME")
    environment = {name: os.environ[name] for name in kept if name in os.environ} | own
    command = [*user, sys.executable, "-m", "mfta.cli", "rerun", *options]
    answer = subprocess.run(command, cwd=place, env=environment, capture_output=True, text=True, check=False)
    if answer.returncode:
        sys.exit(f"in '{place}':\n{answer.stdout}{answer.stderr}")


def compare(one: Path, other: Path) -> None:
    """Every table byte for byte, every page output for output; exit with 1 where they differ."""
    tables = sorted(path.relative_to(one) for path in one.rglob("table.csv"))
    if tables != sorted(path.relative_to(other) for path in other.rglob("table.csv")) or not tables:
        sys.exit("the two made different tables")
    pages = sorted(path.name for path in (one / "book" / "sections").glob("*.ipynb") if path.stem not in TIMELESS)
    same = [(path, (one / path).read_bytes() == (other / path).read_bytes()) for path in tables]
    same += [(Path(name), outputs(one, name) == outputs(other, name)) for name in pages]
    differ = [str(path) for path, equal in same if not equal]
    if differ:
        cells = (pair for name in pages for pair in zip(outputs(one, name), outputs(other, name), strict=True))
        first = next((pair for pair in cells if pair[0] != pair[1]), "")
        sys.exit(f"not the same: {', '.join(differ)}; first:\n{first}")
    print(f"{len(tables)} tables and {len(pages)} pages are the same")


def outputs(place: Path, name: str) -> list:
    """What a page shows: the cells' sources and outputs."""
    notebook = nbformat.read(place / "book" / "sections" / name, as_version=4)
    return [(cell.source, cell.get("outputs")) for cell in notebook.cells]


if __name__ == "__main__":
    main()
