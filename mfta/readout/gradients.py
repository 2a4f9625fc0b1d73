"""What the page of section 4 says in numbers and in words."""

import numpy as np
import pandas as pd
from scipy.stats import linregress

from mfta.readout import with_spread

WHOLE = "whole network"
NEAR = 0.05
"""How far from −1/2 a fitted exponent may lie and still be said to follow the law."""


def values(table: pd.DataFrame) -> dict[str, float | str]:
    """The section's numbers: means over seeds, ``*_spread`` their standard deviation (NaN at one seed).

    ``dependent_ratio_*``, ``independent_ratio_*``: norm of that part of the whole network's gradient for
    the permuted over the unpermuted examples. ``cosine_*``: between the two sets' total gradients.
    ``remainder_last``: norm of the permuted examples' total gradient over that of its label-dependent part.
    ``exponent_*``: of the label-dependent norm in the number of images, ``*_error`` the fits' own error.
    ``scale_*``: factor on the head's initial weights at which the label-independent part overtakes the
    label-dependent one.
    """
    by_name: dict[str, pd.Series] = {}
    for stage in ("initial", "best", "last"):
        for part in ("dependent", "independent"):
            by_name[f"{part}_ratio_{stage}"] = ratios(table, f"label_{part}", stage)[WHOLE]
        by_name[f"cosine_{stage}"] = cosines(table, "total", stage)[WHOLE]
    by_name["remainder_last"] = remainder(table, "permuted", "last")[WHOLE]
    fits = exponents(table).xs(WHOLE, level="layer")
    for examples in ("permuted", "unpermuted"):
        by_name[f"exponent_{examples}"] = fits.xs(examples, level="examples")["exponent"]
        by_name[f"scale_{examples}"] = overtaken(table, examples)
    answer: dict[str, float | str] = {}
    for name, by_seed in by_name.items():
        answer[name] = float(by_seed.mean())
        answer[f"{name}_spread"] = float(by_seed.std())
    answer["exponent_permuted_error"] = float(fits.xs("permuted", level="examples")["error"].mean())
    return answer | {
        "ignored_sentence": ignored_sentence(table),
        "training_sentence": training_sentence(table),
        "law_sentence": law_sentence(table),
        "scale_sentence": scale_sentence(table),
    }


def outcome(table: pd.DataFrame) -> str:
    """The section's numbers in a few sentences."""
    found = values(table)

    def text(name: str) -> str:
        return with_spread(float(found[name]), float(found[f"{name}_spread"]))

    at = {stage: text(f"dependent_ratio_{stage}") for stage in ("initial", "best", "last")}
    return (
        f"{found['ignored_sentence']} For the whole network it is {at['initial']} at initialization, {at['best']} at"
        f" the best epoch and {at['last']} at the last. In the number of images the permuted part falls with an"
        f" exponent of {text('exponent_permuted')}, the unpermuted one with {text('exponent_unpermuted')}."
    )


def ratios(table: pd.DataFrame, part: str, stage: str) -> pd.DataFrame:
    """Norm of a part for the permuted over the unpermuted examples: rows are seeds, columns layers."""
    rows = _named(table[(table["varied"] == "epoch") & (table["part"] == part) & (table["stage"] == stage)])
    by = {
        name: set_.pivot_table(index="seed", columns="layer", values="norm")
        for name, set_ in rows.groupby("examples")
    }
    return by["permuted"] / by["unpermuted"]


def cosines(table: pd.DataFrame, part: str, stage: str) -> pd.DataFrame:
    """Cosine of a part between the permuted and the unpermuted examples: rows are seeds, columns layers."""
    chosen = (table["varied"] == "epoch") & (table["part"] == part) & (table["stage"] == stage)
    rows = _named(table[chosen & (table["examples"] == "permuted")])
    return rows.pivot_table(index="seed", columns="layer", values="cosine")


def remainder(table: pd.DataFrame, examples: str, stage: str) -> pd.DataFrame:
    """Norm of a set's total gradient over that of its label-dependent part: rows are seeds, columns layers."""
    rows = _named(table[(table["varied"] == "epoch") & (table["examples"] == examples) & (table["stage"] == stage)])
    by = {part: set_.pivot_table(index="seed", columns="layer", values="norm") for part, set_ in rows.groupby("part")}
    return by["total"] / by["label_dependent"]


def exponents(table: pd.DataFrame) -> pd.DataFrame:
    """Fit of norm ∝ images^exponent at initialization, by seed, layer and set; ``error`` of the slope.

    Least squares in the logarithms over all subsets. They are nested, so the error is a lower bound.
    """
    rows = _named(table[table["varied"] == "images"])
    fits = {}
    for key, group in rows.groupby(["seed", "layer", "examples"], sort=False):
        enough = group["images"].nunique() > 2
        fit = linregress(np.log(group["images"]), np.log(group["norm"])) if enough else None
        fits[key] = {"exponent": fit.slope, "error": fit.stderr} if fit else {"exponent": np.nan, "error": np.nan}
    answer = pd.DataFrame.from_dict(fits, orient="index")
    answer.index = answer.index.set_names(["seed", "layer", "examples"])
    return answer


