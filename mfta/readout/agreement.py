"""What the page on choices shows of the paper's figure: how well it is met, one parameter set otherwise at a time."""

import math
from collections.abc import Mapping

import pandas as pd

from mfta import configs
from mfta.readout import comparison
from mfta.readout.robustness import OWN, Stored, named

LEARNED = {
    "test accuracy, best": ("test", "best"),
    "test accuracy, last": ("test", "last"),
    "permuted accuracy, last": ("permuted", "last"),
}
"""How much was learned and memorized, by column of the page."""


def shown(stored: Stored) -> pd.DataFrame:
    """By variation with the paper's twenty layers, how well Fig. 3 is met, and in which part of it.

    The preset stands twice: over all its seeds, and over those that the variations have, as one seed scatters more.
    """
    return pd.DataFrame.from_dict(
        {name: _texts(found) for name, found in _agreements(stored).items()}, orient="index"
    )


def learned(stored: Stored) -> pd.DataFrame:
    """The same variations: how much they had learned, and memorized."""
    rows = {
        name: {text: "–" if math.isnan(found[text]) else f"{found[text]:.3f}" for text in LEARNED}
        for name, found in _agreements(stored).items()
    }
    return pd.DataFrame.from_dict(rows, orient="index")


def nearest_sentence(stored: Stored) -> str:
    """Which choice meets Fig. 3 best and which worst, among those of as many points a manifold as the preset."""
    found = {name: row for name, row in _agreements(stored).items() if "points" not in name}
    own = [name for name in found if name.startswith(OWN)]
    others = sorted(set(found) - set(own), key=lambda name: found[name]["within_share"])
    if not (own and others):
        return ""
    shares = {name: f"{found[name]['within_share']:.0%}" for name in found}
    return (
        f"Of the choices with as many points, {others[-1]} comes nearest, with {shares[others[-1]]} of the digitised"
        f" points within {comparison.WITHIN:.0%}, and {others[0]} is farthest, with {shares[others[0]]}; the preset"
        f" has {shares[own[-1]]} with the same seeds."
    )


def learned_sentence(stored: Stored) -> str:
    """Whether trainings that learn more meet the figure better: only those whose manifolds are measured alike."""
    measured_otherwise = set(configs.Analysis.model_fields)
    alike = {v: of for v, of in stored.items() if not measured_otherwise & {choice.split()[0] for choice in v}}
    found = pd.DataFrame.from_dict(_agreements(alike), orient="index")
    found = found.drop(index=OWN) if sum(name.startswith(OWN) for name in found.index) > 1 else found
    if len(found) < 4:
        return ""
    correlation = found["test accuracy, best"].corr(found["second half, best"], method="spearman")
    return (
        f"Over the {len(found)} trainings whose manifolds are measured alike, the rank correlation between the test"
        f" accuracy of the best epoch and the share met there in the second half of the layers is {correlation:.2f}."
    )


def _agreements(stored: Stored) -> dict[str, dict[str, float]]:
    tables = {variation: of["layer_memorization"] for variation, of in stored.items() if "layer_memorization" in of}
    tables = {variation: table for variation, table in tables.items() if comparison.comparable(table)}
    rows = {named(variation): _agreement(table) for variation, table in tables.items()}
    seeds_of_others = {seed for variation, table in tables.items() if variation for seed in table["seed"].unique()}
    if () in tables and seeds_of_others:
        own = tables[()]
        same = own[own["seed"].isin(seeds_of_others)]
        if 0 < same["seed"].nunique() < own["seed"].nunique():
            listed = ", ".join(str(seed) for seed in sorted(same["seed"].unique()))
            rows = {OWN: rows.pop(OWN), f"{OWN}, seed {listed}": _agreement(same), **rows}
    return rows


def _agreement(table: pd.DataFrame) -> dict[str, float]:
    compared = comparison.with_figure3(table)
    parts = {f"{half} half, {stage}": share for (half, stage), share in comparison.halves(compared).items()}
    learned = {text: _accuracy(table, *of) for text, of in LEARNED.items()}
    return {**learned, **comparison.values(compared), **parts, "seeds": table["seed"].nunique()}


def _accuracy(table: pd.DataFrame, examples: str, stage: str) -> float:
    rows = table[table["layer"].isna() & (table["examples"] == examples) & (table["stage"] == stage)]
    return float(rows["accuracy"].mean()) if len(rows) else math.nan


def _texts(found: Mapping[str, float]) -> dict[str, str]:
    parts = {name: f"{share:.0%}" for name, share in found.items() if " half, " in name}
    return {
        f"points within {comparison.WITHIN:.0%}": f"{found['within_share']:.0%}",
        **parts,
        "median rank agreement": f"{found['rank_agreement']:.2f}",
        "changes of the paper's sign": f"{found['same_sign']:.0%}",
        "seeds": f"{found['seeds']}",
    }
