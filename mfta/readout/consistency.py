"""Whether capacity, radius and dimension of one point fit together: capacity over that of a ball of its size.

Theory has no other free quantity for balls, and manifolds of many dimensions are nearly balls to it. So a network
that differs from the paper's moves all three, and only what is done to them afterwards moves the ratio.
"""

import math

import pandas as pd
from scipy.optimize import brentq

from mfta import paper
from mfta.geometry.exact import ball_capacity

HALVES = ("first half", "second half")


def ratios(compared: pd.DataFrame) -> pd.DataFrame:
    """By stage, examples and depth, capacity over :func:`mfta.geometry.exact.ball_capacity` of radius and dimension.

    compared: :func:`mfta.readout.comparison.with_figure3`. Columns ``ours``, ``theirs``, ``half`` of the depth, the
    ``error`` of theirs from reading three values, and the ``margin`` κ ≥ 0 that would bring theirs to 1. Points of
    which one of the three is hidden in the paper's figure are left out.
    """
    wide = compared.pivot_table(index=["stage", "examples", "depth"], columns="measure", values=["ours", "theirs"])
    wide = wide.dropna()
    rows = []
    for (stage, examples, depth), (_, values) in zip(wide.index, wide.iterrows(), strict=True):
        ours, theirs = values["ours"], values["theirs"]
        half = HALVES[int(depth > compared["depth"].max() / 2)]
        rows.append((stage, examples, depth, half, _ratio(ours), _ratio(theirs), _error(theirs), _margin(theirs)))
    return pd.DataFrame(rows, columns=["stage", "examples", "depth", "half", "ours", "theirs", "error", "margin"])


def by_set(found: pd.DataFrame) -> pd.DataFrame:
    """Medians of :func:`ratios` by half of the depth, stage and example set, with words as heads."""
    by = found.groupby(["half", "stage", "examples"])
    table = by.agg(
        points=("depth", "size"), ours=("ours", "median"), theirs=("theirs", "median"), error=("error", "median"),
        margin=("margin", "median"),
    )  # fmt: skip
    names = {"theirs": "the paper's", "error": "error of reading", "margin": "margin that would explain it"}
    return table.rename(columns=names).rename_axis(index={"stage": "epoch"}).round(3)


def sentence(found: pd.DataFrame | None) -> str:
    """How the two ratios compare in the first half of the layers, and whether one margin explains the paper's."""
    if found is None:
        return ""
    early = found[found["half"] == HALVES[0]]
    between_sets, between_depths = apart(early)
    by = found.groupby(["half", "stage", "examples"])["margin"].median()
    error = found.groupby(["half", "stage", "examples"])["error"].median()
    return (
        f"In the first half of the layers ours lies between {early['ours'].min():.3f} and {early['ours'].max():.3f},"
        f" the paper's between {early['theirs'].min():.3f} and {early['theirs'].max():.3f}, with an error of"
        f" {error.median():.3f} from reading each point. There the paper's ratios of permuted and of test examples"
        f" are {between_sets:.3f} apart at one depth (median), while those of one set reach {between_depths:.3f}"
        f" between depths. The margin that would explain the paper's goes from"
        f" {by.min():.2f} to {by.max():.2f} between sets and halves."
    )


def apart(found: pd.DataFrame) -> tuple[float, float]:
    """How far the paper's ratios lie apart: permuted from test at one depth (median), depths of one set (largest).

    NaN where no depth has both sets.
    """
    wide = found.pivot_table(index=["stage", "depth"], columns="examples", values="theirs")
    wide = wide.reindex(columns=["permuted", "test"])
    of_sets = (wide["permuted"] - wide["test"]).abs().median()
    of_depths = (wide.groupby("stage").max() - wide.groupby("stage").min()).to_numpy().max()
    return float(of_sets), float(of_depths)


def _ratio(of: pd.Series, kappa: float = 0.0) -> float:
    return float(of["capacity"] / ball_capacity(of["radius"], of["dimension"], kappa))


def _error(of: pd.Series) -> float:
    """Of the ratio, when each of its three values is read with an error of its own."""
    moved = [_ratio(of + pd.Series({**dict.fromkeys(of.index, 0.0), name: paper.READING[name]})) for name in of.index]
    return math.hypot(*(ratio - _ratio(of) for ratio in moved))


def _margin(of: pd.Series) -> float:
    if _ratio(of) >= 1:
        return 0.0
    return float(brentq(lambda kappa: _ratio(of, kappa) - 1, 0, 10))
