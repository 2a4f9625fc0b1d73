"""Figures of the comparison with the paper: our values over its own, by depth and by size."""

from typing import Any

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import EngFormatter, LogLocator, NullLocator

from mfta.figures.style import COLORS, EXAMPLES, MARKERS, MEASURES

STAGES = {"best": "#0072b2", "last": "#d55e00"}


def ratio_to_paper(compared: pd.DataFrame, within: float) -> Figure:
    """Ours over the paper's by depth, a row a measure, a column a stage; the band is 1 ± ``within``.

    compared: :func:`mfta.readout.comparison.with_figure3`. Bars are one standard deviation over seeds.
    """
    figure, grid = plt.subplots(3, 2, figsize=(7, 7), layout="constrained", sharex=True, sharey="row")
    for row, (measure, label) in enumerate(MEASURES.items()):
        for axes, stage in zip(grid[row], ("best", "last"), strict=True):
            _band(axes, within)
            for examples in EXAMPLES:
                rows = compared[
                    (compared["measure"] == measure)
                    & (compared["stage"] == stage)
                    & (compared["examples"] == examples)
                ].sort_values("depth")
                _ratio(axes, rows, "depth", color=COLORS[examples], marker=MARKERS[examples], label=examples)
            if row == 0:
                axes.set_title(f"{stage} epoch")
        grid[row, 0].set_ylabel(f"{label}: ours / paper")
    for axes in grid[2]:
        axes.set_xlabel("depth")
    handles, names = grid[0, 0].get_legend_handles_labels()
    figure.legend(handles, names, loc="outside lower center", ncols=4)
    return figure


def ratio_to_paper_by_size(compared: pd.DataFrame, within: float) -> Figure:
    """Our radius and dimension over the paper's by parameters, a column a layer; the band is 1 ± ``within``.

    compared: :func:`mfta.readout.comparison_sizes.with_figure4`. Bars are one standard deviation over seeds.
    """
    layers = [layer for layer in compared["layer"].unique() if layer]
    figure, grid = plt.subplots(
        2, len(layers), figsize=(2.6 * len(layers) + 0.6, 5), layout="constrained", sharex=True, sharey="row",
        squeeze=False,
    )  # fmt: skip
    for row, measure in enumerate(("radius", "dimension")):
        for axes, layer in zip(grid[row], layers, strict=True):
            _band(axes, within)
            for stage, color in STAGES.items():
                rows = compared[
                    (compared["measure"] == measure) & (compared["layer"] == layer) & (compared["stage"] == stage)
                ]
                _ratio(axes, rows, "parameters", color=color, marker="o", label=f"{stage} epoch")
            axes.set_xscale("log")
            axes.xaxis.set_major_locator(LogLocator(subs=(1, 3)))
            axes.xaxis.set_minor_locator(NullLocator())
            axes.xaxis.set_major_formatter(EngFormatter(sep=""))
        grid[row, 0].set_ylabel(f"{MEASURES[measure]}: ours / paper")
    for axes, layer in zip(grid[0], layers, strict=True):
        axes.set_title(layer)
    for axes in grid[1]:
        axes.set_xlabel("parameters")
    handles, names = grid[0, 0].get_legend_handles_labels()
    figure.legend(handles, names, loc="outside lower center", ncols=2)
    return figure


def _band(axes: Axes, within: float) -> None:
    axes.axhspan(1 - within, 1 + within, color="0.5", alpha=0.2, lw=0)
    axes.axhline(1, color="0.5", lw=0.8)


def _ratio(axes: Axes, rows: pd.DataFrame, x: str, **line: Any) -> None:
    spread = rows["spread"].fillna(0) / rows["theirs"]
    axes.errorbar(rows[x], rows["ours"] / rows["theirs"], spread, ms=4, lw=1.2, **line)
