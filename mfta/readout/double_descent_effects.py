"""What the verdict on double descent judges, by seed: the dip in test accuracy, and the geometry at its place.

The place of the dip is found in the mean over the *other* seeds, so that noise cannot choose it
(:mod:`mfta.readout.dips`). Fewer than three widths have no dip and give no numbers.
"""

import numpy as np
import pandas as pd

from mfta.readout.dips import Dip, by_seed, depth
from mfta.readout.double_descent import scan


def accuracy_dip(table: pd.DataFrame) -> pd.Series:
    """Depth of the dip in test accuracy at the last epoch below the lower of the peaks beside it."""
    return by_seed(scan(table, "accuracy", "last"), depth)


def dimension_bump(table: pd.DataFrame) -> pd.Series:
    """Log ratio of the test dimension at the dip to the line between the peaks (in the log of parameters)."""
    return by_seed(scan(table, "accuracy", "last"), _bump, scan(table, "dimension", "last"))


def dimension_over_radius(table: pd.DataFrame) -> pd.Series:
    """That of the dimension less the same of the radius."""
    accuracy = scan(table, "accuracy", "last")
    return dimension_bump(table) - by_seed(accuracy, _bump, scan(table, "radius_median", "last"))


def _bump(curve: pd.Series, dip: Dip) -> float:
    sizes = np.log([dip.before, dip.bottom, dip.after])
    line = np.interp(sizes[1], sizes[::2], [curve[dip.before], curve[dip.after]])
    return float(np.log(curve[dip.bottom] / line))
