"""Settings that make a table a matter of a second, and a store in which several tests find it made."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

import jupytext
import nbformat
import pandas as pd
import pytest
from in_sight import code, tags

from mfta import jobs

ROOT = Path(__file__).parents[1]

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


def of_the_book(section: str, **otherwise: object) -> pd.DataFrame:
    """Quick's first table as `make book` stored it, if by today's code and versions; else one made ``otherwise``."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MFTA_RESULTS", str(ROOT / "results"))
        (job,) = jobs.jobs(section, "quick", [0])
        if job.state()[0] == "stored" and not job.changes():
            return job.table()
    return jobs.compute(section, seeds=[0], **otherwise)


def short_notebooks(folder: Path, sections: Iterable[str]) -> None:
    """The sections' notebooks down to their parameters and one line, for tests of what runs them."""
    for section in sections:
        parameters = next(cell for cell in code(section) if "parameters" in tags(cell))
        of = nbformat.v4.new_notebook(cells=[parameters, nbformat.v4.new_code_cell("print(preset, seeds)")])
        folder.mkdir(exist_ok=True)
        jupytext.write(of, folder / f"{section}.md", fmt="md:myst")
