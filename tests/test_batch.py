import importlib.metadata
import shutil
import sys
import tempfile
from pathlib import Path
from types import SimpleNamespace

import nbformat
import papermill
import pytest
from made_once import short_notebooks

from mfta import batch, pages, store
from mfta.errors import NotebookError

ROOT = Path(__file__).parents[1]
PARAMETERS = {
    "preset": "quick",
    "seeds": [0],
    "epochs": 1,
    "points": 8,
    "draws": 20,
}


@pytest.fixture
def project(tmp_path, monkeypatch):
    """A project of its own, with the real notebooks."""
    shutil.copytree(ROOT / "notebooks", tmp_path / "notebooks")
    (tmp_path / "pyproject.toml").write_text("")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def tags(cell):
    return cell.metadata.get("tags", [])


def test_a_notebook_runs_and_keeps_one_box_of_parameters(project):
    pages.execute("rewinding", PARAMETERS)
    notebook = nbformat.read(project / "book" / "sections" / "rewinding.ipynb", as_version=4)
    boxes = [cell.source for cell in notebook.cells if "parameters" in tags(cell)]
    assert len(boxes) == 1
    assert "epochs = 1" in boxes[0]
    assert "dataset = None" in boxes[0]
    assert not any("injected-parameters" in tags(cell) for cell in notebook.cells)
    assert str(project) not in nbformat.writes(notebook)
    figures = [
        output
        for cell in notebook.cells
        for output in cell.get("outputs", [])
        if "image/svg+xml" in output.get("data", {})
    ]
    named = [cell for cell in notebook.cells if "mystnb" in cell.metadata]
    assert len(figures) >= len(named) > 0  # those of the claims have no number of their own


@pytest.mark.parametrize(
    ("parameters", "message"),
    [({"epoch": 3}, "Did you mean 'epochs'"), ({"epochs": "three"}, "epochs = 'three' is refused")],
)
def test_a_failed_notebook_is_kept_apart(project, parameters, message):
    old = project / "book" / "sections" / "layer_memorization.ipynb"
    old.parent.mkdir(parents=True)
    old.write_text("an older one")
    with pytest.raises(NotebookError, match=message):
        pages.execute("layer_memorization", parameters)
    assert not old.exists()
    assert (project / "_build" / "failed" / "layer_memorization.ipynb").exists()


def test_plain_papermill_refuses_too(project):
    import jupytext

    source = project / "in.ipynb"
    jupytext.write(jupytext.read(project / "notebooks" / "layer_memorization.md"), source)
    with pytest.raises(papermill.PapermillExecutionError, match="no parameter 'nn'"):
        papermill.execute_notebook(source, project / "out.ipynb", {"nn": 3}, progress_bar=False)


def test_the_kernel_is_this_python_whatever_jupyter_path_says(project, monkeypatch):
    spec = project / "elsewhere" / "kernels" / "python3" / "kernel.json"
    spec.parent.mkdir(parents=True)
    spec.write_text('{"argv": ["/nowhere/python", "{connection_file}"], "display_name": "x", "language": "python"}')
    monkeypatch.setenv("JUPYTER_PATH", str(project / "elsewhere"))
    with pytest.raises(NotebookError, match="no parameter 'epoch'"):  # so the kernel ran, and ours
        pages.execute("layer_memorization", {"epoch": 3})


TINY = {**PARAMETERS, "checkpoints": [], "train_per_class": 20}
TINY = {name: value for name, value in TINY.items() if name not in ("preset", "seeds")}
SECTIONS = ["layer_memorization", "rewinding"]


def rerun(sections, n_jobs=1, seeds=(0,), **overrides):
    tasks = batch.rerun(sections, "quick", seeds=list(seeds), **{**TINY, **overrides})
    return {event.name: event.error for event in batch.carry_out(tasks, n_jobs) if event.kind == "ended"}


def test_parameters_of_all_sections_are_checked_before_anything_starts(project):
    with pytest.raises(ValueError, match="no parameter 'epoch'"):
        batch.rerun([], "quick", epoch=3)


