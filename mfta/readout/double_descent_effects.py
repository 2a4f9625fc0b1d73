"""What the verdict on double descent judges, by seed: the dip in test accuracy, and the geometry at its place.

The place of the dip is found in the mean over the *other* seeds, so that noise cannot choose it. Fewer than three
widths have no dip and give no numbers.
"""

from collections.abc import Callable

import numpy as np
import pandas as pd

from mfta.readout.double_descent import scan

Place = tuple[float, float, float]
"""Numbers of parameters: the peak before the dip, the dip, the peak after it."""


def accuracy_dip(table: pd.DataFrame) -> pd.Series:
    """Depth of the dip in test accuracy at the last epoch below the lower of the peaks beside it."""
    return _at_dip(table, scan(table, "accuracy", "last"), _depth)


def dimension_bump(table: pd.DataFrame) -> pd.Series:
    """Log ratio of the test dimension at the dip to the line between the peaks (in the log of parameters)."""
    return _at_dip(table, scan(table, "dimension", "last"), _bump)


def dimension_over_radius(table: pd.DataFrame) -> pd.Series:
    """That of the dimension less the same of the radius."""
    return dimension_bump(table) - _at_dip(table, scan(table, "radius_median", "last"), _bump)


def deepest_dip(curve: pd.Series) -> Place:
    """Where a curve over numbers of parameters lies farthest below the lower of the peaks on its two sides.

    Of a curve without a dip, the place where it comes nearest to having one. Raises ValueError below three points.
    """
    if len(curve) < 3:
        raise ValueError(f"a dip needs at least three widths, and there are {len(curve)}")
    sizes, heights = curve.index.to_numpy(dtype=float), curve.to_numpy(dtype=float)
    places = [
        (int(heights[:i].argmax()), i, i + 1 + int(heights[i + 1 :].argmax())) for i in range(1, len(curve) - 1)
    ]
    before, at, after = max(places, key=lambda p: min(heights[p[0]], heights[p[2]]) - heights[p[1]])
    return float(sizes[before]), float(sizes[at]), float(sizes[after])


def _at_dip(table: pd.DataFrame, measured: pd.DataFrame, read: Callable[[pd.Series, Place], float]) -> pd.Series:
    accuracy = scan(table, "accuracy", "last")
    if accuracy.shape[1] < 3:
        return pd.Series(dtype=float)
    answer = {}
    for seed, curve in measured.iterrows():
        others = accuracy.drop(index=seed) if len(accuracy) > 1 else accuracy
        answer[seed] = float(read(curve, deepest_dip(others.mean())))
    return pd.Series(answer, dtype=float)


def _depth(curve: pd.Series, place: Place) -> float:
    before, at, after = place
    return float(min(curve[before], curve[after]) - curve[at])


def _bump(curve: pd.Series, place: Place) -> float:
    before, at, after = np.log(place)
    line = np.interp(at, [before, after], [curve[place[0]], curve[place[2]]])
    return float(np.log(curve[place[1]] / line))
