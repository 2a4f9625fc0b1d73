"""Figure of the page on choices: where the permuted capacity rises, one parameter set otherwise at a time."""

import matplotlib.pyplot as plt
import pandas as pd
import seaborn as sns
from matplotlib.figure import Figure


def capacity_ratios(ratios: dict[str, pd.DataFrame]) -> Figure:
    """Permuted capacity at the last over the best epoch by depth, one line a variation, mean over its seeds.

    ratios: :func:`mfta.readout.robustness.ratios`, the preset first. Depth as a share of the whole, as networks
    differ. The preset's line is black, its band one standard deviation over seeds.
    """
    figure, axes = plt.subplots(figsize=(7, 4), layout="constrained")
    palette = sns.color_palette("colorblind")
    looks = [("black", "-"), *((color, line) for line in ("-", "--", ":") for color in palette)]
    for (name, by_seed), (color, line) in zip(ratios.items(), looks, strict=False):
        depth, mean, spread = by_seed.columns.to_numpy(dtype=float), by_seed.mean(), by_seed.std().fillna(0)
        depth = depth / depth.max()
        axes.plot(depth, mean, color=color, ls=line, lw=1.4, marker=".", ms=5, label=name)
        if color == "black":
            axes.fill_between(depth, mean - spread, mean + spread, color=color, alpha=0.15, lw=0)
    axes.axhline(1, color="0.5", lw=0.8, ls=":")
    axes.set(xlabel="share of the depth", ylabel="permuted capacity, last / best")
    if ratios:
        axes.legend(loc="upper left")
    return figure
