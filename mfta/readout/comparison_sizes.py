"""Our scan of network sizes against the paper's Fig. 4C–E, where both have a value."""

import numpy as np
import pandas as pd

from mfta import paper
from mfta.readout.comparison import WITHIN
from mfta.readout.double_descent import scan

MEASURES = ("accuracy", "radius", "dimension")
BEYOND = 1.1
"""Factor by which a size may lie outside the paper's: its narrowest network is drawn at a rounded place."""


def with_figure4(table: pd.DataFrame) -> pd.DataFrame:
    """One row a size, measure and stage: ours (mean over seeds), ``spread`` (their deviation), theirs, difference.

    table: double descent, of any widths; only seeds that have all of them count. Geometry is that of the test
    examples at the deepest hidden layer. theirs: the paper's curve, linear in the log of parameters between its
    digitised points. Sizes the curve does not reach are left out. difference: ours/theirs − 1.
    """
    figure = paper.figure4()
    rows = []
    for measure in MEASURES:
        for stage in ("best", "last"):
            curve = figure[(figure["measure"] == measure) & (figure["stage"] == stage)].sort_values("parameters")
            ours = scan(table, measure, stage)
            low, high = curve["parameters"].min() / BEYOND, curve["parameters"].max() * BEYOND
            ours = ours.loc[:, (ours.columns >= low) & (ours.columns <= high)]
            found = pd.DataFrame({"ours": ours.mean(), "spread": ours.std()}).reset_index()
            found.insert(0, "measure", measure)
            found.insert(1, "stage", stage)
            found["theirs"] = np.interp(np.log(found["parameters"]), np.log(curve["parameters"]), curve["value"])
            rows.append(found)
    both = pd.concat(rows, ignore_index=True)
    return both.assign(difference=both["ours"] / both["theirs"] - 1)


def from_best_to_last(compared: pd.DataFrame) -> pd.DataFrame:
    """By measure: sizes at which the paper's last epoch differs from its best, and how often ours does the same way.

    Differences up to twice the error of reading a point do not count (that of an accuracy is not known, and all
    do). Columns: points, same_sign (fraction), ours and theirs (mean difference, last less best, over these points).
    """
    wide = compared.pivot_table(index=["measure", "parameters"], columns="stage", values=["ours", "theirs"]).dropna()
    change = wide.xs("last", axis=1, level="stage") - wide.xs("best", axis=1, level="stage")
    change = change.reset_index()
    change = change[change["theirs"].abs() > 2 * change["measure"].map(paper.READING).fillna(0)]
    change["same"] = np.sign(change["ours"]) == np.sign(change["theirs"])
    by = change.groupby("measure")
    return by.agg(
        points=("same", "size"), same_sign=("same", "mean"), ours=("ours", "mean"), theirs=("theirs", "mean")
    )


def sentence(compared: pd.DataFrame | None) -> str:
    """How many of our radii and dimensions meet the paper's curve, and how many changes its sign; empty for None."""
    if compared is None or compared.empty:
        return ""
    met = compared["difference"].abs() <= WITHIN
    shares = []
    for measure, plural in (("radius", "radii"), ("dimension", "dimensions")):
        of_measure = met[compared["measure"] == measure]
        shares.append(f"{of_measure.sum()} of {len(of_measure)} {plural}")
    signs = from_best_to_last(compared)
    same, points = round((signs["points"] * signs["same_sign"]).sum()), int(signs["points"].sum())
    return (
        f"{shares[0]} and {shares[1]} lie within {WITHIN:.0%} of the paper's curve. From the best to the last epoch"
        f" {same} of {points} changes have the paper's sign."
    )
