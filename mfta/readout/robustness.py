"""What the page on choices shows of the rules: the effect with one parameter set otherwise, beside the preset's."""

import math
from collections.abc import Mapping

import pandas as pd

from mfta.claims import CLAIMS, claim
from mfta.judge import Finding, find
from mfta.stored import Variation
from mfta.wording import bound, number, one_row, value

Stored = Mapping[Variation, Mapping[str, pd.DataFrame]]
"""Tables of each variation by section (:func:`mfta.stored.variations`)."""

Found = Mapping[str, Mapping[str, Mapping[str, Finding]]]
"""Findings by claim, variation and rule (:func:`findings`)."""

OWN = "as the preset says"


def named(variation: Variation) -> str:
    """``permuted fraction 0.2, points 20``; the preset itself is ``as the preset says``."""
    return ", ".join(variation).replace("_", " ") or OWN


def findings(stored: Stored) -> Found:
    """What the rules of all claims find, the preset first; what has no value is left out."""
    return {
        of.key: {
            named(variation): {f.rule.key: f for rule in of.rules if (f := find(rule, tables[of.section])).seeds}
            for variation, tables in stored.items()
            if of.section in tables
        }
        for of in CLAIMS
    }


def place(finding: Finding, own: Finding | None) -> str:
    """``inside`` or ``outside`` of the preset's interval; empty where it has none."""
    if own is None or math.isnan(own.low):
        return ""
    return "inside" if own.low <= finding.value <= own.high else "outside"


def effects(found: Found, key: str) -> pd.DataFrame:
    """Of one claim, variations by rules: the preset's effect with its interval, and every other's place beside it."""
    shown, rules = found[key], {rule.key: rule for rule in claim(key).rules}
    own = shown.get(OWN, {})
    rows = {}
    for name, of in shown.items():
        texts = {rule: value(f) if name == OWN else number(f.value, f.rule) for rule, f in of.items()}
        places = {rule: "" if name == OWN else place(f, own.get(rule)) for rule, f in of.items()}
        rows[name] = {rule: f"{text}: {places[rule]}" if places[rule] else text for rule, text in texts.items()}
    frame = pd.DataFrame.from_dict(rows, orient="index", columns=list(rules)).dropna(axis=1, how="all")
    return frame.rename(columns={key: f"{key} ({rule.role}, {bound(rule)})" for key, rule in rules.items()})


def at_a_glance(found: Found) -> pd.DataFrame:
    """Variations by claims: how many of the rules' effects lie inside the preset's intervals."""
    rows: dict[str, dict[str, str]] = {name: {} for shown in found.values() for name in shown if name != OWN}
    for key, shown in found.items():
        for name in shown.keys() - {OWN}:
            places = [place(finding, shown.get(OWN, {}).get(rule)) for rule, finding in shown[name].items()]
            places = [text for text in places if text]
            rows[name][key] = f"{places.count('inside')} of {len(places)}" if places else "–"
    return pd.DataFrame.from_dict(rows, orient="index", columns=list(found))


def ratios(stored: Stored) -> dict[str, pd.DataFrame]:
    """By variation, the permuted capacity at the last over the best epoch: rows are seeds, columns depths."""
    return {
        named(variation): _ratio(tables["layer_memorization"])
        for variation, tables in stored.items()
        if "layer_memorization" in tables
    }


def _ratio(table: pd.DataFrame) -> pd.DataFrame:
    permuted = table[table["depth"].notna() & (table["examples"] == "permuted")]
    by = permuted.pivot_table(index="seed", columns=["stage", "depth"], values="capacity")
    return pd.DataFrame(by["last"] / by["best"])


def tidy(found: Found) -> pd.DataFrame:
    """All rules of all claims, a row a variation, claim and rule, for download; factors as factors."""
    rows = []
    for key, shown in found.items():
        for name, of in shown.items():
            for rule, finding in of.items():
                beside = "" if name == OWN else place(finding, shown.get(OWN, {}).get(rule))
                rows.append({"variation": name, "claim": key, **one_row(finding), "beside": beside})
    return pd.DataFrame(rows).drop(columns="standing", errors="ignore")
