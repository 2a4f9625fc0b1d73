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
KEYS = ["epoch", "layer", "examples"]
MEASURES = ("accuracy", "loss", "capacity", "radius_median", "dimension")
HEAD = "| what is compared | measure | values | the same bit for bit | nine in ten within | largest difference |\n"


def main() -> None:
    """Make the three tables and write how they differ."""
    one, again, two = (made(threads) for threads in (1, 1, 2))
    rows = [row("1 thread, twice", one, again, name) for name in MEASURES]
    rows += [row("1 thread and 2", one, two, name) for name in MEASURES]
    best = [table.loc[table["stage"] == "best", "epoch"].iloc[0] for table in (one, two)]
    text = HEAD + "|---|---|---|---|---|---|\n" + "".join(rows)
    text += f"\nThe best epoch was {best[0]} with 1 thread and {best[1]} with 2.\n"
    PAGE.write_text(text)
    print(text)


def made(threads: int) -> pd.DataFrame:
    """The table, in an empty store."""
    with tempfile.TemporaryDirectory() as folder:
        os.environ["MFTA_RUNS"], os.environ["MFTA_RESULTS"] = f"{folder}/runs", f"{folder}/results"
        (job,) = jobs.jobs("layer_memorization", "quick", [0], epochs=20, threads=threads)
        return job.table()


def row(what: str, one: pd.DataFrame, other: pd.DataFrame, name: str) -> str:
    """One measure of two tables: relative differences, at the epochs that both have."""
    both = [table.drop_duplicates(KEYS).set_index(KEYS)[name].dropna() for table in (one, other)]
    a, b = (values.to_numpy() for values in both[0].align(both[1], join="inner"))
    apart = np.abs(a - b) / np.maximum(np.abs(a), np.abs(b)).clip(1e-300)
    same = f"{np.mean(apart == 0):.0%}"
    return f"| {what} | {name} | {len(a)} | {same} | {np.quantile(apart, 0.9):.0e} | {apart.max():.0e} |\n"


if __name__ == "__main__":
    main()
