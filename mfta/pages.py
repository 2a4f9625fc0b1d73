"""Papermill over one notebook: its parameters checked first, a failure kept apart.

Executed notebooks go to ``book/sections/``, which the book renders and never executes. A notebook that
failed goes to ``_build/failed/`` for reading, and no older one is left in its place. One of which nothing
changed since that it depends on is not executed again.
"""

import hashlib
import importlib.metadata
import json
import os
import re
import sys
import tempfile
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Any
from unittest.mock import patch

import jupytext
import nbformat
import papermill
import zmq
from nbclient.exceptions import CellTimeoutError, DeadKernelError
from papermill.exceptions import PapermillExecutionError

from mfta import store
from mfta.circumstances import PACKAGE
from mfta.errors import NotebookError, nearest
from mfta.geometry import blocks
from mfta.sections import SECTIONS

KERNEL = "mfta"
PYTHON = {"name": "python3", "display_name": "Python 3", "language": "python"}
PAGES = ("method", "explorer", "verdicts", "comparison", "robustness", "sweep", "own_network", "build")
"""Notebooks of no section: the method drawn on small examples, and what is stored; executed after the sections."""


def check(names: Iterable[str]) -> None:
    """Refuse where a notebook is absent, before anything is computed for it."""
    folder = store.home() / "notebooks"
    for name in names:
        if not (folder / f"{name}.md").exists():
            known = sorted(file.stem for file in folder.glob("*.md"))
            there = f"The notebooks: {', '.join(known)}" if known else "Run it in a clone of the repository"
            raise NotebookError(f"there is no notebook '{folder / name}.md'.{nearest(name, known)} {there}")


def surroundings() -> str:
    """A digest of what any notebook may depend on: the package, what is installed and stored, what data are there."""
    installed = sorted(f"{one.name} {one.version}" for one in importlib.metadata.distributions())
    data = sorted(path.name for path in store.folder("MFTA_DATA", "data").glob("*"))
    digest = hashlib.sha256(json.dumps([sys.version, installed, data]).encode())
    for folder in (PACKAGE, store.results_directory()):
        for path in sorted(folder.rglob("*.*")):
            if path.suffix in (".py", ".yaml", ".csv", ".json"):
                with suppress(OSError):  # another process replaces it just now
                    digest.update(str(path.relative_to(folder)).encode() + path.read_bytes())
    return digest.hexdigest()


def is_current(name: str, parameters: dict[str, Any], around: str) -> bool:
    """Whether the executed notebook is the one that these parameters and :func:`surroundings` gave."""
    try:
        return _mark(name).read_text(encoding="utf-8") == _made_of(name, parameters, around)
    except OSError:
        return False


def _made_of(name: str, parameters: dict[str, Any], around: str) -> str:
    """A digest of the executed notebook as it lies there, with its downloads, and of all that it was made of."""
    given = json.dumps([around, parameters], sort_keys=True, default=str).encode()
    source = (store.home() / "notebooks" / f"{name}.md").read_bytes()
    offered = re.findall(rb"[<`]([\w.-]+\.csv)[>`]", source)  # what it put beside itself for download
    beside = [place(name).with_name(csv.decode()).read_bytes() for csv in offered]
    return hashlib.sha256(b"".join([given, source, place(name).read_bytes(), *beside])).hexdigest()


def _mark(name: str) -> Path:
    """A hidden file beside the executed notebook; the notebook itself says nothing of this machine."""
    return place(name).with_name(f".{name}.made_of")


def execute(name: str, parameters: dict[str, Any]) -> None:
    """Execute one notebook into ``book/sections/``. Raises NotebookError where it fails."""
    good, around = place(name), surroundings()
    bad = store.home() / "_build" / "failed" / good.name
    store.remove(good)
    notebook = prepare(name, {name: value for name, value in parameters.items() if value is not None})
    with tempfile.TemporaryDirectory() as text:
        done = Path(text) / "out.ipynb"
        with patch.dict(os.environ, own_kernel(Path(text))):
            os.environ.pop("MATPLOTLIBRC", None)
            error = _run(notebook, done, bad)
        notebook = nbformat.read(done, as_version=4) if done.exists() else notebook
    tidy(notebook)
    store.write(bad if error else good, lambda buffer: buffer.write(nbformat.writes(notebook).encode()))
    if error:
        raise NotebookError(error)
    bad.unlink(missing_ok=True)
    with suppress(OSError):  # a download is not there
        made_of = _made_of(name, parameters, around)
        store.write(_mark(name), lambda buffer: buffer.write(made_of.encode()))


