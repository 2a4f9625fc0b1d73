"""What the page on choices shows: verdicts and agreement with the paper, one parameter set otherwise at a time."""

import math
from collections import Counter
from collections.abc import Mapping

import pandas as pd

from mfta import verdicts
from mfta.judging import Verdict, by_means
from mfta.readout import comparison
from mfta.readout.layer_memorization import permuted_capacity_ratio
from mfta.readout.verdicts import bound, marked, seeds, value
from mfta.readout.verdicts import tidy as verdict_rows
from mfta.stored import Variation

Stored = Mapping[Variation, Mapping[str, pd.DataFrame]]
"""Tables of each variation by section (:func:`mfta.stored.variations`)."""

OWN = "as the preset says"
UNTESTED = "not tested at this scale"
LEARNED = {
    "test accuracy, best": ("test", "best"),
    "test accuracy, last": ("test", "last"),
    "permuted accuracy, last": ("permuted", "last"),
}
"""How much was learned and memorized, by column of the page."""


def named(variation: Variation) -> str:
    """``permuted fraction 0.2, points 20``; the preset itself is ``as the preset says``."""
    return ", ".join(variation).replace("_", " ") or OWN


def at_a_glance(stored: Stored) -> pd.DataFrame:
    """Variations by claims: the verdict by the means over seeds, and how many seeds these are of."""
    rows = {}
    for variation, tables in stored.items():
        judged = _judged(tables)
        rows[named(variation)] = {v.claim.key: f"{marked(v)} ({seeds(v)})" for v in judged if v.findings}
    return pd.DataFrame.from_dict(rows, orient="index", columns=[claim.key for claim in verdicts.CLAIMS])


def effects(stored: Stored, key: str) -> pd.DataFrame:
    """Of one claim, its rules by variations: our value with its interval, and on which side its mean lies."""
    claim = next(claim for claim in verdicts.CLAIMS if claim.key == key)
    columns = {}
    for variation, tables in stored.items():
        if claim.section in tables:
            findings = by_means(claim, tables[claim.section]).findings
            columns[named(variation)] = {f.rule.key: f"{value(f)}: {f.standing}" for f in findings}
    frame = pd.DataFrame(columns)
    rules = {rule.key: f"{rule.key} ({rule.role}, {bound(rule)})" for rule in claim.rules}
    return frame.rename(index=rules).T


def with_the_paper(stored: Stored) -> pd.DataFrame:
    """By variation with the paper's twenty layers, how well Fig. 3 is met, and in which part of it.

    The preset stands twice: over all its seeds, and over those that the variations have, as one seed scatters more.
    """
    return pd.DataFrame.from_dict(
        {name: _shown(found) for name, found in _agreements(stored).items()}, orient="index"
    )


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


def ratios(stored: Stored) -> dict[str, pd.DataFrame]:
    """By variation, the permuted capacity at the last over the best epoch: rows are seeds, columns depths."""
    return {
        named(variation): permuted_capacity_ratio(tables["layer_memorization"])
        for variation, tables in stored.items()
        if "layer_memorization" in tables
    }


def tidy(stored: Stored) -> pd.DataFrame:
    """All rules of all claims, a row a variation, claim and rule, for download; the verdicts are by the means."""
    judged = {named(variation): _judged(tables) for variation, tables in stored.items()}
    return verdict_rows(judged).rename(columns={"preset": "variation"})


def survival_sentence(stored: Stored) -> str:
    """How often a variation's verdict, by the means, is the preset's own, claim by claim."""
    own = {v.claim.key: v.word for v in _judged(stored.get((), {})) if v.findings}
    kept: dict[str, list[bool]] = {}
    untested: Counter[str] = Counter()
    for variation, tables in stored.items():
        for verdict in _judged(tables) if variation else []:
            key = verdict.claim.key
            if verdict.findings and key in own:
                kept.setdefault(key, [])
                if verdict.word == UNTESTED != own[key]:
                    untested[key] += 1
                else:
                    kept[key].append(verdict.word == own[key])
    if not kept:
        return "No variation is stored so far."
    parts = [f"{key} in {sum(same)} of {len(same)}" for key, same in sorted(kept.items())]
    left_out = [f"{key} by {number}" for key, number in sorted(untested.items())]
    more = f" Left out are those that could not test a claim ({', '.join(left_out)})." if left_out else ""
    return f"The verdict by the means is the preset's own for {', '.join(parts)} variations.{more}"


def _judged(tables: Mapping[str, pd.DataFrame]) -> list[Verdict]:
    return [by_means(claim, tables.get(claim.section)) for claim in verdicts.CLAIMS]


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


def _shown(found: Mapping[str, float]) -> dict[str, str]:
    parts = {name: f"{share:.0%}" for name, share in found.items() if " half, " in name}
    learned = {text: "–" if math.isnan(found[text]) else f"{found[text]:.2f}" for text in LEARNED}
    return {
        **learned,
        f"points within {comparison.WITHIN:.0%}": f"{found['within_share']:.0%}",
        **parts,
        "median rank agreement": f"{found['rank_agreement']:.2f}",
        "changes of the paper's sign": f"{found['same_sign']:.0%}",
        "seeds": f"{found['seeds']}",
    }
