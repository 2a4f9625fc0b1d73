"""What the verdicts judge: one number a seed from a section's table. Factors are given as their logarithm.

"First" and "final" are the first and the last third of the layers after the input, the head among them.
"""

import math

import numpy as np
import pandas as pd

from mfta.readout import gradients, rewinding

TRUE_LABELS = ("unpermuted", "restored", "test")


def thirds(table: pd.DataFrame) -> dict[str, list[float]]:
    """Depths of the ``first`` and ``final`` third of the layers, and of ``all``; the input is no layer here."""
    depths = sorted(table.loc[table["layer"].notna() & (table["depth"] > 0), "depth"].unique())
    third = max(1, len(depths) // 3)
    return {"first": depths[:third], "final": depths[-third:], "all": depths}


def logs(table: pd.DataFrame, examples: str, measure: str, stage: str, place: str) -> pd.DataFrame:
    """Logarithm of a measure of one example set: rows are seeds, columns depths of that place."""
    chosen = table["layer"].notna() & (table["examples"] == examples) & (table["stage"] == stage)
    values = table[chosen].pivot_table(index="seed", columns="depth", values=measure)
    return values.reindex(columns=thirds(table)[place]).apply(np.log)


def change(
    table: pd.DataFrame, examples: str, place: str, stages: tuple[str, str], measure: str = "capacity"
) -> pd.Series:
    """By seed, the mean over layers of the log ratio of a measure between two stages (after over before)."""
    before, after = (logs(table, examples, measure, stage, place) for stage in stages)
    return (after - before).mean(axis=1)


EARLY = ("initial", "best")
LATE = ("best", "last")


def permuted_accuracy(table: pd.DataFrame) -> pd.Series:
    """Accuracy on permuted labels at the last epoch, nothing rewound."""
    rows = table[table["layer"].isna() & (table["examples"] == "permuted")]
    rows = rows[(rows["rewound"] == "none") if "rewound" in rows else (rows["stage"] == "last")]
    return rows.groupby("seed")["accuracy"].mean()


def early_advantage(table: pd.DataFrame) -> pd.Series:
    """Rise of capacity up to the best epoch over that of permuted labels; the least of the three true-label sets."""
    permuted = change(table, "permuted", "all", EARLY)
    return pd.concat([change(table, name, "all", EARLY) - permuted for name in TRUE_LABELS], axis=1).min(axis=1)


def early_permuted(table: pd.DataFrame) -> pd.Series:
    """Rise of the permuted capacity up to the best epoch, all layers."""
    return change(table, "permuted", "all", EARLY)


def early_advantage_of_first_layers(table: pd.DataFrame) -> pd.Series:
    """Rise of restored over that of permuted capacity up to the best epoch: same images, first third."""
    return change(table, "restored", "first", EARLY) - change(table, "permuted", "first", EARLY)


def late_advantage(table: pd.DataFrame) -> pd.Series:
    """Rise of permuted over that of unpermuted capacity after the best epoch, final third."""
    return change(table, "permuted", "final", LATE) - change(table, "unpermuted", "final", LATE)


def late_radius(table: pd.DataFrame) -> pd.Series:
    """Change of the permuted radius (median over manifolds) after the best epoch, final third."""
    return change(table, "permuted", "final", LATE, "radius_median")


def late_dimension(table: pd.DataFrame) -> pd.Series:
    """Change of the permuted dimension after the best epoch, final third."""
    return change(table, "permuted", "final", LATE, "dimension")


def late_depth(table: pd.DataFrame) -> pd.Series:
    """Rise of the permuted capacity after the best epoch, final over first third."""
    return change(table, "permuted", "final", LATE) - change(table, "permuted", "first", LATE)


def late_first_layers(table: pd.DataFrame) -> pd.Series:
    """Size of the change of permuted capacity after the best epoch, up or down, first third."""
    before, after = (logs(table, "permuted", "capacity", stage, "first") for stage in LATE)
    return (after - before).abs().mean(axis=1)


def true_label_disagreement(table: pd.DataFrame) -> pd.Series:
    """Difference in capacity of restored or test from unpermuted at the last epoch, first third; the larger."""
    unpermuted, *others = (logs(table, name, "capacity", "last", "first") for name in TRUE_LABELS)
    return pd.concat([(other - unpermuted).abs().mean(axis=1) for other in others], axis=1).max(axis=1)


def accuracy_gap(table: pd.DataFrame) -> pd.Series:
    """Test accuracy at the best epoch less that at the last."""
    variant, layers = rewinding.main_variant(table), rewinding.layer_count(table)
    best, last = (rewinding.accuracy(table, variant, "last", n)["test"] for n in (layers, 0))
    return best - last


def fewer_final_layers(table: pd.DataFrame, batch_norm: str | None = None) -> pd.Series:
    """Layers to rewind from the start less those from the end, to win back the gap; as a share of all layers."""
    variant = batch_norm or rewinding.main_variant(table)
    first, final = (rewinding.needed(table, side, variant) for side in ("first", "final"))
    return (first - final) / rewinding.layer_count(table)


def fewer_final_layers_reestimated(table: pd.DataFrame) -> pd.Series:
    """The same with batch norm estimated anew."""
    return fewer_final_layers(table, "re-estimated")


def final_share(table: pd.DataFrame) -> pd.Series:
    """Share of the gap in test accuracy that rewinding the final third of the layers wins back."""
    return rewinding.share(table, "last", max(1, rewinding.layer_count(table) // 3))


def gradient_ratio(table: pd.DataFrame) -> pd.Series:
    """Norm of the label-dependent gradient at initialization, permuted over unpermuted, whole network."""
    return gradients.ratios(table, "label_dependent", "initial")[gradients.WHOLE].map(math.log)


def gradient_ratio_of_layers(table: pd.DataFrame) -> pd.Series:
    """The same at the layer where it is largest."""
    ratios = gradients.ratios(table, "label_dependent", "initial").drop(columns=gradients.WHOLE)
    return ratios.max(axis=1).map(math.log)


def gradient_growth(table: pd.DataFrame) -> pd.Series:
    """That ratio for the whole network at the last epoch over that at initialization."""
    initial, last = (gradients.ratios(table, "label_dependent", stage) for stage in ("initial", "last"))
    return (last[gradients.WHOLE] / initial[gradients.WHOLE]).map(math.log)


def gradient_exponent(table: pd.DataFrame) -> pd.Series:
    """Exponent of the permuted label-dependent norm in the number of images, whole network."""
    return gradients.exponents(table)["exponent"].xs((gradients.WHOLE, "permuted"), level=("layer", "examples"))
