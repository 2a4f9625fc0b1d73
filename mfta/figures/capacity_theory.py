"""Figures of the theory section: capacity against exact values, simulation, points and labels."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from mfta.figures.style import MEASURES

COLORS = ("#0072b2", "#d55e00", "#009e73", "#7f7f7f", "#cc79a7")
MARKERS = ("o", "s", "^", "D", "v")


def theory_against_exact(table: pd.DataFrame) -> Figure:
    """Measured over exact capacity, against the exact one, with two standard errors over draws."""
    rows = table[table["case"] == "exact"]
    figure, axes = plt.subplots(figsize=(6.4, 3.4), layout="constrained")
    for (name, group), color, marker in zip(rows.groupby("name"), COLORS, MARKERS, strict=False):
        error = 2 * group["capacity_stderr"] / group["exact"]
        ratio = group["capacity"] / group["exact"]
        axes.errorbar(group["exact"], ratio, error, fmt=marker, color=color, ms=4, lw=1, label=name)
    axes.axhline(1, color="0.5", lw=0.8, ls=":")
    axes.set(xscale="log", xlabel="exact capacity", ylabel="measured / exact")
    axes.legend()
    return figure


def theory_against_simulation(table: pd.DataFrame) -> Figure:
    """Theory against simulation: clouds, clouds with shared centres, and the digits' class manifolds."""
    figure, grid = plt.subplots(1, 3, figsize=(9.2, 3.3), layout="constrained")
    clouds, centers, classes = (table[table["case"] == case] for case in ("simulated", "centers", "activations"))
    _pairs(grid[0], {"clouds": clouds})
    removed = centers["removed"].astype(bool)
    _pairs(grid[1], {"as they are": centers[~removed], "removed": centers[removed]})
    _pairs(grid[2], {stage: classes[classes["stage"] == stage] for stage in ("initial", "best")})
    for axes, title in zip(grid, ("Gaussian clouds", "clouds with shared centers", "digits, by layer"), strict=True):
        axes.set(title=title, xlabel="simulated capacity")
    grid[0].set_ylabel("mean-field capacity")
    return figure


def capacity_by_points(table: pd.DataFrame) -> Figure:
    """Left: balls sampled by M points and their exact capacity. Right: true and shuffled labels, and 2/M."""
    figure, (left, right) = plt.subplots(1, 2, figsize=(9.2, 3.4), layout="constrained")
    balls = table[table["case"] == "finite"]
    for (dimension, group), color, marker in zip(balls.groupby("given_dimension"), COLORS, MARKERS, strict=False):
        by = group.groupby("points")["capacity"].mean()
        left.plot(by.index, by, color=color, marker=marker, ms=4, label=f"D = {dimension:.0f}")
        left.axhline(group["exact"].iloc[0], color=color, lw=0.8, ls=":")
    left.set(xlabel="points M", ylabel=MEASURES["capacity"], title="balls of radius 1", xscale="log")
    left.legend()
    labelled = table[table["case"] == "shuffled"]
    for (name, group), color, marker in zip(labelled.groupby("name"), COLORS, MARKERS, strict=False):
        by = group.groupby("points")["capacity"].mean()
        right.plot(by.index, by, color=color, marker=marker, ms=4, label=name)
    floor = labelled.groupby("points")["exact"].first()
    right.plot(floor.index, floor, color="0.5", ls=":", label="2/M")
    right.set(xlabel="points M", title="structured clouds", xscale="log", yscale="log")
    right.legend()
    return figure


def _pairs(axes: Axes, groups: dict[str, pd.DataFrame]) -> None:
    for (name, rows), color, marker in zip(groups.items(), COLORS, MARKERS, strict=False):
        error = [2 * rows["simulated_stderr"], 2 * rows["capacity_stderr"]]
        axes.errorbar(
            rows["simulated"], rows["capacity"], error[1], error[0], fmt=marker, color=color, ms=4, lw=1, label=name
        )
    limits = np.array([min(axes.get_xlim()[0], axes.get_ylim()[0]), max(axes.get_xlim()[1], axes.get_ylim()[1])])
    axes.plot(limits, limits, color="0.5", lw=0.8, ls=":")
    axes.legend()
