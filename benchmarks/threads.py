"""How much a table differs when it is made twice, and when it is made with other threads.

    python benchmarks/threads.py        (a few minutes; writes book/measured/threads.md)

Layer memorization on digits by the quick preset, 20 epochs, one seed, in stores of their own.
"""

import os
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd

from mfta import jobs

PAGE = Path(__file__).parents[1] / "book" / "measured" / "threads.md"
MEASURES = ("accuracy", "loss", "capacity", "radius_median", "dimension")
HEAD = "| what is compared | measure | values | the same bit for bit | nine in ten within | largest difference |\n"


def main() -> None:
    """Make the three tables and write how they differ."""
    one, again, two = (made(threads) for threads in (1, 1, 2))
    rows = [row("1 thread, twice", one, again, name) for name in MEASURES]
    rows += [row("1 thread and 2", one, two, name) for name in MEASURES]
    text = HEAD + "|---|---|---|---|---|---|\n" + "".join(rows)
    PAGE.write_text(text)
    print(text)


def made(threads: int) -> pd.DataFrame:
    """The table, in an empty store."""
    with tempfile.TemporaryDirectory() as folder:
        os.environ["MFTA_RUNS"], os.environ["MFTA_RESULTS"] = f"{folder}/runs", f"{folder}/results"
        (job,) = jobs.jobs("layer_memorization", "quick", [0], epochs=20, threads=threads)
        return job.table()


def row(what: str, one: pd.DataFrame, other: pd.DataFrame, name: str) -> str:
    """One measure of two tables: relative differences."""
    a, b = one[name].to_numpy(), other[name].to_numpy()
    known = ~np.isnan(a)
    apart = np.abs(a - b)[known] / np.maximum(np.abs(a), np.abs(b))[known].clip(1e-300)
    same = f"{np.mean(apart == 0):.0%}"
    return f"| {what} | {name} | {known.sum()} | {same} | {np.quantile(apart, 0.9):.0e} | {apart.max():.0e} |\n"


if __name__ == "__main__":
    main()
