"""Figures of section 2: accuracy and geometry after layers were set back."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.figure import Figure

from mfta.figures.style import COLORS, MEASURES, example_lines, mean_line

DIRECTIONS = {"last": ("last n layers", "#0072b2", "o"), "first": ("first n layers", "#e69f00", "s")}


def rewinding_by_layers(table: pd.DataFrame) -> Figure:
    """Test and permuted accuracy against the number of layers rewound to the best epoch.

    One column a treatment of batch norm. At 0 stands the trained network, at the right end the checkpoint
    of the best epoch.
    """
    whole = table[table["layer"].isna()]
    variants = list(whole["batch_norm"].unique())
    figure, grid = plt.subplots(
        2, len(variants), figsize=(7, 5), layout="constrained", sharex=True, sharey="row", squeeze=False
    )
    for column, variant in enumerate(variants):
        rows = whole[whole["batch_norm"] == variant]
        nothing = rows[rows["rewound"] == "none"]
        for row, examples in enumerate(("test", "permuted")):
            axes = grid[row, column]
            for direction, (label, color, marker) in DIRECTIONS.items():
                chosen = rows[(rows["rewound_from"] == direction) & (rows["stage"] == "best")]
                chosen = pd.concat([nothing, chosen])
                chosen = chosen[chosen["examples"] == examples]
                mean_line(axes, chosen, "rewound_layers", "accuracy", color, marker=marker, label=label)
            axes.set_ylabel(f"{examples} accuracy" if column == 0 else "")
        grid[0, column].set_title("" if variant == "absent" else f"batch norm {variant}")
        grid[1, column].set_xlabel("layers rewound to the best epoch")
    handles, names = grid[0, 0].get_legend_handles_labels()
    figure.legend(handles, names, loc="outside lower center", ncols=2)
    return figure


def rewinding_by_epoch(table: pd.DataFrame, batch_norm: str) -> Figure:
    """Test accuracy by the layers rewound and the epoch they are set back to, mean over seeds.

    Epochs that every seed was rewound to; best epochs differ between seeds.
    """
    rows = table[table["layer"].isna() & (table["examples"] == "test") & (table["batch_norm"] == batch_norm)]
    seeds_at = rows.groupby("rewound_to")["seed"].transform("nunique")
    rows = rows[(seeds_at == rows["seed"].nunique()) & rows["rewound_from"].notna()]
    names = {"single": "one layer alone", "first": "first n layers", "last": "last n layers"}
    figure, grid = plt.subplots(1, 3, figsize=(7.4, 3.6), layout="constrained")
    limits = rows["accuracy"].groupby([rows["rewound"], rows["rewound_to"]]).mean()
    for axes, (direction, title) in zip(grid, names.items(), strict=True):
        chosen = rows[rows["rewound_from"] == direction]
        by = "rewound" if direction == "single" else "rewound_layers"
        means = chosen.pivot_table(index=by, columns="rewound_to", values="accuracy", sort=False).sort_index(axis=1)
        sns.heatmap(
            means, ax=axes, cmap="cividis", vmin=limits.min(), vmax=limits.max(),
            cbar=direction == "last", cbar_kws={"label": "test accuracy"},
        )  # fmt: skip
        axes.set(title=title, xlabel="rewound to epoch", ylabel="" if direction == "single" else "n")
        axes.tick_params(axis="y", rotation=0)
    return figure


def rewinding_single_layers(table: pd.DataFrame) -> Figure:
    """By layer, rewound alone: share of the gap in test accuracy won back, permuted accuracy lost.

    table: :func:`mfta.readout.rewinding.single_layers`. Bars are means over seeds, lines one standard
    deviation.
    """
    figure, axes = plt.subplots(figsize=(7, 3.4), layout="constrained")
    at = np.arange(len(table))
    for shift, name, label, color in (
        (-0.2, "share", "share of the gap in test accuracy won back", COLORS["test"]),
        (0.2, "lost", "permuted accuracy lost", COLORS["permuted"]),
    ):
        spread = table[f"{name}_std"].fillna(0)
        axes.bar(at + shift, table[f"{name}_mean"], 0.38, yerr=spread, color=color, ecolor="0.3", label=label)
    axes.axhline(0, color="0.5", lw=0.8)
    axes.set_xticks(at, table.index, rotation=45 if len(table) > 8 else 0)
    axes.set(xlabel="layer set back to the best epoch", ylabel="fraction")
    figure.legend(loc="outside upper center", ncols=2)
    return figure


def rewinding_geometry(table: pd.DataFrame) -> Figure:
    """Capacity and dimension near the end against the number of final layers rewound to the best epoch."""
    rows = table[table["layer"].notna()]
    layers = rows.sort_values("depth")["layer"].unique()
    measures = ("capacity", "dimension")
    figure, grid = plt.subplots(2, len(layers), figsize=(7, 5), layout="constrained", sharex=True, sharey="row")
    for column, layer in enumerate(layers):
        for row, measure in enumerate(measures):
            axes = grid[row, column]
            example_lines(axes, rows[rows["layer"] == layer], "rewound_layers", measure)
            axes.set_ylabel(MEASURES[measure] if column == 0 else "")
        grid[0, column].set_title(layer)
        grid[1, column].set_xlabel("final layers rewound")
    handles, names = grid[0, 0].get_legend_handles_labels()
    figure.legend(handles, names, loc="outside lower center", ncols=4)
    return figure
