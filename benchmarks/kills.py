"""Kill a running batch at random moments, restart it each time, and compare with one that was left alone.

    python benchmarks/kills.py --kills 50        (about a quarter of an hour on two cores)

The batch (two sections that share their trainings, on digits, a few epochs, two jobs at a time) is killed
with all its processes by signal 9, at a moment drawn evenly from a stretch after its first job began. After
every kill all that has a certificate must be sound and unchanged since it was first seen. A batch that ends
before its turn comes is compared, table by table and file by file, with the undisturbed one, and the next
begins in an empty store. Exits with 1 at the first thing that is not as it should be.
"""

import argparse
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from mfta import store, stored

ROOT = Path(__file__).parents[1]
SECTIONS = ("layer_memorization", "rewinding")
OVERRIDES = ("epochs=6", "train_per_class=60", "test_per_class=20", "points=10", "draws=40", "remove_centers=false")


def main() -> None:
    """Read the options, make the undisturbed batch, then kill."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--seed", type=int, default=0, help="of the moments")
    parser.add_argument("--seeds", default="0..3", help="of the batch")
    parser.add_argument("--notebooks", type=Path, default=ROOT / "notebooks", help="folder of the notebooks to run")
    parser.add_argument("--stretch", type=float, default=8.0, help="seconds after the first job's start")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        calm = Project(Path(folder) / "undisturbed", options)
        started = time.monotonic()
        require(calm.start().wait() == 0, f"the undisturbed batch failed:\n{calm.log.read_text()}")
        print(f"undisturbed: {len(calm.finished())} trainings and tables in {time.monotonic() - started:.0f} s")
        rng = random.Random(options.seed)
        kills, rounds = 0, 0
        while kills < options.kills:
            rounds += 1
            kills += disturbed(Path(folder) / f"round {rounds}", calm, options, rng, options.kills - kills)
            print(f"batch {rounds} is as the undisturbed one, bit for bit; {kills} kills so far", flush=True)


def disturbed(folder: Path, calm: "Project", options: argparse.Namespace, rng: random.Random, most: int) -> int:
    """Kill one batch at most so many times, then let it end; return how often it was killed."""
    project, seen, kills = Project(folder, options), {}, 0
    while True:
        process = project.start()
        if kills < most and project.first_job(process):
            time.sleep(rng.uniform(0, options.stretch))
        if kills == most or process.poll() is not None:
            require(process.wait() == 0, f"the batch failed:\n{project.log.read_text()}")
            break
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        kills += 1
        seen = project.inspect(seen)
        print(f"kill {kills} of this batch: {len(seen)} trainings and tables finished", flush=True)
    project.inspect(seen)
    require(project.finished().keys() == calm.finished().keys(), "not the same things were made")
    for path in calm.contents():
        same = (project.folder / path).read_bytes() == (calm.folder / path).read_bytes()
        require(same, f"'{path}' is not as in the undisturbed batch")
    left = [path for path in project.folder.rglob(".writing-*") if "_build" not in path.parts]
    require(not left, f"left behind: {left}")
    shutil.rmtree(folder)
    return kills


class Project:
    """A folder with the notebooks and a store of its own."""

    def __init__(self, folder: Path, options: argparse.Namespace) -> None:
        """``folder`` is made."""
        self.folder, self.log = folder, folder / "log"
        folder.mkdir()
        shutil.copytree(options.notebooks, folder / "notebooks")
        (folder / "pyproject.toml").write_text("")
        overrides = [option for text in OVERRIDES for option in ("--set", text)]
        python = [sys.executable, "-m", "mfta.cli", "rerun"]
        self.command = [*python, *SECTIONS, "--seeds", options.seeds, "--jobs", "2", *overrides]

    def start(self) -> subprocess.Popen:
        """Start the batch in a process group of its own."""
        own = {"MFTA_RUNS": str(self.folder / "runs"), "MFTA_RESULTS": str(self.folder / "results")}
        path = os.pathsep.join(filter(None, (str(ROOT), os.environ.get("PYTHONPATH"))))
        with self.log.open("w") as log:
            return subprocess.Popen(
                self.command,
                cwd=self.folder,
                env={**os.environ, **own, "PYTHONPATH": path},
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def first_job(self, process: subprocess.Popen) -> bool:
        """Wait until a job began; False where the batch ended before."""
        while ": started" not in self.log.read_text():
            if process.poll() is not None:
                return False
            time.sleep(0.02)
        return True

    def finished(self) -> dict[str, bytes]:
        """The certificates of all that is finished, by place."""
        return {str(p.relative_to(self.folder)): p.read_bytes() for p in self.folder.rglob("certificate.json")}

    def contents(self) -> Iterator[Path]:
        """The tables, histories and weights, relative to the folder."""
        for pattern in ("results/*/*/*/table.csv", "runs/*/history.csv", "runs/*/epoch_*.pt"):
            yield from (path.relative_to(self.folder) for path in self.folder.glob(pattern))

    def inspect(self, seen: dict[str, bytes]) -> dict[str, bytes]:
        """Check all that is finished: sound, and made once, so that its certificate is the one first seen."""
        os.environ["MFTA_RESULTS"] = str(self.folder / "results")
        for row in stored.audit():
            require(row.state in ("sound", "unfinished"), f"{row.section} {row.fingerprint}: {row.why}")
        for path in (self.folder / "runs").glob("*/certificate.json"):
            for name in (store.read_certificate(path.parent) or {})["files_sha256"]:
                store.check_file(path.parent / name)
        now = self.finished()
        for name, certificate in seen.items():
            require(now.get(name) == certificate, f"'{name}' was made again")
        return now


def require(holds: bool, otherwise: str) -> None:
    """Say what is wrong and exit with 1."""
    if not holds:
        sys.exit(otherwise)


if __name__ == "__main__":
    main()
