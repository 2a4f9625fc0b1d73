"""Curves and heat maps of tidy tables, on seaborn: what the pages draw alike."""

from collections.abc import Iterable
from typing import Any

import matplotlib.pyplot as plt
import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import EngFormatter, LogLocator, MaxNLocator, NullLocator

from mfta.figures.style import COLORS, LABELS, MARKERS

TICKS = 11
"""Labels along a side of a heat map at most."""
DASHES: dict[str, Any] = {"here": "", "paper": (2, 1.2)}


def lines(
    rows: pd.DataFrame,
    x: str,
    y: str,
    hue: str | None = "examples",
    style: str | None = None,
    height: float = 2.5,
    aspect: float = 1.25,
    **relplot: Any,
) -> sns.FacetGrid:
    """Mean of ``y`` against ``x``, with a band of one standard deviation over what else the rows differ in: seeds.

    hue: a column of names that have a colour of their own in the book (example sets, epochs, ends of the network,
    parts of a gradient); others are given seaborn's. None, or the default in a table without it: one colour. style: a
    column of ``here`` and ``paper``, the second dashed. relplot: ``row``, ``col`` and what else
    :func:`seaborn.relplot` takes. Panels of one row share their y axis. If every ``y`` is undefined, they are empty.
    """
    if rows[y].isna().all():
        panels = {name: relplot.get(name) for name in ("row", "col")}
        return sns.FacetGrid(rows, height=height, aspect=aspect, **panels).set_axis_labels(x, f"{y}: undefined")
    hue = None if hue == "examples" and hue not in rows else hue
    names = list(dict.fromkeys(rows[hue].dropna())) if hue else []
    known = bool(names) and all(name in COLORS for name in names)
    order = [name for name in COLORS if name in names] if known else names
    look: dict[str, Any] = {
        "style": hue,
        "style_order": order or None,
        "markers": [MARKERS[name] for name in order] if known else True,
    }
    if style is not None:
        look = {"style": style, "style_order": [*DASHES], "markers": {"here": "o", "paper": "X"}}
    look |= {"hue_order": order or None, "palette": COLORS if known else None, "dashes": DASHES if style else False}
    look |= {"errorbar": "sd", "err_kws": {"lw": 0}, "ms": 4, "mew": 0, "lw": 1.4, "facet_kws": {"sharey": "row"}}
    if hue is None and style is None:  # nothing that markers could tell apart
        look |= {"marker": "o", "markers": None}
    grid = sns.relplot(rows, x=x, y=y, kind="line", hue=hue, height=height, aspect=aspect, **{**look, **relplot})
    grid.set_titles("").set_xlabels(LABELS.get(x, x))
    for axes, name in zip(grid.axes[0], grid.col_names, strict=False):
        axes.set_title(LABELS.get(name, name))
    for axes, name in zip(grid.axes[:, 0], grid.row_names or [y], strict=True):
        axes.set_ylabel(LABELS.get(name, name))
    for axes in grid.axes.flat:
        if x == "depth":
            axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        if x == "parameters":  # in thousands and millions
            axes.set_xscale("log")
            axes.xaxis.set_major_locator(LogLocator(subs=(1, 3)))
            axes.xaxis.set_minor_locator(NullLocator())
            axes.xaxis.set_major_formatter(EngFormatter(sep=""))
    if grid.legend is None:
        return grid
    legend = dict(zip([text.get_text() for text in grid.legend.texts], grid.legend.legend_handles, strict=True))
    shown = {name: handle for name, handle in legend.items() if name not in (hue, style)}
    grid.legend.remove()
    grid.figure.legend(
        shown.values(), [LABELS.get(name, name) for name in shown], loc="lower center", bbox_to_anchor=(0.5, 1),
        ncols=min(len(shown), 6),
    )  # fmt: skip
    return grid


def heat(rows: pd.DataFrame, x: str, y: str, value: str, row: str | None = None, col: str | None = None) -> Figure:
    """Heat maps of the mean of ``value`` by ``x`` and ``y``, a panel each of ``row`` and ``col``; rows share colours.

    The colours leave out the two per cent at either end, as an untrained head is far from all else. By matplotlib, as
    seaborn draws the whole figure anew for every panel.
    """
    lines_of, columns_of = ([None] if by is None else list(dict.fromkeys(rows[by])) for by in (row, col))
    size = (2.3 * len(columns_of) + 0.8, 2.3 * len(lines_of) + 0.4)
    figure, grid = plt.subplots(len(lines_of), len(columns_of), figsize=size, layout="constrained", squeeze=False)
    for place, (panels, line) in enumerate(zip(grid, lines_of, strict=True)):
        chosen = rows if row is None else rows[rows[row] == line]
        means = chosen.groupby([by for by in (col, x, y) if by is not None], sort=False)[value].mean()
        low, high = means.quantile([0.02, 0.98])
        for axes, column in zip(panels, columns_of, strict=True):
            table = (means if col is None else means.xs(column, level=col)).unstack(x).sort_index(axis=1)
            image = axes.imshow(table, "cividis", aspect="auto", interpolation="nearest", vmin=low, vmax=high)
            for ticks, names in ((axes.set_xticks, table.columns), (axes.set_yticks, table.index)):
                ticks(*zip(*[*enumerate(names)][:: -(-len(names) // TICKS)], strict=True))
            axes.set(xlabel=LABELS.get(x, x), ylabel=LABELS.get(y, y) if axes is panels[0] else "")
            if place == 0 and column is not None:
                axes.set_title(LABELS.get(column, column))
        figure.colorbar(image, ax=panels[-1], label=LABELS.get(line or value, line or value))
    return figure


def ratio(panels: Iterable[Axes], within: float = 0.0) -> None:
    """A line at one, where two values agree, and a band of ``within`` (a share) to either side."""
    for axes in panels:
        axes.axhline(1, color="0.5", lw=0.8, zorder=0)
        axes.axhspan(1 - within, 1 + within, color="0.5", alpha=0.15, lw=0)
