"""Figures of section 4: the parts of the gradient over training, depth, number of images and head scale."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import NullFormatter

from mfta.figures.style import COLORS, example_lines, mean_line

PARTS = {"label_dependent": "label-dependent", "label_independent": "label-independent", "total": "total"}
STAGES = {"initial": ("#999999", "o"), "best": ("#56b4e9", "s"), "last": ("#cc79a7", "^")}


def gradients_over_training(table: pd.DataFrame, layers: list[str]) -> Figure:
    """Norm of each part (rows) over epochs at some layers (columns), for both sets.

    Epochs that every seed measured; best epochs differ between seeds.
    """
    rows = table[table["varied"] == "epoch"].drop_duplicates(["seed", "epoch", "layer", "part", "examples"])
    rows = rows[rows.groupby("epoch")["seed"].transform("nunique") == rows["seed"].nunique()]
    figure, grid = plt.subplots(
        len(PARTS), len(layers), figsize=(7.2, 6), layout="constrained", sharex=True, squeeze=False
    )
    for line, (part, label) in zip(grid, PARTS.items(), strict=True):
        for axes, layer in zip(line, layers, strict=True):
            example_lines(axes, rows[(rows["part"] == part) & (rows["layer"] == layer)], "epoch", "norm")
            axes.set_xscale("symlog", linthresh=1)
            axes.set_xlim(0, None)
            axes.set_ylim(0, None)
        line[0].set_ylabel(label)
    for axes, layer in zip(grid[0], layers, strict=True):
        axes.set_title(layer)
    for axes in grid[-1]:
        axes.set_xlabel("epoch")
    handles, names = grid[0, 0].get_legend_handles_labels()
    figure.legend(handles, names, loc="outside lower center", ncols=2, title="examples")
    return figure


def gradients_by_depth(table: pd.DataFrame) -> Figure:
    """By layer: permuted over unpermuted norm of the label-dependent part, and cosine of the totals."""
    rows = table[(table["varied"] == "epoch") & table["layer"].notna()]
    names = rows.drop_duplicates("layer").sort_values("depth")["layer"].tolist()
    dependent = rows[rows["part"] == "label_dependent"]
    by = dependent.pivot_table(index=["seed", "stage", "layer"], columns="examples", values="norm")
    ratio = by.assign(ratio=by["permuted"] / by["unpermuted"]).reset_index()
    total = rows[(rows["part"] == "total") & (rows["examples"] == "permuted")]
    figure, pair = plt.subplots(1, 2, figsize=(7.2, 3.6), layout="constrained")
    for axes, values, column in ((pair[0], ratio, "ratio"), (pair[1], total, "cosine")):
        places = values.assign(place=values["layer"].map(names.index))
        for stage, (color, marker) in STAGES.items():
            mean_line(axes, places[places["stage"] == stage], "place", column, color, marker=marker, label=stage)
        axes.set_xticks(range(len(names)), names, rotation=60)
    pair[0].set(ylabel="permuted / unpermuted norm", title="label-dependent part", ylim=(0, None))
    pair[1].set(ylabel="cosine", title="total gradients", ylim=(-1, 1))
    pair[1].axhline(0, color="0.5", lw=0.8)
    handles, labels = pair[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=3, title="epoch")
    return figure


def gradients_by_images(table: pd.DataFrame, layers: list[str]) -> Figure:
    """Norm of the label-dependent part at initialization against the number of images, with slope −1/2."""
    rows = table[table["varied"] == "images"]
    rows = rows.pivot_table(index=["seed", "layer", "examples", "images"], values="norm").reset_index()
    figure, grid = plt.subplots(1, len(layers), figsize=(7.2, 3.2), layout="constrained", squeeze=False)
    for axes, layer in zip(grid[0], layers, strict=True):
        chosen = rows[rows["layer"] == layer]
        example_lines(axes, chosen, "images", "norm")
        permuted = chosen[chosen["examples"] == "permuted"].groupby("images")["norm"].mean()
        slope = permuted.iloc[0] * np.sqrt(permuted.index[0] / permuted.index)
        axes.plot(permuted.index, slope, color="0.3", ls=":", lw=1.2, label="slope −1/2")
        axes.set(xscale="log", yscale="log", title=layer, xlabel="images n")
        axes.yaxis.set_minor_formatter(NullFormatter())
    grid[0, 0].set_ylabel("norm, label-dependent")
    handles, names = grid[0, 0].get_legend_handles_labels()
    figure.legend(handles, names, loc="outside lower center", ncols=3)
    return figure


def gradients_by_scale(table: pd.DataFrame) -> Figure:
    """The whole network's gradient at initialization against a factor on the head's weights.

    Left: norms of the two parts over the unpermuted label-dependent one. Right: permuted over unpermuted
    total norm, cosine of the totals, and mean largest probability.
    """
    rows = table[(table["varied"] == "head_scale") & table["layer"].isna()]
    by = rows.pivot_table(index=["seed", "head_scale"], columns=["examples", "part"], values="norm")
    figure, pair = plt.subplots(1, 2, figsize=(7.2, 3.6), layout="constrained")
    reference = by["unpermuted", "label_dependent"]
    for examples in ("unpermuted", "permuted"):
        for part, dashes in (("label_dependent", "-"), ("label_independent", "--")):
            relative = (by[examples, part] / reference).rename("norm").reset_index()
            label = f"{examples}, {PARTS[part]}"
            mean_line(pair[0], relative, "head_scale", "norm", COLORS[examples], ls=dashes, label=label)
    total = (by["permuted", "total"] / by["unpermuted", "total"]).rename("norm").reset_index()
    mean_line(pair[1], total, "head_scale", "norm", "#000000", marker="o", label="permuted / unpermuted norm")
    permuted = rows[(rows["examples"] == "permuted") & (rows["part"] == "total")]
    mean_line(pair[1], permuted, "head_scale", "cosine", "#cc79a7", marker="s", label="cosine")
    mean_line(pair[1], permuted, "head_scale", "confidence", "#56b4e9", marker="^", label="largest probability")
    pair[0].set(yscale="log", ylabel="norm / unpermuted label-dependent", title="parts")
    pair[1].set(ylim=(0, None), title="total gradients")
    for axes in pair:
        axes.set(xscale="log", xlabel="factor on the head's weights")
        axes.legend(loc="upper center", bbox_to_anchor=(0.5, -0.2), fontsize="small")
    return figure
