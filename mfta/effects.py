"""What the rules of the claims are about: one number a seed, read off a section's table.

An :class:`Effect` turns the rows of all seeds into a series over seeds; effects subtract. Where a table does not hold
what an effect is about, or a network cannot have it, its seeds are absent or NaN.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

TRUE_LABELS = ("unpermuted", "restored", "test")
FIRST, FINAL, ALL = "first", "final", "all"
"""The first and the final third of the measured layers after the input, and all of them."""


@dataclass(frozen=True)
class Effect:
    """A reading of a table (rows of all seeds) as one number a seed."""

    read: Callable[[pd.DataFrame], pd.Series]

    def __call__(self, table: pd.DataFrame) -> pd.Series:
        """The effect by seed; empty where the table lacks its rows or columns."""
        try:
            return self.read(table)
        except KeyError:
            return pd.Series(dtype=float)

    def __sub__(self, other: "Effect") -> "Effect":
        """The difference by seed."""
        return Effect(lambda table: self.read(table) - other.read(table))


def effect(read: Callable[..., pd.Series]) -> Callable[..., Effect]:
    """Makes effects of a reading with parameters behind the table: ``area("main")``."""
    return lambda *given: Effect(lambda table: read(table, *given))


@effect
def least(table: pd.DataFrame, *effects: Effect) -> pd.Series:
    """By seed, the least of several effects."""
    return pd.concat([effect.read(table) for effect in effects], axis=1).min(axis=1, skipna=False)


# Geometry by layer.


def thirds(table: pd.DataFrame) -> dict[str, list[float]]:
    """Depths of the first and the final third of the measured layers, and of all; the input is no layer here."""
    depths = sorted(table.loc[table["layer"].notna() & (table["depth"] > 0), "depth"].unique())
    third = max(1, len(depths) // 3)
    return {FIRST: depths[:third], FINAL: depths[-third:], ALL: depths}


def _logs(table: pd.DataFrame, examples: str, measure: str, stage: str, place: str) -> pd.DataFrame:
    """Logarithm of a measure of one example set: rows are seeds, columns the depths of that place."""
    chosen = table["layer"].notna() & (table["examples"] == examples) & (table["stage"] == stage)
    values = table[chosen].pivot_table(index="seed", columns="depth", values=measure)
    return values.reindex(columns=thirds(table)[place]).map(np.log).dropna(axis=1, how="all")


def _changes(table: pd.DataFrame, stage: str, since: str, examples: str, measure: str, place: str) -> pd.DataFrame:
    """Log ratio of a set's measure at one stage to that at another: rows are seeds, columns the depths of a place."""
    now, then = (_logs(table, examples, measure, at, place) for at in (stage, since))
    return now - then


@effect
def change(table: pd.DataFrame, *of: str) -> pd.Series:
    """Mean log ratio over the layers of a place: ``change(stage, since, examples, measure, place)``."""
    return _changes(table, *of).mean(axis=1).dropna()


@effect
def layers_where(table: pd.DataFrame, stage: str, since: str, more: str, less: str) -> pd.Series:
    """Share of layers at which the capacity of one set changed more than that of another in every seed."""
    more_of, less_of = (_changes(table, stage, since, name, "capacity", ALL) for name in (more, less))
    ahead = (more_of - less_of).reindex(columns=thirds(table)[ALL]) > 0
    return pd.Series(float(ahead.all().mean()), index=ahead.index)


@Effect
def true_label_difference(table: pd.DataFrame) -> pd.Series:
    """Log ratio in capacity of restored or test to unpermuted examples at the last epoch, first third; the larger."""
    unpermuted, *others = (_logs(table, name, "capacity", "last", FIRST) for name in TRUE_LABELS)
    return pd.concat([(other - unpermuted).mean(axis=1).abs() for other in others], axis=1).max(axis=1, skipna=False)


@effect
def accuracy(table: pd.DataFrame, examples: str, stage: str) -> pd.Series:
    """Accuracy of the whole network on a set at a stage."""
    rows = table[table["layer"].isna() & (table["examples"] == examples) & (table["stage"] == stage)]
    return rows.dropna(subset="accuracy").groupby("seed")["accuracy"].mean()


# Rewinding.


