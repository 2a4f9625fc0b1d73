"""What the page on choices shows of the rules: the effect with one parameter set otherwise, beside the preset's."""

import math
from collections.abc import Mapping

import pandas as pd

from mfta.claims import CLAIMS, claim
from mfta.judge import Finding, find
from mfta.readout.layer_memorization import permuted_capacity_ratio
from mfta.stored import Variation
from mfta.wording import bound, number, one_row, value

Stored = Mapping[Variation, Mapping[str, pd.DataFrame]]
"""Tables of each variation by section (:func:`mfta.stored.variations`)."""

OWN = "as the preset says"


def named(variation: Variation) -> str:
    """``permuted fraction 0.2, points 20``; the preset itself is ``as the preset says``."""
    return ", ".join(variation).replace("_", " ") or OWN


def found(stored: Stored, key: str) -> dict[str, dict[str, Finding]]:
    """By variation and rule, what a claim's rules find; the preset first, what has no value left out."""
    of = claim(key)
    return {
        named(variation): {
            rule.key: finding for rule in of.rules if (finding := find(rule, tables[of.section])).seeds
        }
        for variation, tables in stored.items()
        if of.section in tables
    }


def place(finding: Finding, own: Finding | None) -> str:
    """``inside`` or ``outside`` of the preset's interval; empty where it has none."""
    if own is None or math.isnan(own.low):
        return ""
    return "inside" if own.low <= finding.value <= own.high else "outside"


def effects(stored: Stored, key: str) -> pd.DataFrame:
    """Of one claim, variations by rules: the preset's effect with its interval, and every other's place beside it."""
    shown, rules = found(stored, key), {rule.key: rule for rule in claim(key).rules}
    own = shown.get(OWN, {})
    rows = {}
    for name, findings in shown.items():
        texts = {rule: value(f) if name == OWN else number(f.value, f.rule) for rule, f in findings.items()}
        places = {rule: "" if name == OWN else place(f, own.get(rule)) for rule, f in findings.items()}
        rows[name] = {rule: f"{text}: {places[rule]}" if places[rule] else text for rule, text in texts.items()}
    frame = pd.DataFrame.from_dict(rows, orient="index", columns=list(rules)).dropna(axis=1, how="all")
    return frame.rename(columns={key: f"{key} ({rule.role}, {bound(rule)})" for key, rule in rules.items()})


def at_a_glance(stored: Stored) -> pd.DataFrame:
    """Variations by claims: how many of the rules' effects lie inside the preset's intervals."""
    rows: dict[str, dict[str, str]] = {named(variation): {} for variation in stored if variation}
    for of in CLAIMS:
        shown = found(stored, of.key)
        for name in rows.keys() & shown.keys():
            places = [place(finding, shown.get(OWN, {}).get(rule)) for rule, finding in shown[name].items()]
            places = [text for text in places if text]
            rows[name][of.key] = f"{places.count('inside')} of {len(places)}" if places else "–"
    return pd.DataFrame.from_dict(rows, orient="index", columns=[of.key for of in CLAIMS])


def ratios(stored: Stored) -> dict[str, pd.DataFrame]:
    """By variation, the permuted capacity at the last over the best epoch: rows are seeds, columns depths."""
    return {
        named(variation): permuted_capacity_ratio(tables["layer_memorization"])
        for variation, tables in stored.items()
        if "layer_memorization" in tables
    }


def tidy(stored: Stored) -> pd.DataFrame:
    """All rules of all claims, a row a variation, claim and rule, for download; factors as factors."""
    rows = []
    for of in CLAIMS:
        shown = found(stored, of.key)
        for name, findings in shown.items():
            for rule, finding in findings.items():
                beside = "" if name == OWN else place(finding, shown.get(OWN, {}).get(rule))
                rows.append({"variation": name, "claim": of.key, **one_row(finding), "beside": beside})
    return pd.DataFrame(rows).drop(columns="standing", errors="ignore")
