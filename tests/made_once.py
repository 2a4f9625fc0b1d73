"""Settings that make a table a matter of a second, and a store in which several tests find it made."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

import jupytext
import nbformat
import pytest
from in_sight import code, tags

TINY = {
    "epochs": 2,
    "batch_norm": True,
    "hidden": 0,
    "checkpoints": (1,),
    "measured_epochs": (1,),
    "train_per_class": 20,
    "points": 8,
    "draws": 20,
}
"""Overrides of the quick preset; with batch norm, so that what is particular to it is tried too."""


@contextmanager
def store_in(folder: Path) -> Iterator[None]:
    """Runs and results in ``folder``, for fixtures that outlive a test."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MFTA_RUNS", str(folder / "runs"))
        patch.setenv("MFTA_RESULTS", str(folder / "results"))
        yield


def short_notebooks(folder: Path, sections: Iterable[str]) -> None:
    """The sections' notebooks down to their parameters and one line, for tests of what runs them."""
    for section in sections:
        parameters = next(cell for cell in code(section) if "parameters" in tags(cell))
        of = nbformat.v4.new_notebook(cells=[parameters, nbformat.v4.new_code_cell("print(preset, seeds)")])
        folder.mkdir(exist_ok=True)
        jupytext.write(of, folder / f"{section}.md", fmt="md:myst")
