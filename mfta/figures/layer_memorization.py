"""Figures of section 1: accuracy over epochs, geometry over depth and over epochs, pictures of manifolds."""

import matplotlib.pyplot as plt
import pandas as pd
import seaborn as sns
from matplotlib.figure import Figure

from mfta.figures.style import EXAMPLES, MEASURES, example_lines, share_y

COLUMNS = {"capacity": "capacity", "radius": "radius_median", "dimension": "dimension"}
"""The radius is the median over manifolds: the mean follows the few whose centre nearly vanished."""


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
    and on its own scale, as its network is another one.
    """
    ours = table[table["layer"].notna() & table["manifold"].isna()]
    sides = [("here", ours)] + ([("paper", paper)] if paper is not None else [])
    figure, grid = plt.subplots(
        3, 2 * len(sides), figsize=(4.6 * len(sides), 6.6), layout="constrained", squeeze=False
    )
    for row, (measure, label) in enumerate(MEASURES.items()):
        for side, (where, rows) in enumerate(sides):
            pair = grid[row, 2 * side : 2 * side + 2]
            for axes, stage in zip(pair, ("best", "last"), strict=True):
                chosen = rows[rows["stage"] == stage]
                column = COLUMNS[measure] if where == "here" else measure
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


def geometry_by_epoch(table: pd.DataFrame) -> Figure:
    """Capacity, radius and dimension by epoch and depth: a heat map a measure and example set, mean over seeds.

    The colours of a row share their scale.
    """
    rows = _every_seed(table[table["layer"].notna() & table["manifold"].isna()])
    figure, grid = plt.subplots(3, 4, figsize=(9, 7), layout="constrained", sharex=True, sharey=True)
    for row, (measure, label) in enumerate(MEASURES.items()):
        means = rows.astype({"depth": int}).groupby(["examples", "depth", "epoch"])[COLUMNS[measure]].mean()
        low, high = means.quantile([0.02, 0.98])  # an untrained head is far from all else
        for column, examples in enumerate(EXAMPLES):
            axes = grid[row, column]
            sns.heatmap(
                means[examples].unstack(), ax=axes, cmap="cividis", vmin=low, vmax=high,
                cbar=column == len(EXAMPLES) - 1, cbar_kws={"label": label},
            )  # fmt: skip
            axes.set(title=examples if row == 0 else "", xlabel="epoch" if row == 2 else "")
            axes.set_ylabel("depth" if column == 0 else "")
            axes.tick_params(axis="both", rotation=0)
    return figure


def center_correlation_by_depth(table: pd.DataFrame) -> Figure:
    """Mean correlation between the centres of the manifolds by depth, at the best and the last epoch."""
    rows = table[table["layer"].notna() & table["manifold"].isna()]
    figure, grid = plt.subplots(1, 2, figsize=(7, 3.2), layout="constrained", sharey=True)
    for axes, stage in zip(grid, ("best", "last"), strict=True):
        example_lines(axes, rows[rows["stage"] == stage], "depth", "center_correlation")
        axes.set(title=f"{stage} epoch", xlabel="depth")
    grid[0].set_ylabel("centre correlation")
    handles, names = grid[0].get_legend_handles_labels()
    figure.legend(handles, names, loc="outside lower center", ncols=4)
    return figure


def manifold_pictures(table: pd.DataFrame) -> Figure:
    """Points of a few class manifolds at the deepest hidden layer of the first seed, before and after.

    Every panel has its own plane, the one that holds most of its points' variance; its share is written above.
    """
    drawn = table[table["manifold"].notna() & (table["seed"] == table["seed"].min())]
    figure, grid = plt.subplots(2, 4, figsize=(9, 4.9), layout="constrained")
    for line, stage in zip(grid, ("best", "last"), strict=True):
        for axes, examples in zip(line, EXAMPLES, strict=True):
            rows = drawn[(drawn["stage"] == stage) & (drawn["examples"] == examples)]
            for (label, points), color, marker in zip(
                rows.groupby("manifold"), ("#0072b2", "#e69f00", "#009e73"), "os^", strict=True
            ):
                axes.scatter(points["x"], points["y"], 12, color, marker, lw=0, alpha=0.8, label=f"class {label:.0f}")
            axes.set(xticks=[], yticks=[], aspect="equal", title=f"{examples}, {rows['explained'].iloc[0]:.0%}")
            axes.set_adjustable("datalim")
        line[0].set_ylabel(f"{stage} epoch")
    handles, names = grid[0, 0].get_legend_handles_labels()
    figure.legend(handles, names, loc="outside lower center", ncols=3)
    return figure


def capacity_by_epoch(table: pd.DataFrame, layers: list[str]) -> Figure:
    """Capacity of the four example sets over training at a few layers, one panel a layer."""
    rows = _every_seed(table[table["layer"].isin(layers) & table["manifold"].isna()])
    figure, grid = plt.subplots(
        1, len(layers), figsize=(3.1 * len(layers), 3.1), layout="constrained", sharey=True, squeeze=False
    )
    for axes, layer in zip(grid[0], layers, strict=True):
        example_lines(axes, rows[rows["layer"] == layer], "epoch", "capacity")
        axes.set(title=layer, xlabel="epoch", ylabel=MEASURES["capacity"])
        axes.set_xscale("symlog", linthresh=1)
        axes.set_xlim(0, None)
    handles, names = grid[0, 0].get_legend_handles_labels()
    figure.legend(handles, names, loc="outside lower center", ncols=4)
    return figure


def _every_seed(rows: pd.DataFrame) -> pd.DataFrame:
    """Rows of epochs that every seed measured: best epochs differ, and would bend means over seeds."""
    rows = rows.drop_duplicates(["seed", "epoch", "layer", "examples"])
    return rows[rows.groupby("epoch")["seed"].transform("nunique") == rows["seed"].nunique()]
