"""Papermill over the notebooks: parameters checked first, tables computed, failures kept apart.

Executed notebooks go to ``book/sections/``, which the book renders and never executes. A notebook that
failed goes to ``_build/failed/`` for reading, and no older one is left in its place.
"""

import json
import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import joblib
import jupytext
import nbformat
import papermill
from papermill.exceptions import PapermillExecutionError

from mfta import store
from mfta.errors import MftaError
from mfta.jobs import SECTIONS, Job, jobs

KERNEL = "mfta"


@dataclass(frozen=True)
class Outcome:
    """How one job or notebook ended; ``error`` is empty where all went well."""

    what: str
    error: str = ""


def rerun(
    sections: list[str],
    preset: str,
    overrides: dict[str, Any],
    seeds: list[int] | None = None,
    n_jobs: int = 1,
) -> Iterator[Outcome]:
    """Compute what is missing, ``n_jobs`` at a time, then execute the notebooks; yield every outcome.

    All parameters of all sections are checked before the first job starts.
    """
    chosen = sections or list(SECTIONS)
    planned = {section: jobs(section, preset, seeds, **overrides) for section in chosen}
    missing = [job for listed in planned.values() for job in listed if job.wanted]
    failed = set()
    with joblib.Parallel(n_jobs=n_jobs, return_as="generator_unordered") as parallel:
        for job, error in parallel(joblib.delayed(_compute)(job) for job in missing):
            failed |= {job.section} if error else set()
            yield Outcome(str(job), error)
    parameters = {"preset": preset, "seeds": seeds, **overrides}
    for section in chosen:
        if section not in failed:
            yield Outcome(f"notebook {section}", execute(section, parameters))


def execute(section: str, parameters: dict[str, Any]) -> str:
    """Execute one notebook into ``book/sections/``; return what went wrong, or nothing."""
    good = store.home() / "book" / "sections" / f"{section}.ipynb"
    bad = store.home() / "_build" / "failed" / good.name
    good.unlink(missing_ok=True)
    with tempfile.TemporaryDirectory() as folder, _this_python(Path(folder)):
        source, target = Path(folder) / "in.ipynb", Path(folder) / "out.ipynb"
        jupytext.write(jupytext.read(store.home() / "notebooks" / f"{section}.md"), source)
        given = {name: value for name, value in parameters.items() if value is not None}
        error = ""
        try:
            papermill.execute_notebook(
                source, target, given, kernel_name=KERNEL, progress_bar=False, cwd=str(store.home())
            )
        except PapermillExecutionError as failure:
            error = f"cell {failure.exec_count}: {failure.ename}: {failure.evalue}; read '{bad}'"
        notebook = nbformat.read(target, as_version=4)
    _tidy(notebook)
    store.write(bad if error else good, lambda buffer: buffer.write(nbformat.writes(notebook).encode()))
    if not error:
        bad.unlink(missing_ok=True)
    return error


def _compute(job: Job) -> tuple[Job, str]:
    try:
        job.table()
    except (MftaError, ValueError) as error:
        return job, str(error)
    return job, ""


def _tidy(notebook: nbformat.NotebookNode) -> None:
    """Leave one box of parameters, and nothing that names this machine or moment."""
    tags = [cell.metadata.get("tags", []) for cell in notebook.cells]
    injected = next((i for i, t in enumerate(tags) if "injected-parameters" in t), None)
    if injected is not None:
        default = next(i for i, t in enumerate(tags) if "parameters" in t)
        given = notebook.cells.pop(injected)
        assigned = [line for line in given.source.splitlines() if " = " in line]
        names = {line.split(" = ")[0] for line in assigned}
        kept = [line for line in notebook.cells[default].source.splitlines() if line.split(" = ")[0] not in names]
        notebook.cells[default].source = "\n".join(kept + assigned)
    for cell in notebook.cells:
        cell.metadata.pop("papermill", None)
        cell.metadata.pop("execution", None)
    notebook.metadata.pop("papermill", None)
    notebook.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3", "language": "python"}


@contextmanager
def _this_python(folder: Path) -> Iterator[None]:
    """A kernel that is this very Python, whatever kernels the user or ``JUPYTER_PATH`` offer."""
    spec = folder / "kernels" / KERNEL / "kernel.json"
    spec.parent.mkdir(parents=True)
    argv = [sys.executable, "-m", "ipykernel_launcher", "--log-level=40", "-f", "{connection_file}"]
    spec.write_text(json.dumps({"argv": argv, "display_name": "mfta", "language": "python"}))
    before = os.environ.get("JUPYTER_PATH")
    os.environ["JUPYTER_PATH"] = str(folder)
    try:
        yield
    finally:
        if before is None:
            del os.environ["JUPYTER_PATH"]
        else:
            os.environ["JUPYTER_PATH"] = before