def test_sections_share_their_trainings_which_come_first(project):
    tasks = batch.rerun(SECTIONS, "quick", seeds=[0, 1], **TINY)
    names = [task.name for task in tasks]
    trained = [name for name in names if name.startswith("training")]
    assert len(trained) == 2  # a seed, not a section and seed
    assert names[:2] == trained
    assert len(names) == 2 + 4 + 2
    assert {task.after for task in tasks if task.name.endswith("seed 0")} == {(trained[0],)}
    assert [task.state for task in tasks] == ["missing"] * 6 + ["", ""]
    assert all(task.wanted for task in tasks)
    # No table is new once a notebook was executed: each waits for all, and for the sweep's, which stores some.
    assert all(set(names[:6]) <= {*task.after, *task.follows} for task in tasks[6:])
    others = batch.rerun([], "quick", seeds=[0])
    pages_of = [task for task in others if task.name.startswith("notebook ")]
    assert pages_of[0].name == "notebook sweep"  # it stores tables as well
    assert all("notebook sweep" in {*task.after, *task.follows} for task in pages_of[1:])


def test_a_batch_makes_what_is_missing_once_and_goes_on_past_a_failure(project):
    short_notebooks(project / "notebooks", SECTIONS)
    errors = rerun(["layer_memorization"])
    assert len(errors) == 3
    assert not any(errors.values())
    (table,) = (project / "results").glob("*/*/*/table.csv")
    before = table.stat().st_mtime_ns
    assert rerun(["layer_memorization"]) == {}
    table.write_text(table.read_text() + "0\n")
    errors = rerun(SECTIONS, n_jobs=2)
    assert "table.csv' is not what its certificate says" in errors["layer_memorization, seed 0"]
    assert errors["notebook layer_memorization"] == "not started, as layer_memorization, seed 0 failed"
    assert not (project / "book" / "sections" / "layer_memorization.ipynb").exists()
    assert errors["rewinding, seed 0"] == ""
    tasks = batch.rerun(["layer_memorization"], "quick", force=True, seeds=[0], **TINY)
    assert not any(event.error for event in batch.carry_out(tasks))
    assert table.stat().st_mtime_ns > before


def test_a_notebook_is_executed_again_where_anything_that_it_depends_on_has_changed(project, monkeypatch):
    (project / "package").mkdir()
    monkeypatch.setattr(pages, "PACKAGE", project / "package")
    source = project / "notebooks" / "short.md"
    source.write_text("```{code-cell}\n:tags: [parameters]\nn = 1\n```\n{download}`its table <short.csv>`\n")
    offered = pages.place("short").with_name("short.csv")
    offered.parent.mkdir(parents=True)
    offered.write_text("n\n2\n")
    pages.execute("short", {"n": 2})

    def current(n=2):
        return pages.is_current("short", {"n": n}, pages.surroundings())

    assert current()
    assert not current(n=3)
    table = project / "results" / "quick" / "rewinding" / "0" / "table.csv"
    for path in (table, project / "package" / "new.py", source, pages.place("short")):
        before = path.read_bytes() if path.exists() else b""
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(before + b" ")
        assert not current(), path
        path.write_bytes(before) if before else path.unlink()
        assert current(), path
    offered.unlink()
    assert not current()
    offered.write_text("n\n2\n")
    assert current()
    store.remove(pages.place("short"))
    assert not current()


def test_what_is_installed_and_which_data_are_there_belong_to_the_surroundings(project, monkeypatch):
    monkeypatch.setattr(pages, "PACKAGE", project / "package")
    monkeypatch.setenv("MFTA_DATA", str(project / "data"))
    (project / "data").mkdir()
    found = [pages.surroundings()]
    (project / "data" / "cifar-100-python").mkdir()
    found.append(pages.surroundings())
    other = [SimpleNamespace(name="torch", version="0.1")]
    monkeypatch.setattr(importlib.metadata, "distributions", lambda: other)
    found.append(pages.surroundings())
    assert len(set(found)) == 3
    assert pages.surroundings() == found[-1]


def test_without_notebooks_nothing_starts(project):
    shutil.rmtree(project / "notebooks")
    with pytest.raises(NotebookError, match=r"no notebook .*gradients\.md'\. Run it in a clone of the repository"):
        batch.rerun(["gradients"], "quick")