def _rewound(table: pd.DataFrame, side: str, variant: str, examples: str) -> pd.DataFrame:
    """Accuracy with layers rewound to the best epoch: rows are seeds, columns how many layers from that side."""
    rows = table[table["layer"].isna() & (table["examples"] == examples)]
    rows = rows[(rows["batch_norm"] != "re-estimated") if variant == "main" else (rows["batch_norm"] == variant)]
    none = rows["rewound"] == "none"
    every = (rows["rewound"] == "all") & (rows["stage"] == "best")
    chosen = none | every | ((rows["rewound_from"] == side) & (rows["stage"] == "best"))
    return rows[chosen].pivot_table(index="seed", columns="rewound_layers", values="accuracy")


def recovered(table: pd.DataFrame, side: str, variant: str = "main", examples: str = "test") -> pd.DataFrame:
    """Share of the gap in accuracy between best and last epoch that rewinding n layers recovers.

    side: ``first`` or ``last``. Rows are seeds, columns n from none (0) to all layers (1). NaN without a gap.
    """
    accuracy = _rewound(table, side, variant, examples)
    if accuracy.empty:
        return accuracy
    # What all layers at the best epoch answer is the best network itself.
    nothing, everything = accuracy[accuracy.columns.min()], accuracy[accuracy.columns.max()]
    gap = (everything - nothing).where(lambda values: values != 0)
    return accuracy.sub(nothing, axis=0).div(gap, axis=0)


