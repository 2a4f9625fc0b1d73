"""How a claim is decided: rules over a table, an interval over seeds, a verdict of five words.

A rule is one number a seed (:mod:`mfta.readout.effects`) against a threshold. Over seeds it has a 95 %
interval (Student's t; of factors in their logarithm). The rule *holds* where the whole interval lies on the
claim's side, is *against* where it lies on the other, and is *undecided* otherwise; one seed has no interval
and decides nothing. A rule has one of three roles:

- a *premise* says that the network could show the claim at all: it memorized, say. Where one fails the claim is
  *not tested at this scale*, as it is where no table is stored; where several seeds leave it open the claim is
  *undecided*; one seed has to lie on its side;
- the *core* is what is claimed. Where a part of it is against, the claim is *partly* reproduced if another part
  holds, and *not reproduced* if none does. Where none is against and one is undecided, the claim is *undecided*;
- where all of the core holds, what is *further* said or implied decides between *reproduced* and *partly*.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import pandas as pd
from scipy import stats

Word = Literal["reproduced", "partly", "undecided", "not reproduced", "not tested at this scale"]
Standing = Literal["holds", "against", "undecided"]
Role = Literal["premise", "core", "further"]

CONFIDENCE = 0.95


@dataclass(frozen=True)
class Rule:
    """``effect`` lies ``above`` (or below) ``threshold``, in every interval; ``factor``: both are logarithms."""

    key: str
    says: str
    effect: Callable[[pd.DataFrame], pd.Series]
    above: bool
    threshold: float
    factor: bool = True
    role: Role = "further"

    def judge(self, table: pd.DataFrame) -> "Finding":
        """Mean and interval of the effect over the seeds that have one, and what they decide."""
        by_seed = self.effect(table).dropna().to_numpy(dtype=float)
        low, high = interval(by_seed)
        beyond = low > self.threshold if self.above else high < self.threshold
        short = high < self.threshold if self.above else low > self.threshold
        standing: Standing = "holds" if beyond else "against" if short else "undecided"
        mean = float(by_seed.mean()) if len(by_seed) else math.nan
        return Finding(self, mean, low, high, len(by_seed), standing)


@dataclass(frozen=True)
class Finding:
    """A rule's outcome: mean over seeds and interval (NaN where there is none), in the units of the rule."""

    rule: Rule
    value: float
    low: float
    high: float
    seeds: int
    standing: Standing

    @property
    def leans(self) -> bool | None:
        """Whether the mean alone lies on the claim's side; None where there is no mean."""
        if math.isnan(self.value):
            return None
        return (self.value > self.rule.threshold) == self.rule.above


@dataclass(frozen=True)
class Claim:
    """A claim of the paper, in our words, and the section whose table its rules are for."""

    key: str
    says: str
    section: str
    rules: tuple[Rule, ...]


@dataclass(frozen=True)
class Verdict:
    """What came out of one claim at one preset; ``why`` is empty where the findings speak for themselves."""

    claim: Claim
    word: Word
    findings: tuple[Finding, ...] = ()
    why: str = ""


def interval(by_seed: np.ndarray) -> tuple[float, float]:
    """Student's 95 % interval of the mean; NaN below two seeds, a point where all seeds agree."""
    if len(by_seed) < 2:
        return math.nan, math.nan
    error = stats.sem(by_seed)
    if error == 0:
        return float(by_seed[0]), float(by_seed[0])
    low, high = stats.t.interval(CONFIDENCE, len(by_seed) - 1, by_seed.mean(), error)
    return float(low), float(high)


def judge(claim: Claim, table: pd.DataFrame | None) -> Verdict:
    """The verdict on one claim. table: the stored rows of its section at one preset, all seeds; None: none stored."""
    if table is None or table.empty:
        return Verdict(claim, "not tested at this scale", why="no table is stored")
    return _verdict(claim, tuple(rule.judge(table) for rule in claim.rules))


def by_means(claim: Claim, table: pd.DataFrame | None) -> Verdict:
    """The verdict that :func:`judge` would give if the means over seeds were exact: every rule holds or is against.

    For tables of too few seeds to decide anything, compared with one another.
    """
    judged = judge(claim, table)
    sides: dict[bool | None, Standing] = {True: "holds", False: "against", None: "undecided"}
    findings = tuple(replace(finding, standing=sides[finding.leans]) for finding in judged.findings)
    return _verdict(claim, findings) if findings else judged


def _verdict(claim: Claim, findings: tuple[Finding, ...]) -> Verdict:
    premises = [finding for finding in findings if finding.rule.role == "premise"]
    for finding in premises:
        if _fails(finding):
            return Verdict(claim, "not tested at this scale", findings, f"not so: {finding.rule.says}")
    for finding in premises:
        if finding.standing == "undecided" and finding.seeds > 1:
            return Verdict(claim, "undecided", findings, f"not settled: {finding.rule.says}")
    core = {finding.standing for finding in findings if finding.rule.role == "core"}
    further = {finding.standing for finding in findings if finding.rule.role == "further"}
    if "against" in core:
        return Verdict(claim, "partly" if "holds" in core else "not reproduced", findings)
    if "undecided" in core:
        few = max(finding.seeds for finding in findings) < 2
        return Verdict(claim, "undecided", findings, "one seed has no interval" if few else "")
    return Verdict(claim, "reproduced" if further <= {"holds"} else "partly", findings)


def _fails(premise: Finding) -> bool:
    return premise.standing == "against" or (premise.seeds < 2 and premise.leans is not True)
