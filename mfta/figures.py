"""Tables to figures. Nothing else in the package draws.

Figures are SVG with a transparent ground and black text, so that one picture serves light and dark pages.
"""

import matplotlib as mpl
import matplotlib.pyplot as plt
import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib_inline.backend_inline import set_matplotlib_formats

EXAMPLES = ("unpermuted", "permuted", "restored", "test")
COLORS = dict(zip(EXAMPLES, ("#0072b2", "#d55e00", "#009e73", "#7f7f7f"), strict=True))
MARKERS = dict(zip(EXAMPLES, ("o", "s", "^", "D"), strict=True))
MEASURES = {"capacity": "capacity α", "radius": "radius R", "dimension": "dimension D"}


def use_style() -> None:
    """Set the book's style for this process and let notebooks embed SVG."""
    sns.set_theme(context="notebook", style="ticks", font_scale=0.85)
    mpl.rcParams.update(
        {
            "figure.facecolor": "none",
            "axes.facecolor": "none",
            "savefig.facecolor": "none",
            "legend.frameon": False,
            "axes.spines.top": False,
            "axes.spines.right": False,
            "svg.hashsalt": "mfta",
            "svg.fonttype": "path",
        }
    )
    set_matplotlib_formats("svg", metadata={"Date": None})


def accuracy_by_epoch(table: pd.DataFrame) -> Figure:
    """Accuracy of the four example sets after every epoch: mean over seeds, band of one deviation.

    Dotted lines mark each seed's best epoch.
    """
    history = table[table["layer"].isna()]
    figure, axes = plt.subplots(figsize=(7, 3.6), layout="constrained")
    _lines(axes, history, "epoch", "accuracy", marker_every=0)
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
                if where == "paper":
                    chosen = chosen[chosen["measure"] == measure].rename(columns={"value": measure})
                _lines(axes, chosen, "depth", measure)
                axes.set(xlabel="depth" if row == 2 else "", ylabel=label if stage == "best" else "")
                if row == 0:
                    axes.set_title(f"{where}, {stage} epoch")
            _share_y(pair)
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
        _lines(axes, chosen[seeds_at == chosen["seed"].nunique()], "epoch", "capacity")
        axes.set(title=layer, xlabel="epoch", ylabel=MEASURES["capacity"])
        axes.set_xscale("symlog", linthresh=1)
        axes.set_xlim(0, None)
    handles, names = grid[0, 0].get_legend_handles_labels()
    figure.legend(handles, names, loc="outside lower center", ncols=4)
    return figure


def _lines(axes: Axes, rows: pd.DataFrame, x: str, y: str, marker_every: int = 1) -> None:
    """One line an example set: mean over seeds, and a band of one standard deviation between them."""
    for name in EXAMPLES:
        values = rows[rows["examples"] == name]
        if values.empty:
            continue
        by = values.groupby(x)[y].agg(["mean", "std"])
        marker = MARKERS[name] if marker_every else None
        axes.plot(by.index, by["mean"], color=COLORS[name], marker=marker, ms=4, lw=1.5, label=name)
        spread = by["std"].fillna(0)
        axes.fill_between(by.index, by["mean"] - spread, by["mean"] + spread, color=COLORS[name], alpha=0.2, lw=0)


def _share_y(axes: tuple[Axes, ...]) -> None:
    limits = [a.get_ylim() for a in axes]
    for a in axes:
        a.set_ylim(min(low for low, _ in limits), max(high for _, high in limits))
