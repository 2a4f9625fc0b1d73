"""The one figure of the front page: when a network memorizes, and where in depth."""

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from mfta.figures.style import COLORS, MEASURES, mean_line


def story(table: pd.DataFrame) -> Figure:
    """Left: accuracy over epochs. Right: permuted and restored capacity by depth, at the best and the last epoch.

    table: of layer memorization. Means over seeds, bands of one standard deviation.
    """
    figure, (when, where) = plt.subplots(1, 2, figsize=(8.4, 3.5), layout="constrained")
    history = table[table["layer"].isna()]
    for name, label in (("permuted", "permuted labels"), ("test", "test images")):
        mean_line(when, history[history["examples"] == name], "epoch", "accuracy", COLORS[name], label=label)
    for epoch in history.loc[history["stage"] == "best", "epoch"].unique():
        when.axvline(epoch, color="0.5", lw=0.8, ls=":")
    when.set(xlabel="epoch", ylabel="accuracy", ylim=(0, 1.02), xlim=(0, None), title="when: late")
    when.legend(loc="center right")
    layers = table[table["layer"].notna() & table["capacity"].notna()]
    for name, label in (("permuted", "permuted labels"), ("restored", "their true labels")):
        for stage, dashes in (("best", (0, (4, 2))), ("last", "-")):
            rows = layers[(layers["examples"] == name) & (layers["stage"] == stage)]
            mean_line(where, rows, "depth", "capacity", COLORS[name], ls=dashes, label=f"{label}, {stage} epoch")
    where.set(xlabel="depth of the layer", ylabel=MEASURES["capacity"], title="where: deep", ylim=(0, None))
    where.xaxis.set_major_locator(MaxNLocator(integer=True))
    where.legend(loc="upper left")
    return figure
