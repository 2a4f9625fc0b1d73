"""Figures of the theory section: capacity against exact values, simulation, points and labels."""

from collections.abc import Iterable

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import NullFormatter, NullLocator

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


def theory_against_simulation(pairs: pd.DataFrame) -> Figure:
    """Left: capacity of sampled balls over radius. Right: theory over simulation, balls and clouds, ±5 %.

    pairs: of readout.compared.
    """
    rows = pairs[pairs["case"] == "simulated"]
    figure, (left, right) = plt.subplots(1, 2, figsize=(9.2, 3.7), layout="constrained")
    for (dimension, group), color, marker in zip(rows.groupby("given_dimension"), COLORS, MARKERS, strict=False):
        label, by = f"D = {dimension:.0f}", group.sort_values("given_radius")
        left.errorbar(
            by["given_radius"],
            by["simulated"],
            2 * by["simulated_stderr"],
            fmt=marker,
            color=color,
            ms=5,
            lw=1,
            mfc="none",
            label=label,
        )
        left.errorbar(by["given_radius"], by["capacity"], 2 * by["capacity_stderr"], color=color, lw=1.2)
        left.plot(by["given_radius"], by["exact"], color=color, lw=1, ls=":")
        _ratio(right, group, "simulated", color, marker, label=f"balls, {label}")
    _ratio(right, rows[rows["name"] == "cloud"], "simulated", COLORS[3], MARKERS[3], label="clouds")
    left.set(xlabel="radius of the balls", ylabel=MEASURES["capacity"], ylim=(0, None))
    left.legend()
    right.axhspan(0.95, 1.05, color="0.5", alpha=0.15, lw=0)
    right.set(xlabel="simulated capacity", ylabel="mean-field / simulated", ylim=(0.93, 1.1))
    right.legend(fontsize="small", ncols=2)
    return figure


def theory_departures(pairs: pd.DataFrame) -> Figure:
    """Theory over simulation against the number of manifolds, of features, and shared centres.

    pairs: of readout.compared.
    """
    figure, (left, middle, right) = plt.subplots(1, 3, figsize=(9.2, 3.4), layout="constrained")
    sizes, centers = pairs[pairs["case"] == "sizes"], pairs[pairs["case"] == "centers"]
    usual = sizes[["manifolds", "features"]].mode().iloc[0]
    _ratio(left, sizes[sizes["features"] == usual["features"]], "manifolds", COLORS[0], MARKERS[0])
    _ratio(middle, sizes[sizes["manifolds"] == usual["manifolds"]], "features", COLORS[0], MARKERS[0])
    many = np.geomspace(sizes["manifolds"].min(), sizes["manifolds"].max())
    left.plot(many, many / (many - 1), color="0.5", lw=1, ls=":", label="P / (P − 1)")
    left.legend()
    left.set(xlabel="manifolds P", ylabel="mean-field / simulated", title=f"N = {usual['features']:.0f}")
    middle.set(xlabel="features N", title=f"P = {usual['manifolds']:.0f}")
    for axes, column in ((left, "manifolds"), (middle, "features")):
        _log_ticks(axes, sizes[column])
        axes.set(ylim=(0.9, 1.15))
        axes.axhspan(0.95, 1.05, color="0.5", alpha=0.15, lw=0)
    removed = centers["removed"].astype(bool)
    _ratio(right, centers[~removed], "strength", COLORS[0], MARKERS[0], label="as they are")
    _ratio(right, centers[removed], "strength", COLORS[1], MARKERS[1], label="removed")
    right.axhspan(0.95, 1.05, color="0.5", alpha=0.15, lw=0)
    right.set(xlabel="strength of the shared part", title="shared centers")
    right.legend()
    return figure


def theory_on_activations(pairs: pd.DataFrame) -> Figure:
    """Class manifolds by layer before, during and after training: simulation, and theory with and without removal.

    pairs: of readout.compared.
    """
    rows = pairs[pairs["case"] == "activations"]
    stages = [stage for stage in ("initial", "best", "last") if stage in set(rows["stage"])]
    figure, grid = plt.subplots(1, len(stages), figsize=(9.2, 3.7), layout="constrained", sharey=True, squeeze=False)
    for axes, stage in zip(grid[0], stages, strict=True):
        chosen = rows[rows["stage"] == stage].sort_values("depth")
        removed = chosen["removed"].astype(bool)
        lines = {"theory, centers as they are": chosen[~removed], "theory, shared part removed": chosen[removed]}
        for (name, by), color, marker in zip(lines.items(), COLORS, MARKERS, strict=False):
            axes.plot(by["depth"], by["capacity"], color=color, marker=marker, ms=4, label=name)
        by = chosen[removed]
        axes.errorbar(
            by["depth"], by["simulated"], 2 * by["simulated_stderr"], fmt="D", color="0.5", ms=4, label="simulation"
        )
        axes.set(title=stage, xticks=by["depth"])
        axes.set_xticklabels(by["layer"], rotation=90)
    grid[0, 0].set_ylabel(MEASURES["capacity"])
    handles, names = grid[0, 0].get_legend_handles_labels()
    figure.legend(handles, names, loc="outside lower center", ncols=3)
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
    right.set(xlabel="points M", title="structured clouds", yscale="log")
    _log_ticks(right, floor.index)
    right.set_yticks([0.03, 0.1, 0.3], ["0.03", "0.1", "0.3"])
    right.yaxis.set_minor_formatter(NullFormatter())
    right.legend()
    return figure


def _log_ticks(axes: Axes, values: Iterable[float]) -> None:
    """A logarithmic axis that names the values it has."""
    ticks = sorted(set(values))
    axes.set_xscale("log")
    axes.set_xticks(ticks, [f"{value:g}" for value in ticks])
    axes.xaxis.set_minor_locator(NullLocator())


def _ratio(axes: Axes, rows: pd.DataFrame, x: str, color: str, marker: str, label: str | None = None) -> None:
    axes.errorbar(rows[x], rows["ratio"], 2 * rows["ratio_stderr"], fmt=marker, color=color, ms=5, lw=1, label=label)
    axes.axhline(1, color="0.5", lw=0.8, ls=":")
