"""What the page on choices shows of the verdicts, one parameter set otherwise at a time."""

from collections import Counter
from collections.abc import Mapping

import pandas as pd

from mfta import verdicts
from mfta.judging import Verdict, by_means
from mfta.readout.layer_memorization import permuted_capacity_ratio
from mfta.readout.verdicts import bound, marked, seeds, value
from mfta.readout.verdicts import tidy as verdict_rows
from mfta.stored import Variation

Stored = Mapping[Variation, Mapping[str, pd.DataFrame]]
"""Tables of each variation by section (:func:`mfta.stored.variations`)."""

OWN = "as the preset says"
UNTESTED = "not tested at this scale"


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
