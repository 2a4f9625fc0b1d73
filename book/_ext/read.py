"""Execute all pages from stored tables alone, without PyTorch: ``make read``.

A page is executed as far as that goes. A cell that needs PyTorch, or that uses what such a cell would have made, is
shown with its code and a note instead of its output.
"""

import ast
import os
import re
import sys
import tempfile
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import nbformat
import without_torch
from nbclient import NotebookClient

from mfta.errors import NeedsTorch, NotebookError

without_torch.begin()

from mfta import pages, store  # noqa: E402
from mfta.sections import SECTIONS  # noqa: E402

HERE = str(Path(__file__).parent)
QUOTE = r"\{glue:text\}`PLACE(\w+):?([^`]*)`"
DOWNLOAD = r"\{download\}`([^<`]+?) <([^>`]+\.csv)>`"
RECORD = "application/papermill.record/"
NOTE = "*Not run: this needs PyTorch, or a table that is not stored. `make book` runs it.*"
HEAD = """:::{note}
This copy of the page was made from stored tables alone (`make read`). Some of its cells were not run: they need
PyTorch, or tables that are not stored. What they would show is missing below.
:::"""


def execute(page: str, quoted: Iterable[tuple[str, str]]) -> list[str]:
    """Execute one notebook into ``book/sections/`` as far as it goes; return what failed for another reason.

    quoted: names, each with its format, of the values that prose quotes from the page.
    """
    try:
        notebook = pages.prepare(page, {})
    except NotebookError as error:
        return [str(error)]
    client = NotebookClient(notebook, kernel_name=pages.KERNEL, allow_errors=True, timeout=600)
    client.execute(cwd=str(store.home()))
    failures, lost = [], set[str]()
    for cell in (cell for cell in notebook.cells if cell.cell_type == "code"):
        error = next((output for output in cell.outputs if output.output_type == "error"), None)
        makes, uses = _names(cell.source)
        lacks = uses & lost if error else uses & lost - makes  # a loop has its own names
        if lacks or (error and error.ename == NeedsTorch.__name__):
            lost |= makes  # what such a cell made before it stopped counts as lost, too
            cell.outputs = [nbformat.v4.new_output("display_data", {"text/markdown": NOTE})]
        elif error:
            failures.append(f"{page}: {error.ename}: {error.evalue}")
        else:
            lost -= makes
    _fill_in(notebook, quoted)
    for cell in (cell for cell in notebook.cells if cell.cell_type == "markdown"):
        cell.source = re.sub(DOWNLOAD, lambda found: found[0 if _offered(page, found[2]) else 1], cell.source)
    pages.tidy(notebook)
    store.write(pages.place(page), lambda buffer: buffer.write(nbformat.writes(notebook).encode()))
    return failures


def _offered(page: str, name: str) -> bool:
    """Whether the page put that table beside itself; a link to nothing would be a warning."""
    return pages.place(page).with_name(name).exists()


def _names(source: str) -> tuple[set[str], set[str]]:
    """Names that a cell defines, and names that it uses of earlier cells or the language."""
    lines = [line for line in source.splitlines() if not line.startswith(("%", "!"))]
    nodes = list(ast.walk(ast.parse("\n".join(lines))))
    makes = {node.id for node in nodes if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)}
    makes |= {node.name for node in nodes if isinstance(node, ast.FunctionDef | ast.ClassDef)}
    imported = [alias for node in nodes if isinstance(node, ast.Import | ast.ImportFrom) for alias in node.names]
    makes |= {alias.asname or alias.name.split(".")[0] for alias in imported}
    uses = {node.id for node in nodes if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load)}
    return makes, uses - {alias.asname or alias.name.split(".")[0] for alias in imported}


def _fill_in(notebook: nbformat.NotebookNode, quoted: Iterable[tuple[str, str]]) -> None:
    """Where cells were not run, say so at the head, and give the prose something to quote."""
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", [])]
    if not any(output.get("data", {}).get("text/markdown") == NOTE for output in outputs):
        return
    there = {output.get("metadata", {}).get("scrapbook", {}).get("name") for output in outputs}
    first = next(cell for cell in notebook.cells if cell.cell_type == "code")
    for name, form in quoted:
        if name not in there:
            text = "nan" if form[-1:] in set("fgde%") else "'(not run)'"
            data = {f"{RECORD}text/plain": text}
            metadata = {"scrapbook": {"name": name, "mime_prefix": RECORD}}
            first.outputs.append(nbformat.v4.new_output("display_data", data, metadata=metadata))
    notebook.cells.insert(1, nbformat.v4.new_markdown_cell(HEAD))


def main() -> int:
    """Execute all pages, two at a time; print what failed."""
    texts = {path.stem: path.read_text() for path in store.home().glob("notebooks/*.md")}
    front = "".join(path.read_text() for path in store.home().glob("book/*.md"))
    quoted = {
        page: re.findall(QUOTE.replace("PLACE", ""), texts[page])
        + re.findall(QUOTE.replace("PLACE", f"sections/{page}.ipynb::"), front)
        for page in (*SECTIONS, *pages.PAGES)
    }
    with tempfile.TemporaryDirectory() as folder:
        os.environ.update(pages.own_kernel(Path(folder)))
        startup = Path(os.environ["IPYTHONDIR"]) / "profile_default" / "startup"
        startup.mkdir(parents=True)
        (startup / "begin.py").write_text("import without_torch\n\nwithout_torch.begin()\n")
        os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, (HERE, os.environ.get("PYTHONPATH"))))
        with ThreadPoolExecutor(2) as pool:
            failures = [one for listed in pool.map(execute, quoted, quoted.values()) for one in listed]
    print("\n".join(failures) or "all pages are executed as far as stored tables go")  # noqa: T201
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