def _few(table: pd.DataFrame, variant: str = "main") -> pd.DataFrame:
    """Of each seed the number of final layers chosen on one half of the test images, and the share on the other."""
    chosen_on = recovered(table, "last", variant, "test half 1").dropna(how="all")  # a seed without a gap has none
    judged_on = recovered(table, "last", variant, "test half 2").reindex(chosen_on.index)
    if chosen_on.empty:
        return pd.DataFrame(columns=["number", "share"], dtype=float)
    most = max(1, int(chosen_on.columns.max()) // 3)
    number = chosen_on.loc[:, 1:most].idxmax(axis=1).astype(float)
    share = judged_on.where(judged_on.columns.to_numpy() == number.to_numpy()[:, None]).max(axis=1)
    return pd.DataFrame({"number": number, "share": share})


@effect
def few(table: pd.DataFrame, variant: str) -> pd.Series:
    """Share that the final few layers, at most a third of all, recover."""
    return _few(table, variant)["share"]


@effect
def area(table: pd.DataFrame, variant: str) -> pd.Series:
    """Mean over the number of layers, one to all but one, of the share from the end less that from the start."""
    difference = recovered(table, "last", variant) - recovered(table, "first", variant)
    return difference.iloc[:, 1:-1].mean(axis=1, skipna=False).dropna()


@effect
def fewest(table: pd.DataFrame, share: float) -> pd.Series:
    """The fewest final layers that recover ``share`` of the gap."""
    enough = recovered(table, "last") >= share
    return enough.idxmax(axis=1).where(enough.any(axis=1)).dropna().astype(float)


@Effect
def first_over_half(table: pd.DataFrame) -> pd.Series:
    """The most that the first third recovers, less half of what the final few do."""
    first = recovered(table, "first", examples="test half 2")
    most = max(1, int(first.columns.max()) // 3) if len(first) else 0
    return first.loc[:, 1:most].max(axis=1) - _few(table)["share"] / 2


@Effect
def gap(table: pd.DataFrame) -> pd.Series:
    """Test accuracy at the best epoch less that at the last."""
    accuracy = _rewound(table, "last", "main", "test")
    return accuracy[accuracy.columns.max()] - accuracy[accuracy.columns.min()]


number_chosen = Effect(lambda table: _few(table)["number"])
permuted_accuracy_unrewound = Effect(lambda table: _rewound(table, "last", "main", "permuted")[0])


# Double descent.


def _curve(table: pd.DataFrame, examples: str) -> pd.DataFrame:
    """Accuracy, mean of the last five epochs: rows are seeds, columns parameters in ascending order."""
    rows = table[table["layer"].isna() & (table["examples"] == examples) & table["accuracy"].notna()]
    rows = rows.drop_duplicates(["seed", "parameters", "epoch"])
    late = rows[rows["epoch"] > rows.groupby(["seed", "parameters"])["epoch"].transform("max") - 5]
    return late.pivot_table(index="seed", columns="parameters", values="accuracy")


def _places(table: pd.DataFrame) -> tuple[float, float, float] | None:
    """Peak, dip and peak over the sizes, where the mean over seeds lies farthest below the lower peak beside it."""
    curve = _curve(table, "test half 1").mean()
    sizes, heights = curve.index.to_numpy(dtype=float), curve.to_numpy(dtype=float)
    found = []
    for at in range(1, len(sizes) - 1):
        before, after = int(heights[:at].argmax()), at + 1 + int(heights[at + 1 :].argmax())
        found.append((min(heights[before], heights[after]) - heights[at], (sizes[before], sizes[at], sizes[after])))
    return max(found)[1] if found else None


@Effect
def dip(table: pd.DataFrame) -> pd.Series:
    """How far the accuracy at the dip lies below the lower peak beside it, on the other half of the test images."""
    places = _places(table)
    if places is None:
        return pd.Series(dtype=float)
    curve = _curve(table, "test half 2")
    return curve[[places[0], places[2]]].min(axis=1) - curve[places[1]]


@effect
def bump(table: pd.DataFrame, measure: str, layer: str) -> pd.Series:
    """How much more a measure's log ratio, last to best epoch, is at the dip than at the peaks (test examples).

    layer: ``block`` (the last convolution, before pooling), ``pool`` or ``head``.
    """
    places = _places(table)
    rows = table[table["layer"].notna() & (table["examples"] == "test")]
    names = rows["layer"].drop_duplicates()
    measured = names[names.str.startswith("conv")].max() if layer == "block" else layer
    of = rows[rows["layer"] == measured].pivot_table(index="seed", columns=["stage", "parameters"], values=measure)
    if places is None or of.empty:
        return pd.Series(dtype=float)
    ratio = pd.DataFrame(of["last"] / of["best"]).map(np.log)
    return ratio[places[1]] - ratio[[places[0], places[2]]].mean(axis=1)


interpolation = Effect(lambda table: _curve(table, "train").max(axis=1))


# Gradients.


def _norms(table: pd.DataFrame, varied: str) -> pd.DataFrame:
    """Rows of the label-dependent part, of the whole network."""
    return table[(table["varied"] == varied) & (table["part"] == "label_dependent") & table["layer"].isna()]


@effect
def exponent(table: pd.DataFrame, examples: str) -> pd.Series:
    """Exponent of the norm of a set's part in the number of its images, untrained network."""
    rows = _norms(table, "images")
    rows = rows[rows["examples"] == examples].assign(square=lambda chosen: chosen["norm"] ** 2)
    mean = rows.pivot_table(index="seed", columns="images", values="square")
    logs = np.log(mean.columns.to_numpy(dtype=float))
    return mean.apply(lambda row: np.polyfit(logs[row.notna()], 0.5 * np.log(row.dropna()), 1)[0], axis=1)


@effect
def norm_ratio(table: pd.DataFrame, epochs: Sequence[int] | str) -> pd.Series:
    """Log ratio of the norms, permuted over unpermuted; the mean over ``epochs``, or at a stage."""
    rows = _norms(table, "epoch")
    rows = rows[(rows["stage"] == epochs) if isinstance(epochs, str) else rows["epoch"].isin(epochs)]
    norms = np.log(rows.pivot_table(index=["seed", "epoch"], columns="examples", values="norm"))
    return (norms["permuted"] - norms["unpermuted"]).groupby("seed").mean()


def _signals(table: pd.DataFrame, column: str) -> pd.DataFrame:
    return _norms(table, "halves").pivot_table(index="seed", columns="examples", values=column)


@Effect
def signal_ratio_of_layers(table: pd.DataFrame) -> pd.Series:
    """Mean ratio of the signals, permuted over unpermuted, over layers whose unpermuted one is above noise."""
    rows = table[(table["varied"] == "halves") & (table["part"] == "label_dependent") & table["layer"].notna()]
    signal, floor = (
        rows.pivot_table(index=["seed", "layer"], columns="examples", values=v) for v in ("signal", "floor")
    )
    heard = signal["unpermuted"] > np.square(floor["unpermuted"])
    return (signal["permuted"] / signal["unpermuted"])[heard].groupby("seed").mean()


signal_ratio = Effect(lambda table: _signals(table, "signal").pipe(lambda s: s["permuted"] / s["unpermuted"]))
over_floor = Effect(
    lambda table: (_signals(table, "norm")["permuted"] / _signals(table, "floor")["permuted"]).map(np.log)
)