def overtaken(table: pd.DataFrame, examples: str) -> pd.Series:
    """By seed, the scale of the head at which the label-independent part of a set is as large as the other.

    Interpolated in logarithms between the scales measured; NaN where it lies outside of them.
    """
    rows = table[(table["varied"] == "head_scale") & (table["examples"] == examples) & table["layer"].isna()]
    by = {
        part: set_.pivot_table(index="head_scale", columns="seed", values="norm")
        for part, set_ in rows.groupby("part")
    }
    excess = (by["label_independent"] / by["label_dependent"]).map(np.log)
    scales = np.log(excess.index.to_numpy(dtype=float))
    crossings = {seed: np.interp(0, at, scales, left=np.nan, right=np.nan) for seed, at in excess.items()}
    return pd.Series(crossings).map(np.exp)


def ignored_sentence(table: pd.DataFrame) -> str:
    """At how many layers the permuted labels contribute less at initialization."""
    by = ratios(table, "label_dependent", "initial").drop(columns=WHOLE)
    below = int((by < 1).all().sum())
    verdict = "as the paper claims" if below == by.shape[1] else "which is against the paper's claim at the others"
    return (
        f"At initialization the label-dependent part of the permuted examples is the smaller one at {below} of"
        f" {by.shape[1]} layers in every seed, {verdict}; its ratio to the other lies between"
        f" {by.to_numpy().min():.2f} and {by.to_numpy().max():.2f}."
    )


def training_sentence(table: pd.DataFrame) -> str:
    """Whether the permuted labels' share of the gradient grows as they are memorized."""
    change = ratios(table, "label_dependent", "last")[WHOLE] - ratios(table, "label_dependent", "best")[WHOLE]
    if (change > 0).all():
        return "From the best epoch to the last this ratio grows in every seed: permuted labels are attended to late."
    if (change < 0).all():
        return "From the best epoch to the last this ratio falls in every seed, against the paper's account."
    return "From the best epoch to the last this ratio grows in some seeds and falls in others."


def law_sentence(table: pd.DataFrame) -> str:
    """Whether the permuted norm falls as one over the square root of n, and the unpermuted one does not."""
    means = exponents(table)["exponent"].groupby(["examples", "layer"]).mean()
    permuted, unpermuted = means["permuted"], means["unpermuted"]
    follows = "follows" if (abs(permuted + 0.5) < NEAR).all() else "does not follow"
    other = "falls more slowly" if (unpermuted > permuted).all() else "falls no more slowly"
    return (
        f"The permuted examples' part {follows} the law (exponents of the layers between {permuted.min():.2f} and"
        f" {permuted.max():.2f}), and that of the unpermuted ones {other}."
    )


def scale_sentence(table: pd.DataFrame) -> str:
    """How alike the two sets' total gradients are at the smallest and the largest scale of the head."""
    rows = table[(table["varied"] == "head_scale") & (table["part"] == "total") & table["layer"].isna()]
    by = rows.pivot_table(index="head_scale", columns="examples", values="norm", sort=True)
    ratio = by["permuted"] / by["unpermuted"]
    cosine = rows.groupby("head_scale")["cosine"].mean()
    held = "stops holding" if ratio.iloc[-1] > 2 * ratio.iloc[0] else "holds throughout"
    return (
        f"From a factor of {ratio.index[0]:g} to one of {ratio.index[-1]:g} the permuted examples' total gradient"
        f" goes from {ratio.iloc[0]:.2f} to {ratio.iloc[-1]:.2f} of the unpermuted ones', and the cosine between the"
        f" two from {cosine.iloc[0]:.2f} to {cosine.iloc[-1]:.2f}: the argument {held}."
    )


def by_layer(table: pd.DataFrame) -> pd.DataFrame:
    """By layer, means over seeds: ratio of the label-dependent parts, cosine of the totals, fitted exponent."""
    columns = {}
    for stage in ("initial", "best", "last"):
        columns["ratio of label-dependent parts", stage] = ratios(table, "label_dependent", stage).mean()
    for stage in ("initial", "best", "last"):
        columns["cosine of totals", stage] = cosines(table, "total", stage).mean()
    fits = exponents(table)["exponent"].groupby(["examples", "layer"]).mean()
    for examples in ("permuted", "unpermuted"):
        columns["exponent at initialization", examples] = fits[examples]
    answer = pd.DataFrame(columns)
    return answer.reindex([*layers(table), WHOLE])


def layers(table: pd.DataFrame) -> list[str]:
    """Layers with parameters, in order of depth."""
    return table.dropna(subset="layer").drop_duplicates("layer").sort_values("depth")["layer"].tolist()


def some_layers(table: pd.DataFrame) -> list[str]:
    """The first layer, the deepest hidden one and the head."""
    names = layers(table)
    return [names[0], names[-2], names[-1]]


def _named(rows: pd.DataFrame) -> pd.DataFrame:
    return rows.assign(layer=rows["layer"].fillna(WHOLE))
