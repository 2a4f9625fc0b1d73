"""Curves of any tidy table."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

from mfta import figures
from mfta.geometry import analyze

ROWS = pd.DataFrame({"x": [0, 1] * 4, "y": range(8), "examples": ["permuted", "test"] * 4, "kind": list("aabb") * 2})


@pytest.fixture(autouse=True)
def closed():
    yield
    plt.close("all")


def test_a_table_without_example_sets_is_one_curve():
    frame = analyze(np.random.default_rng(0).standard_normal((8, 60, 10))).to_frame()
    (axes,) = figures.lines(frame, "manifold", "capacity").axes.flat
    assert np.array_equal(axes.lines[0].get_ydata(), frame["capacity"])
    (axes,) = figures.lines(ROWS, "x", "y", hue=None).axes.flat
    assert list(axes.lines[0].get_ydata()) == [3.0, 4.0]


def test_what_else_seaborn_takes_counts():
    plain, bare = (figures.lines(ROWS, "x", "y", "kind", **how) for how in ({}, {"errorbar": None, "legend": False}))
    assert plain.axes[0, 0].collections
    assert not bare.axes[0, 0].collections
    assert not bare.figure.legends
    colours = [line.get_color() for line in figures.lines(ROWS, "x", "y", palette=["k", "r"]).axes[0, 0].lines]
    assert {"k", "r"} <= set(colours)
