import shutil
from pathlib import Path

import nbformat
import papermill
import pytest

from mfta import batch

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
    assert batch.execute("layer_memorization", PARAMETERS) == ""
    notebook = nbformat.read(project / "book" / "sections" / "layer_memorization.ipynb", as_version=4)
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
    assert len(figures) == 3


@pytest.mark.parametrize(
    ("parameters", "message"),
    [({"epoch": 3}, "Did you mean 'epochs'"), ({"epochs": "three"}, "epochs = 'three' is refused")],
)
def test_a_failed_notebook_is_kept_apart(project, parameters, message):
    old = project / "book" / "sections" / "layer_memorization.ipynb"
    old.parent.mkdir(parents=True)
    old.write_text("an older one")
    error = batch.execute("layer_memorization", parameters)
    assert message in error
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
    error = batch.execute("layer_memorization", {"epoch": 3})
    assert "no parameter 'epoch'" in error  # so the kernel ran, and ours


def test_parameters_of_all_sections_are_checked_before_anything_starts(project, monkeypatch):
    monkeypatch.setattr(batch, "_compute", None)
    with pytest.raises(ValueError, match="no parameter 'epoch'"):
        list(batch.rerun([], "quick", {"epoch": 3}))
