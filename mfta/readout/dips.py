"""Dips of a curve over network sizes, with their place found where their depth is not measured.

To look for the deepest dip and measure it on the same noise would find one anywhere. So the mean of the *other* seeds
says where the dip lies, and the seed itself how deep it is there. One seed chooses for itself.
"""

from collections.abc import Callable
from typing import NamedTuple

import pandas as pd


class Dip(NamedTuple):
    """Sizes: the higher place before, the bottom, the higher place after, and the lower one of the two outer."""

    before: float
    bottom: float
    after: float
    shoulder: float


def deepest(curve: pd.Series) -> Dip:
    """Where a curve over sizes, in ascending order, lies farthest below the lower of the peaks on its two sides.

    Of a curve without a dip, the place where it comes nearest to having one. Raises ValueError below three points.
    """
    if len(curve) < 3:
        raise ValueError(f"a dip needs at least three widths, and there are {len(curve)}")
    sizes, heights = curve.index.to_numpy(dtype=float), curve.to_numpy(dtype=float)
    found = []
    for at in range(1, len(curve) - 1):
        before, after = int(heights[:at].argmax()), at + 1 + int(heights[at + 1 :].argmax())
        shoulder = before if heights[before] <= heights[after] else after
        found.append((heights[shoulder] - heights[at], [before, at, after, shoulder]))
    _, places = max(found, key=lambda dip: dip[0])  # the first of equals
    return Dip(*sizes[places].tolist())


def by_seed(
    of: pd.DataFrame, read: Callable[[pd.Series, Dip], float], measured: pd.DataFrame | None = None
) -> pd.Series:
    """``read`` of each seed's curve at the dip of the other seeds; empty below three sizes.

    of, measured: rows are seeds, columns sizes in ascending order; the dip is that of ``of``, the curves are those of
    ``measured`` (None: the same).
    """
    if of.shape[1] < 3:
        return pd.Series(dtype=float)
    answer = {}
    for seed, curve in (of if measured is None else measured).iterrows():
        others = of.drop(index=seed) if len(of) > 1 else of
        answer[seed] = float(read(curve, deepest(others.mean())))
    return pd.Series(answer, dtype=float)


def depth(curve: pd.Series, dip: Dip) -> float:
    """How far the bottom lies below the shoulder; negative where it lies above."""
    return float(curve[dip.shoulder] - curve[dip.bottom])
