"""The figure of a sweep: one measure over the first of the grid's parameters, panels for the next two."""

from collections.abc import Sequence

import pandas as pd
import seaborn as sns
from matplotlib.figure import Figure

from mfta.figures.style import COLORS, use_style


def by_grid(rows: pd.DataFrame, measure: str, axes: Sequence[str]) -> Figure:
    """Mean of ``measure`` over all else (seeds, layers), band of one standard deviation.

    axes: columns of the grid; the first is drawn along, the second and third set panels side by side and
    below one another, any further ones are averaged over. Lines are the example sets where there are any.
    """
    use_style()
    along, *panels = axes or ["seed"]
    hue = "examples" if "examples" in rows.columns and rows["examples"].notna().any() else None
    grid = sns.relplot(
        rows,
        x=along,
        y=measure,
        kind="line",
        marker="o",
        errorbar="sd",
        height=3.2,
        hue=hue,
        palette=COLORS if hue else None,
        hue_order=[name for name in COLORS if name in set(rows[hue])] if hue else None,
        col=panels[0] if panels else None,
        row=panels[1] if len(panels) > 1 else None,
    )
    return grid.figure
