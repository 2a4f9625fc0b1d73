"""Bad input of every kind, and the one line that each is answered with.

``python tests/test_refusals.py`` writes the table of them, book/refusals.md; the tests hold it in agreement.
"""

import re
import shutil
import sys
from pathlib import Path

import pytest
import refused
import refused_store
from made_once import store_in

import mfta
from mfta import data, training
from mfta.errors import MftaError

PAGE = Path(__file__).parents[1] / "book" / "refusals.md"
CASES = [*refused.CASES, *refused_store.CASES]
HEAD = """# What is refused, and how

Bad input tried by the tests, and the line each is answered with: it names the thing and what to do. The command
line shows it after the kind of error and exits with 2; nothing is computed or written. The table is written by
`python tests/test_refusals.py`, which tries them all; paths and lists of names are shortened to `…`.

"""


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """A store with one small table and its run."""
    folder = tmp_path_factory.mktemp("finished")
    with store_in(folder):
        refused_store.tiny_job().table()
    return folder


@pytest.fixture
def answer(request, tmp_path, monkeypatch):
    """Try a case in a folder of its own; return its message, which must be one line."""

    def attempt(case):
        if case.group == "The store":
            shutil.copytree(request.getfixturevalue("finished"), tmp_path, dirs_exist_ok=True)
        else:
            monkeypatch.setattr(training, "run", None)  # nothing may start
        monkeypatch.setattr(data.CIFAR100, "download", refused.no_network)
        monkeypatch.delenv("MFTA_DATA", raising=False)
        monkeypatch.chdir(tmp_path)
        try:
            message = case.act(tmp_path)
        except (MftaError, mfta.GeometryError) as error:
            message = str(error)
        assert message, "it was not refused"
        assert "\n" not in message.strip()
        message = re.sub("\x1b.*?m", "", message.strip().replace(str(tmp_path), "…"))  # torch's own colours
        return re.sub(r"(parameters|sections|presets): .*", r"\1: …", message)

    return attempt


def row(case, message):
    cells = [f"`{case.tried}`" if "(" in case.tried or case.group == "Commands" else case.tried, message]
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.tried[:60])
def test_bad_input_is_answered_as_the_page_says(case, answer, request):
    line = row(case, answer(case))
    writer = getattr(request.config, "writer", None)
    if writer:
        writer.rows.setdefault(case.group, []).append(line)
    else:
        assert line in PAGE.read_text().splitlines(), "run `python tests/test_refusals.py` to write the page anew"


def test_the_page_has_no_other_rows_and_many():
    rows = [line for line in PAGE.read_text().splitlines() if line.startswith("| ") and "---" not in line]
    groups = {case.group for case in CASES}
    assert len(rows) == len(CASES) + len(groups)  # and a head a group
    assert len(CASES) >= 40


class Writer:
    """A plugin of pytest that collects the rows, in the order of the cases."""

    def __init__(self):
        self.rows = {}

    def pytest_configure(self, config):
        config.writer = self

    def text(self):
        parts = [
            f"## {group}\n\n| tried | answer |\n|---|---|\n" + "\n".join(rows) for group, rows in self.rows.items()
        ]
        return HEAD + "\n\n".join(parts) + "\n"


if __name__ == "__main__":
    collected = Writer()
    failed = pytest.main([__file__, "-k", "answered"], plugins=[collected])
    if not failed:
        PAGE.write_text(collected.text())
    sys.exit(failed)
