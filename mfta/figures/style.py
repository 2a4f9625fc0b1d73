"""The look of all figures: SVG with a transparent ground and black text, so that one picture serves light
and dark pages.
"""

from collections.abc import Iterable
from typing import Any

import matplotlib as mpl
import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator
from matplotlib_inline.backend_inline import set_matplotlib_formats

EXAMPLES = ("unpermuted", "permuted", "restored", "test")
COLORS = dict(zip(EXAMPLES, ("#0072b2", "#d55e00", "#009e73", "#7f7f7f"), strict=True))
MARKERS = dict(zip(EXAMPLES, ("o", "s", "^", "D"), strict=True))
MEASURES = {"capacity": "capacity α", "radius": "radius R", "dimension": "dimension D"}


def use_style() -> None:
    """Set the book's style for this process, whatever a matplotlibrc says, and let notebooks embed SVG."""
    mpl.rcdefaults()
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


def example_lines(axes: Axes, rows: pd.DataFrame, x: str, y: str, marker_every: int = 1) -> None:
    """One :func:`mean_line` an example set."""
    for name in EXAMPLES:
        values = rows[rows["examples"] == name]
        if not values.empty:
            mean_line(axes, values, x, y, COLORS[name], marker=MARKERS[name] if marker_every else None, label=name)


def mean_line(axes: Axes, rows: pd.DataFrame, x: str, y: str, color: str, **line: Any) -> None:
    """Mean of ``y`` over seeds against ``x``, and a band of one standard deviation between them.

    line: what matplotlib's ``plot`` takes besides.
    """
    by = rows.groupby(x)[y].agg(["mean", "std"])
    axes.plot(by.index, by["mean"], color=color, **{"ms": 4, "lw": 1.5, **line})
    spread = by["std"].fillna(0)
    if x == "depth":
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.fill_between(by.index, by["mean"] - spread, by["mean"] + spread, color=color, alpha=0.2, lw=0)


def share_y(axes: Iterable[Axes]) -> None:
    """Give several axes the range that holds all of theirs."""
    limits = [a.get_ylim() for a in axes]
    for a in axes:
        a.set_ylim(min(low for low, _ in limits), max(high for _, high in limits))
