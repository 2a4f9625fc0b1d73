"""Code of the notebooks' cells, for tests: what a reader sees is what is tested."""

import ast
import contextlib
import functools
from pathlib import Path
from types import SimpleNamespace

import jupytext
import nbformat

from mfta.sections import SECTIONS

ROOT = Path(__file__).parents[1]
NOTEBOOKS = ROOT / "notebooks"
TEACHING = ("method", *SECTIONS)
"""Notebooks that do something once in sight; the others show what is stored."""
HIDDEN = {"remove-cell", "remove-input", "hide-cell", "hide-input"}


@functools.cache
def code(name: str) -> list[nbformat.NotebookNode]:
    """The code cells of a notebook."""
    return [cell for cell in jupytext.read(NOTEBOOKS / f"{name}.md").cells if cell.cell_type == "code"]


def tags(cell: nbformat.NotebookNode) -> set[str]:
    return set(cell.metadata.get("tags", []))


def visible(name: str) -> list[nbformat.NotebookNode]:
    """The cells whose code a reader sees without a click."""
    return [cell for cell in code(name) if not tags(cell) & HIDDEN]


def functions(name: str) -> SimpleNamespace:
    """The functions and capital constants of a notebook's cells, with its imports, and nothing else run."""
    kept: list[ast.stmt] = []
    for cell in code(name):
        for statement in ast.parse(cell.source).body:
            constant = isinstance(statement, ast.Assign) and getattr(statement.targets[0], "id", "").isupper()
            if constant or isinstance(statement, ast.Import | ast.ImportFrom | ast.FunctionDef):
                if isinstance(statement, ast.FunctionDef):  # defaults are of values that are not made here
                    given = statement.args.defaults
                    statement.args.defaults = [
                        one if isinstance(one, ast.Constant) else ast.Constant(None) for one in given
                    ]
                kept.append(statement)
    names: dict = {}
    for statement in kept:
        with contextlib.suppress(NameError):  # a capital of what the notebook computes, and no constant
            exec(compile(ast.fix_missing_locations(ast.Module([statement], [])), f"{name}.md", "exec"), names)
    return SimpleNamespace(**names)