def _run(notebook: nbformat.NotebookNode, done: Path, bad: Path) -> str:
    """Run the notebook; once more where its kernel did not start: it happens, when a port is taken say."""
    target = str(done).replace("{", "{{").replace("}", "}}")  # papermill fills in what stands in braces in a path
    error = ""
    for _ in range(2):
        try:
            papermill.execute_notebook(notebook, target, kernel_name=KERNEL, progress_bar=False, cwd=store.home())
            return ""
        except PapermillExecutionError as failure:
            return f"cell {failure.exec_count}: {failure.ename}: {failure.evalue}; read '{bad}'"
        except (DeadKernelError, CellTimeoutError) as failure:
            return f"its kernel died ({str(failure).splitlines()[0]}); read '{bad}'"
        except (RuntimeError, zmq.ZMQError) as failure:
            error = f"its kernel did not start, twice ({(str(failure).splitlines() or [''])[0]}); run it again"
    return error


def prepare(name: str, given: dict[str, Any]) -> nbformat.NotebookNode:
    """The notebook with these parameters in its box. Raises NotebookError where it cannot be given them."""
    path = store.home() / "notebooks" / f"{name}.md"
    check([name])
    notebook = jupytext.read(path)
    notebook.metadata = nbformat.from_dict({"kernelspec": PYTHON})
    boxes = [cell for cell in notebook.cells if "parameters" in cell.metadata.get("tags", [])]
    if len(boxes) != 1:
        raise NotebookError(
            f"'{path}' has {len(boxes)} cells with the tag `parameters`:"
            " tag the one that sets them, so that papermill can replace what it sets"
        )
    names = sorted(papermill.inspect_notebook(notebook))
    unknown = [name for name in given if name not in names]
    if unknown and name not in SECTIONS:  # a section's notebook takes all of its config, and checks it
        hint = nearest(unknown[0], names)
        raise NotebookError(f"'{path}' has no parameter '{unknown[0]}'.{hint} Its parameters: {', '.join(names)}")
    kept = [line for line in boxes[0].source.splitlines() if line.split(" = ")[0] not in given]
    boxes[0].source = "\n".join([*kept, *(f"{of} = {value!r}" for of, value in given.items())])
    return notebook


def own_kernel(folder: Path) -> dict[str, str]:
    """The environment of a kernel that is this very Python, whatever the user's own settings and home are."""
    spec = folder / "kernels" / KERNEL / "kernel.json"
    spec.parent.mkdir(parents=True)
    argv = [sys.executable, "-m", "ipykernel_launcher", "--log-level=40", "-f", "{connection_file}"]
    spec.write_text(json.dumps({"argv": argv, "display_name": "mfta", "language": "python"}))
    places = {"JUPYTER_PATH": str(folder), "JUPYTER_RUNTIME_DIR": str(folder / "runtime")}
    places |= {"JUPYTER_CONFIG_DIR": str(folder / "config"), "IPYTHONDIR": str(folder / "ipython")}
    # The kernel starts in the project's folder, from which what is relative would be another place.
    places |= {"MFTA_RUNS": str(store.runs_directory()), "MFTA_RESULTS": str(store.results_directory())}
    places |= {"MFTA_DATA": str(store.folder("MFTA_DATA", "data")), "MFTA_PAGES": "1"}
    if not os.access(os.path.expanduser("~"), os.W_OK):  # noqa: PTH111 (there may be no home)
        places["MPLCONFIGDIR"] = str(store.home() / "_build" / "matplotlib")
    return places


def place(name: str) -> Path:
    """Where an executed notebook lies."""
    return store.home() / "book" / "sections" / f"{name}.ipynb"


def tidy(notebook: nbformat.NotebookNode) -> None:
    """Leave nothing that names this machine or moment."""
    for cell in notebook.cells:
        cell.metadata.pop("papermill", None)
        cell.metadata.pop("execution", None)
        if "outputs" in cell:
            cell.outputs = [_without_places(out) for out in cell.outputs if out.get("text") != blocks.NOTICE]
    notebook.metadata.pop("papermill", None)
    notebook.metadata["kernelspec"] = PYTHON


def _without_places(part: Any) -> Any:
    """An output, or a part of one, without the machine's folders in its texts."""
    if isinstance(part, dict):
        return nbformat.NotebookNode({name: _without_places(value) for name, value in part.items()})
    if isinstance(part, list):
        return [_without_places(line) for line in part]
    return store.without_places(part) if isinstance(part, str) else part
