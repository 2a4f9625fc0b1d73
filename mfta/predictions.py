"""What was written down for the preset ``full`` before any table of it was computed, and what came out.

Two pilots of one seed each, outside of the store, had been seen. A prediction is a range of the mean over seeds.
"""

import math

import pandas as pd

from mfta import claims, stored, wording
from mfta import effects as of
from mfta.effects import Effect
from mfta.judge import Rule, find

PLAIN, NORMALISED = stored.arm("full", False), stored.arm("full", True)
WORDS = dict.fromkeys(("C1", "C2", "C3", "C4", "C6"), "reproduced") | {"C5": "open"}
"""Of claims, in both arms; C5 has one."""


@of.effect
def _capacity(table: pd.DataFrame, examples: str, falls: bool = False) -> pd.Series:
    """At the last hidden layer at the end; ``falls``: its log ratio to the first layer of the final third."""
    rows = table[table["layer"].notna() & (table["examples"] == examples) & (table["stage"] == "last")]
    by = rows[rows["layer"] != "head"].pivot_table(index="seed", columns="depth", values="capacity")
    last = by[by.columns.max()]
    return (last / by[of.thirds(table)[of.FINAL][0]]).map(math.log) if falls else last


@of.effect
def _recovered(table: pd.DataFrame, side: str, layers: int) -> pd.Series:
    return of.recovered(table, side)[layers]


def _expected(says: str, effect: Effect, low: float | None = None, high: float | None = None, **more: bool) -> Rule:
    above, below = (math.log(end) if end and more else end for end in (low, high))
    return Rule(says, says, effect, "further", above, below, **more)


_BEST, _LAST = "test accuracy at its best", "test accuracy at the end"
_FEW = "share of the gap that the final few layers recover"
_RATIOS = (
    _expected("ratio of the gradients' norms, untrained", of.norm_ratio((0,)), 0.4, 0.5, factor=True),
    _expected("ratio of the gradients' norms, epochs 1 and 2", of.norm_ratio((1, 2)), 0.2, 0.3, factor=True),
)
PREDICTIONS = {
    (PLAIN, "layer_memorization"): (
        _expected(_BEST, of.accuracy("test", "best"), 0.23, 0.27),
        _expected(_LAST, of.accuracy("test", "last"), 0.13, 0.18),
        _expected("permuted accuracy at the best epoch", of.accuracy("permuted", "best"), high=0.06),
        _expected("permuted accuracy at the end", of.accuracy("permuted", "last"), low=0.99),
        _expected("permuted capacity at the last hidden layer, at the end", _capacity("permuted"), 0.055, 0.10),
        _expected("unpermuted capacity there", _capacity("unpermuted"), 0.10, 0.14),
        _expected("restored capacity falls over the last layers (last hidden one over first of the final third)",
                  _capacity("restored", True), high=1.0, factor=True),
        _expected("test capacity falls likewise", _capacity("test", True), high=1.0, factor=True),
    ),
    (PLAIN, "rewinding"): (
        _expected(_FEW, of.few("main"), 0.6, 0.9),
        _expected("number of these layers", of.number_chosen, 1, 4),
        _expected("share that the first five recover: nothing, read as at most the smallest area of interest",
                  _recovered("first", 5), high=0.05),
    ),
    (PLAIN, "gradients"): _RATIOS,
    (NORMALISED, "layer_memorization"): (
        _expected(_BEST, of.accuracy("test", "best"), 0.27, 0.31),
        _expected(_LAST, of.accuracy("test", "last"), 0.17, 0.20),
    ),
    (NORMALISED, "rewinding"): (
        _expected(_FEW, of.few("main"), 0.5, 0.7),
        _expected("share that the last eight recover: nearly all, read as nine tenths", _recovered("last", 8), 0.9),
    ),
    (NORMALISED, "gradients"): _RATIOS,
}  # fmt: skip


def came_out(judged: wording.Judged) -> pd.DataFrame:
    """A row a prediction: what was expected, what came out (mean over seeds), and whether the mean lies there.

    judged: what :func:`mfta.claims.judged` gave.
    """
    rows = []
    for (arm, section), listed in PREDICTIONS.items():
        table = stored.arms(section, ["full"]).get(arm)
        for rule in listed:
            found = find(rule, table) if table is not None else None
            said = ("–", "–")
            if found and found.seeds:
                said = wording.value(found), "as expected" if found.mean_is_inside else "not so"
            rows.append((arm, rule.says, wording.bound(rule), *said))
    for key, verdicts in judged.items():
        for arm in (PLAIN, NORMALISED) if key != "C5" else (NORMALISED,):
            verdict = verdicts.get(arm)
            word = verdict.word if verdict else ""
            right = "as expected" if word == WORDS[key] else "open" if word == "undecided" else "not so"
            told = (wording.marked(verdict), "–" if WORDS[key] == "open" else right) if verdict else ("–", "–")
            rows.append((arm, f"{key}: {claims.claim(key).says}", WORDS[key], *told))
    return pd.DataFrame(rows, columns=["preset and arm", "what", "expected", "came out", "right?"])