def test_a_notebook_without_the_tag_is_refused(project):
    path = project / "notebooks" / "layer_memorization.md"
    path.write_text(path.read_text().replace(":tags: [parameters]", ":tags: [hide-input]"))
    with pytest.raises(NotebookError, match="has 0 cells with the tag `parameters`: tag the one"):
        pages.execute("layer_memorization", PARAMETERS)


def test_plain_papermill_on_a_notebook_without_the_tag_refuses_too(project):
    import jupytext

    text = (project / "notebooks" / "layer_memorization.md").read_text().replace(":tags: [parameters]", "")
    source = project / "in.ipynb"
    jupytext.write(jupytext.reads(text, fmt="md:myst"), source)
    with pytest.raises(papermill.PapermillExecutionError, match="tag the cell that sets them `parameters`"):
        papermill.execute_notebook(source, project / "out.ipynb", {"epochs": 1}, progress_bar=False)


STARTS_LATE = """#!{python}
import os, sys
if not os.path.exists({mark!r}):
    open({mark!r}, "w").close()
    sys.exit("zmq.error.ZMQError: Address already in use")
os.execv({python!r}, [{python!r}, *sys.argv[1:]])
"""


def test_a_kernel_that_dies_before_its_first_answer_is_started_once_more(project, monkeypatch):
    path = project / "python"
    path.write_text(STARTS_LATE.format(python=sys.executable, mark=str(project / "tried")))
    path.chmod(0o755)
    (project / "notebooks" / "page.md").write_text(PAGE)
    monkeypatch.setattr(sys, "executable", str(path))
    pages.execute("page", {"number": 3})
    assert (project / "tried").exists()
    path.write_text("#!/bin/sh\nexit 1\n")
    with pytest.raises(NotebookError, match=r"^its kernel did not start, twice \("):
        pages.execute("page", {"number": 3})
    assert not (project / "book" / "sections" / "page.ipynb").exists()


PAGE = """---
kernelspec:
  display_name: Python 3
  language: python
  name: python3
---

```{code-cell} ipython3
:tags: [parameters]

number = 1
```

```{code-cell} ipython3
import os, sys, tempfile, warnings
from pathlib import Path

warnings.warn("known")
print(sys.executable, tempfile.gettempdir(), os.environ["MFTA_RUNS"], Path.home() / "thesis", number)
Path.cwd() / "book"
```
"""


def test_a_page_names_no_place_of_the_machine(tmp_path, monkeypatch):
    """In a folder with every odd sign, in whose name papermill would fill in parameters and rich would see markup."""
    root = tmp_path / "odd [bold] 'name' #1 100% {number}"
    for name in ("notebooks", "home", "tmp {x}"):
        (root / name).mkdir(parents=True)
    (root / "pyproject.toml").write_text("")
    (root / "notebooks" / "page.md").write_text(PAGE)
    monkeypatch.chdir(root)
    for name, place in (("HOME", "home"), ("TMPDIR", "tmp {x}"), ("MFTA_RUNS", "stored here")):
        monkeypatch.setenv(name, str(root / place))
    monkeypatch.setattr(tempfile, "tempdir", None)
    pages.execute("page", {"number": 3})
    text = (root / "book" / "sections" / "page.ipynb").read_text()
    for hidden in (str(tmp_path), "odd [bold]", str(Path(sys.prefix)), "/ipykernel_"):
        assert hidden not in text
    assert "tmp runs ~/thesis 3" in text
    assert "UserWarning: known" in text


def test_relative_places_are_the_callers_in_the_kernel_too(project, monkeypatch):
    (project / "below").mkdir()
    monkeypatch.chdir(project / "below")
    page = PAGE.replace("print(", "Path(os.environ['MFTA_RUNS']).mkdir(parents=True)\nprint(")
    (project / "notebooks" / "page.md").write_text(page)
    monkeypatch.setenv("MFTA_RUNS", "../kept/runs")
    pages.execute("page", {})
    assert (project / "kept" / "runs").exists()
