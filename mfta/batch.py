"""Papermill over the notebooks: parameters checked first, tables computed, failures kept apart.

Executed notebooks go to ``book/sections/``, which the book renders and never executes. A notebook that
failed goes to ``_build/failed/`` for reading, and no older one is left in its place.
"""

import json
import os
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import joblib
import jupytext
import nbformat
import papermill
from nbclient.exceptions import CellTimeoutError, DeadKernelError
from papermill.exceptions import PapermillExecutionError

from mfta import configs, pool, store
from mfta.errors import NotebookError, nearest
from mfta.jobs import SECTIONS, Job, jobs
from mfta.plan import Step, steps

KERNEL = "mfta"
PAGES = ("method", "explorer", "verdicts", "comparison", "robustness", "build")
"""Notebooks of no section: the method drawn on small examples, and what is stored; executed after the sections."""


def planned(
    sections: Sequence[str], preset: str, overrides: dict[str, Any], seeds: list[int] | None = None
) -> dict[str, list[Job]]:
    """The jobs of each section (none: of all), after all parameters of all of them were checked."""
    chosen = dict.fromkeys(sections or SECTIONS)
    return {section: jobs(section, preset, seeds, **overrides) for section in chosen}


def rerun(
    sections: Sequence[str],
    preset: str,
    overrides: dict[str, Any],
    seeds: list[int] | None = None,
    force: bool = False,
) -> tuple[list[Step], list[pool.Task]]:
    """What is to be done: the steps, and all tasks, the notebooks' among them. :func:`carry_out` does it."""
    listed = planned(sections, preset, overrides, seeds)
    made = steps([job for section in listed.values() for job in section], force)
    tasks = [step.task for step in made if step.task]
    parameters = {"preset": preset, "seeds": seeds, **overrides}
    for section in listed:
        before = tuple(task.name for task in tasks if task.name.startswith(f"{section}, "))
        tasks.append(pool.Task(f"notebook {section}", partial(_execute, section, parameters), after=before))
    everything = tuple(task.name for task in tasks)
    for page in PAGES if not sections else ():
        tasks.append(pool.Task(f"notebook {page}", partial(_execute, page, {}), after=everything))
    return made, tasks


def at_once(tasks: Sequence[pool.Task], n_jobs: int, cores: int | None = None) -> int:
    """How many of the jobs may run at a time, so that their threads together are at most the cores."""
    widest = max((task.threads for task in tasks), default=1)
    return max(1, min(n_jobs, (cores or joblib.cpu_count()) // widest))


def carry_out(tasks: Sequence[pool.Task], n_jobs: int = 1) -> Iterator[pool.Event]:
    """Do the tasks, ``n_jobs`` at a time if there are cores for them; yield what happens."""
    logs = store.home() / "_build" / "logs"
    for event in pool.run(tasks, n_jobs, joblib.cpu_count(), logs):
        if event.error and event.task.name.startswith("notebook "):
            _remove(_place(event.task.name.removeprefix("notebook ")))  # an older one would pass for this one
        yield event


def execute(section: str, parameters: dict[str, Any]) -> str:
    """Execute one notebook into ``book/sections/``; return what went wrong, or nothing."""
    good = _place(section)
    bad = store.home() / "_build" / "failed" / good.name
    _remove(good)
    given = {name: value for name, value in parameters.items() if value is not None}
    with tempfile.TemporaryDirectory() as folder, _this_python(Path(folder)):
        source, target = Path(folder) / "in.ipynb", Path(folder) / "out.ipynb"
        error = _prepare(section, source, given)
        if error:
            return error
        try:
            papermill.execute_notebook(
                source, target, given, kernel_name=KERNEL, progress_bar=False, cwd=str(store.home())
            )
        except PapermillExecutionError as failure:
            error = f"cell {failure.exec_count}: {failure.ename}: {failure.evalue}; read '{bad}'"
        except (DeadKernelError, CellTimeoutError) as failure:
            error = f"its kernel died ({str(failure).splitlines()[0]}); read '{bad}'"
        notebook = nbformat.read(target, as_version=4)
    _tidy(notebook)
    store.write(bad if error else good, lambda buffer: buffer.write(nbformat.writes(notebook).encode()))
    if not error:
        bad.unlink(missing_ok=True)
    return error


def _execute(section: str, parameters: dict[str, Any]) -> None:
    error = execute(section, parameters)
    if error:
        raise NotebookError(error)


def _prepare(section: str, source: Path, given: dict[str, Any]) -> str:
    """Write the notebook as papermill reads it; return why it cannot be given these parameters, or nothing."""
    path = store.home() / "notebooks" / f"{section}.md"
    if not path.exists():
        known = sorted(file.stem for file in path.parent.glob("*.md"))
        return f"there is no notebook '{path}'.{nearest(section, known)} The notebooks: {', '.join(known)}"
    jupytext.write(jupytext.read(path), source)
    tags = [tag for cell in nbformat.read(source, as_version=4).cells for tag in cell.metadata.get("tags", [])]
    if tags.count("parameters") != 1:
        return (
            f"'{path}' has {tags.count('parameters')} cells with the tag `parameters`:"
            " tag the one that sets them, so that papermill can replace what it sets"
        )
    names = sorted(papermill.inspect_notebook(source))
    unknown = [name for name in given if name not in names]
    if unknown and section not in configs.SECTIONS:  # a section's notebook takes all of its config, and checks it
        hint = nearest(unknown[0], names)
        return f"'{path}' has no parameter '{unknown[0]}'.{hint} Its parameters: {', '.join(names)}"
    return ""


def _place(section: str) -> Path:
    return store.home() / "book" / "sections" / f"{section}.ipynb"


def _remove(path: Path) -> None:
    try:
        path.unlink(missing_ok=True)
    except OSError as error:
        raise NotebookError(f"cannot replace '{path}' ({error.strerror}): allow writing there") from None


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
