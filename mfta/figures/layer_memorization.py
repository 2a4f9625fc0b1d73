"""Figures of section 1: accuracy over epochs, geometry over depth and over epochs."""

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.figure import Figure

from mfta.figures.style import MEASURES, example_lines, share_y


def accuracy_by_epoch(table: pd.DataFrame) -> Figure:
    """Accuracy of the four example sets after every epoch: mean over seeds, band of one deviation.

    Dotted lines mark each seed's best epoch.
    """
    history = table[table["layer"].isna()]
    figure, axes = plt.subplots(figsize=(7, 3.6), layout="constrained")
    example_lines(axes, history, "epoch", "accuracy", marker_every=0)
    for epoch in history.loc[history["stage"] == "best", "epoch"].unique():
        axes.axvline(epoch, color="0.5", lw=0.8, ls=":")
    axes.set(xlabel="epoch", ylabel="accuracy", ylim=(0, 1.02), xlim=(0, None))
    axes.legend(loc="center left", bbox_to_anchor=(1, 0.5), title="examples")
    return figure


def geometry_by_depth(table: pd.DataFrame, paper: pd.DataFrame | None = None) -> Figure:
    """Capacity, radius and dimension by depth at the best and the last epoch, beside the paper's Fig. 3.

    table: rows of one section with a layer. paper: :func:`mfta.paper.figure3`, drawn at its own depths
    and on its own scale, as its network is another one. The radius here is the median over manifolds: the
    mean follows the few whose centre nearly vanished.
    """
    ours = table[table["layer"].notna()]
    sides = [("here", ours)] + ([("paper", paper)] if paper is not None else [])
    figure, grid = plt.subplots(
        3, 2 * len(sides), figsize=(4.6 * len(sides), 6.6), layout="constrained", squeeze=False
    )
    for row, (measure, label) in enumerate(MEASURES.items()):
        for side, (where, rows) in enumerate(sides):
            pair = grid[row, 2 * side : 2 * side + 2]
            for axes, stage in zip(pair, ("best", "last"), strict=True):
                chosen = rows[rows["stage"] == stage]
                column = "radius_median" if measure == "radius" and where == "here" else measure
                if where == "paper":
                    chosen = chosen[chosen["measure"] == measure].rename(columns={"value": measure})
                example_lines(axes, chosen, "depth", column)
                axes.set(xlabel="depth" if row == 2 else "", ylabel=label if stage == "best" else "")
                if row == 0:
                    axes.set_title(f"{where}, {stage} epoch")
            share_y(pair)
    handles, names = grid[0, 0].get_legend_handles_labels()
    figure.legend(handles, names, loc="outside lower center", ncols=4)
    return figure


def capacity_by_epoch(table: pd.DataFrame, layers: list[str]) -> Figure:
    """Capacity of the four example sets over training at a few layers, one panel a layer."""
    rows = table[table["layer"].isin(layers)]
    figure, grid = plt.subplots(
        1, len(layers), figsize=(3.1 * len(layers), 3.1), layout="constrained", sharey=True, squeeze=False
    )
    for axes, layer in zip(grid[0], layers, strict=True):
        # Best epochs differ between seeds: epochs that not every seed measured would bend the means.
        chosen = rows[(rows["layer"] == layer)].drop_duplicates(["seed", "epoch", "examples"])
        seeds_at = chosen.groupby("epoch")["seed"].transform("nunique")
        example_lines(axes, chosen[seeds_at == chosen["seed"].nunique()], "epoch", "capacity")
        axes.set(title=layer, xlabel="epoch", ylabel=MEASURES["capacity"])
        axes.set_xscale("symlog", linthresh=1)
        axes.set_xlim(0, None)
    handles, names = grid[0, 0].get_legend_handles_labels()
    figure.legend(handles, names, loc="outside lower center", ncols=4)
    return figure
