"""The page on extending the project, carried out in a copy of it as the page says, and run."""

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from mfta import definitions, sections

ROOT = Path(__file__).parents[2]
BLOCK = re.compile(r"^(`{3,})\{code-block\} \w+\n:caption: ([^\n]+)\n\n(.*?)^\1$", re.DOTALL | re.MULTILINE)
PLACE = re.compile(r"(\S+)(?:, (above the line|below the line|in place of)(?: of)? (.+))?")
FILES = {
    "Your own learning-rate schedule": 1,
    "Your own data set": 1,
    "Your own network": 1,
    "Another threshold": 1,
    "Another section": 3,
}
"""Files to be touched, by the page's heading."""
SECTIONS = sections.SECTIONS  # before one is added
RUN = f"""
import json, math
import mfta
from mfta import claims, definitions, sections
models = {{name: sections.section_model(name)().model_dump() for name in {SECTIONS}}}
print(json.dumps({{name: definitions.of(c, sections.computing(name)) for name, c in models.items()}}))
rules = {{(claim.key, rule.key): rule for claim in claims.CLAIMS for rule in claim.rules}}
assert (rules["C2", "radius"].below, rules["C2", "dimension"].below) == (math.log(0.8), math.log(0.9))
tiny = dict(seeds=[0], epochs=2, checkpoints=(), train_per_class=20, measured_epochs=(), points=8, draws=20)
new = dict(network="perceptron", dataset="waves", schedule="linear")
table = mfta.compute("layer_memorization", **tiny, **new)
assert list(table.layer.dropna().unique()) == ["input", "fc1", "fc2", "head"], table.layer.unique()
table = mfta.compute("confidence", seeds=[0, 1], epochs=2, checkpoints=(), train_per_class=20, **new)
assert len(table) == 2 * 2 * 2
assert (table.confidence >= 1 / 8).all()
assert mfta.run("confidence", seed=0, epochs=2, checkpoints=(), train_per_class=20, **new).dataset.classes == 8
"""


def changes():
    """By heading of the page: (file, where in it, beside what, text) of every change."""
    found = {}
    for heading, text in re.findall(r"^## (.+?)\n(.*?)(?=^## |\Z)", page(), re.DOTALL | re.MULTILINE):
        blocks = [(*PLACE.fullmatch(caption).groups(), code) for _, caption, code in BLOCK.findall(text)]
        if blocks:
            found[heading] = blocks
    return found


def page():
    """The page; front matter of the notebook in it is no heading."""
    return (ROOT / "book" / "extend.md").read_text()


def carried_out(folder):
    """The project's files in ``folder`` with every change made."""
    ignored = shutil.ignore_patterns("digitised")  # compiled kernels go with it
    shutil.copytree(ROOT / "mfta", folder / "mfta", ignore=ignored)
    shutil.copytree(ROOT / "notebooks", folder / "notebooks")
    (folder / "book").mkdir()
    shutil.copy(ROOT / "book" / "_toc.yml", folder / "book")
    shutil.copy(ROOT / "pyproject.toml", folder)
    for blocks in changes().values():
        for name, where, beside, code in blocks:
            path = folder / name
            if where is None:
                assert not path.exists()
                path.write_text(code)
                continue
            text, code = path.read_text(), code.rstrip("\n")
            assert text.count(beside) == 1, (name, beside)
            line = next(line for line in text.splitlines() if beside in line)
            old, new = {
                "above the line": (line, f"{code}\n\n\n{line}"),
                "below the line": (line, f"{line}\n{code}"),
                "in place of": (beside, code),
            }[where]
            path.write_text(text.replace(old, new))
    return folder


def python(folder, *words):
    environment = {"PYTHONPATH": str(folder), "PATH": "/usr/bin:/bin", "OMP_NUM_THREADS": "1"}
    answer = subprocess.run([sys.executable, *words], cwd=folder, env=environment, capture_output=True, text=True)
    assert answer.returncode == 0, answer.stdout[-1000:] + answer.stderr[-2000:]
    return answer.stdout


def test_so_many_files_are_touched():
    assert {heading: len({path for path, *_ in blocks}) for heading, blocks in changes().items()} == FILES


@pytest.mark.slow
def test_what_the_page_says_runs_and_leaves_every_stored_table_sound(tmp_path):
    folder = carried_out(tmp_path)
    after = json.loads(python(folder, "-c", RUN).splitlines()[0])
    models = {name: sections.section_model(name)().model_dump() for name in SECTIONS}
    assert after == {name: definitions.of(c, sections.computing(name)) for name, c in models.items()}
    python(folder, "-m", "mfta.cli", "rerun", "confidence", "--seeds", "0", "--set", "epochs=2")
    pivot = json.loads((folder / "book" / "sections" / "confidence.ipynb").read_text())["cells"][-1]["outputs"]
    assert "unpermuted" in str(pivot)
    linted = [folder / "mfta", "--config", ROOT / "pyproject.toml"]
    python(folder, "-m", "ruff", "check", *map(str, linted))
