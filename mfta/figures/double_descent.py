"""Figures of section 3: accuracy and final-layer geometry against size, and over training."""

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.figure import Figure

from mfta.figures.style import COLORS, MARKERS, MEASURES, mean_line

STAGES = {"best": "#0072b2", "last": "#d55e00"}


def double_descent(
    table: pd.DataFrame, layer: str, paper: pd.DataFrame | None = None, interpolation: float | None = None
) -> Figure:
    """Test accuracy, radius and dimension against the number of parameters, beside the paper's Fig. 4C–E.

    layer: where the test examples' geometry is taken. paper: :func:`mfta.paper.figure4`. interpolation:
    parameters from which the training set is interpolated, drawn as a dotted line.
    """
    sides = 1 if paper is None else 2
    figure, grid = plt.subplots(3, sides, figsize=(3.6 * sides + 0.4, 7), layout="constrained", squeeze=False)
    test = table[table["examples"] == "test"]
    columns = {"accuracy": "accuracy", "radius": "radius_median", "dimension": "dimension"}
    labels = {"accuracy": "test accuracy", **MEASURES}
    for row, (measure, column) in enumerate(columns.items()):
        rows = test[test["layer"].isna() if measure == "accuracy" else test["layer"] == layer]
        for stage, color in STAGES.items():
            line = {"marker": "o", "label": f"{stage} epoch"}
            mean_line(grid[row, 0], rows[rows["stage"] == stage], "parameters", column, color, **line)
            if paper is not None:
                theirs = paper[(paper["measure"] == measure) & (paper["stage"] == stage)]
                mean_line(grid[row, 1], theirs.assign(seed=0), "parameters", "value", color, marker="")
        for axes in grid[row]:
            axes.set_xscale("log")
        if interpolation is not None and interpolation == interpolation:
            grid[row, 0].axvline(interpolation, color="0.5", lw=0.9, ls=":")
        grid[row, 0].set_ylabel(labels[measure])
    for axes, title in zip(grid[0], ("here", "paper"), strict=False):
        axes.set_title(title)
    for axes in grid[2]:
        axes.set_xlabel("parameters")
    handles, names = grid[0, 0].get_legend_handles_labels()
    figure.legend(handles, names, loc="outside lower center", ncols=2)
    return figure


def double_descent_geometry(table: pd.DataFrame, layers: list[str]) -> Figure:
    """Radius and dimension at the last epoch by example set, one column a layer."""
    rows = table[table["layer"].notna() & (table["stage"] == "last")]
    colors = {**COLORS, "train": "#cc79a7"}
    figure, grid = plt.subplots(
        2, len(layers), figsize=(3.2 * len(layers) + 0.6, 5), layout="constrained", sharex=True, sharey="row"
    )
    for column, layer in enumerate(layers):
        for row, (measure, name) in enumerate((("radius", "radius_median"), ("dimension", "dimension"))):
            axes = grid[row, column]
            for examples in ("unpermuted", "train", "test"):
                chosen = rows[(rows["layer"] == layer) & (rows["examples"] == examples)]
                marker = MARKERS.get(examples, "v")
                mean_line(axes, chosen, "parameters", name, colors[examples], marker=marker, label=examples)
            axes.set_xscale("log")
            axes.set_ylabel(MEASURES[measure] if column == 0 else "")
        grid[0, column].set_title(layer)
        grid[1, column].set_xlabel("parameters")
    handles, names = grid[0, 0].get_legend_handles_labels()
    figure.legend(handles, names, loc="outside lower center", ncols=3)
    return figure


def accuracy_by_width(table: pd.DataFrame, widths: list[int]) -> Figure:
    """Test and train accuracy over epochs, one panel a width."""
    history = table[table["layer"].isna()].drop_duplicates(["seed", "width", "epoch", "examples"])
    figure, grid = plt.subplots(
        1, len(widths), figsize=(2.6 * len(widths), 3), layout="constrained", sharey=True, squeeze=False
    )
    for axes, width in zip(grid[0], widths, strict=True):
        rows = history[history["width"] == width]
        for examples, color in (("test", COLORS["test"]), ("train", "#cc79a7"), ("permuted", COLORS["permuted"])):
            mean_line(axes, rows[rows["examples"] == examples], "epoch", "accuracy", color, label=examples)
        axes.set(title=f"width {width}", xlabel="epoch", ylim=(0, 1.02))
    grid[0, 0].set_ylabel("accuracy")
    handles, names = grid[0, 0].get_legend_handles_labels()
    figure.legend(handles, names, loc="outside lower center", ncols=3)
    return figure
