"""Settings that make a table a matter of a second, and a store in which several tests find it made."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

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
