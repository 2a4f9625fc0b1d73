"""The commands that the README and the book's pages give: extracted, and run as far as that is cheap.

Everything that would train or install is run dry or parsed by the tool itself, so that a renamed option, target,
notebook or parameter breaks a test and not a reader's afternoon.
"""

import re
import shlex
from pathlib import Path

import pytest
import yaml
from typer.testing import CliRunner

from mfta.cli import app
from mfta.jobs import jobs

ROOT = Path(__file__).parents[1]
PAGES = ("README.md", "book/rerun.md")  # book/extend.md is carried out by a test of its own


def blocks(page, *languages):
    found = re.findall(r"^```(\w+)\n(.*?)^```", (ROOT / page).read_text(), flags=re.DOTALL | re.MULTILINE)
    return [text for language, text in found if language in languages]


def commands(page):
    """Command lines of a page's shell blocks and, of the README, those in its table of doors."""
    lines = [line for text in blocks(page, "sh", "shell") for line in text.splitlines()]
    if page == "README.md":
        lines += re.findall(r"\| `([^`]+)`", (ROOT / page).read_text())
    return [line for line in (shlex.split(text, comments=True) for text in lines) if line]


COMMANDS = [(page, command) for page in PAGES for command in commands(page)]


def test_there_are_commands_of_every_kind():
    tools = {Path(command[0]).name for _, command in COMMANDS}
    assert tools >= {"make", "mfta", "jupytext", "papermill"}


@pytest.mark.parametrize(
    ("page", "command"), COMMANDS, ids=lambda value: value if isinstance(value, str) else " ".join(value)
)
def test_the_command_is_still_one(page, command, tmp_path, monkeypatch):
    tool, *arguments = command
    {"make": target, "mfta": mfta, "jupytext": jupytext, "papermill": papermill, "pip": pip}[Path(tool).name](
        arguments, tmp_path, monkeypatch
    )


def target(arguments, tmp_path, monkeypatch):
    listed = re.search(r"^\.PHONY: (.*)$", (ROOT / "Makefile").read_text(), re.MULTILINE)[1].split()
    assert set(arguments) <= set(listed)


def mfta(arguments, tmp_path, monkeypatch):
    name, *rest = arguments
    if "SECTION" in rest or "network=yours" in rest:  # placeholders of prose
        rest = [{"SECTION": "gradients", "network=yours": "network=vgg16"}.get(text, text) for text in rest]
    if name == "rerun":
        rest.append("--dry-run")
    answer = CliRunner().invoke(app, [name, *(rest if name != "compute" else ["--help"])])
    assert answer.exit_code == 0, answer.output


def jupytext(arguments, tmp_path, monkeypatch):
    from jupytext.cli import jupytext as run

    place = arguments.index("-o") + 1
    source = arguments[-1]
    run([*arguments[:place], str(tmp_path / arguments[place]), *arguments[place + 1 : -1], str(ROOT / source)])
    assert (tmp_path / arguments[place]).exists()


def papermill(arguments, tmp_path, monkeypatch):
    from papermill.cli import papermill as command

    given = command.make_context("papermill", list(arguments)).params
    parameters = yaml.safe_load(given["parameters_yaml"][0])
    assert given["kernel"] == "python3"
    jobs(Path(given["notebook_path"]).stem, **parameters)


def pip(arguments, tmp_path, monkeypatch):
    assert arguments[0] == "install"


@pytest.mark.parametrize("page", PAGES)
def test_the_python_of_the_page_runs(page, monkeypatch):
    import mfta

    asked = []
    monkeypatch.setattr(mfta, "compute", lambda *a, **k: asked.append(jobs(*a, **k)), raising=False)
    texts = blocks(page, "python")
    assert texts
    for text in texts:
        exec(text, {})
    assert all(asked)


def test_the_readme_shows_a_picture_that_is_small():
    image = ROOT / re.search(r"!\[.{30,}\]\((.*?)\)", (ROOT / "README.md").read_text())[1]
    assert image.read_bytes().startswith(b"\x89PNG")
    assert image.stat().st_size < 200_000


def test_the_public_workflow_runs_what_ci_runs():
    workflow = yaml.safe_load((ROOT / ".github" / "workflows" / "book.yml").read_text())
    steps = workflow["jobs"]["build"]["steps"]
    assert [step["run"] for step in steps if "run" in step] == [".ci/run"]
    assert next(step["with"]["path"] for step in steps if "pages-artifact" in step.get("uses", "")) == "_build/html"
    ran = [line for line in (ROOT / ".ci" / "run").read_text().splitlines() if line.startswith("make ")]
    assert ran == ["make lint", "make book", "make test-all"]


def test_the_citation_prefers_the_paper():
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text())
    preferred = citation["preferred-citation"]
    bibliography = (ROOT / "book" / "references.bib").read_text()
    assert f"title = {{{preferred['title']}}}" in bibliography
    assert preferred["authors"][0]["family-names"] == "Stephenson"
    assert preferred["year"] == 2021
    page = (ROOT / "book" / "references.md").read_text()
    assert f"version = {{{citation['version']}}}" in page
