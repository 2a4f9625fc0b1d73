"""How a claim is decided: rules over a table, an interval over seeds, one of five words.

A rule is one effect a seed and the side of its *smallest effect of interest* on which the claim has it. Over seeds it
has a 95 % Student interval and *holds* where all of that lies on the claim's side, is *against* where all of it lies
on the other, else *undecided*; fewer than three seeds decide nothing. Rules of the *core* make the word, a *premise*
says whether the network could show the claim at all, *further* rules add a note and never lower a word, and a rule
that cannot apply to a network is left out.
"""

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd
from scipy import stats

from mfta.effects import Effect

Word = Literal["reproduced", "partly", "undecided", "not reproduced", "not tested here"]
Standing = Literal["holds", "against", "undecided", "shown"]
Role = Literal["premise", "core", "further"]
CONFIDENCE = 0.95
ENOUGH_SEEDS = 3


@dataclass(frozen=True)
class Rule:
    """``effect`` lies above ``above`` and below ``below`` (None: no bound; neither: it is shown, not judged).

    factor: effect and bounds are logarithms. unit: of the effect; seeds that agree exactly get an interval of half a
    unit to either side.
    """

    key: str
    says: str
    effect: Effect
    role: Role
    above: float | None = None
    below: float | None = None
    factor: bool = False
    unit: float = 0.01


@dataclass(frozen=True)
class Finding:
    """A rule's outcome: mean over seeds and interval in the units of the rule; NaN where there is none."""

    rule: Rule
    value: float
    low: float
    high: float
    seeds: int
    standing: Standing

    @property
    def mean_is_inside(self) -> bool:
        """Whether the mean alone lies where the claim has it; False where there is none."""
        rule = self.rule
        inside = rule.above is None or self.value > rule.above
        return not math.isnan(self.value) and inside and (rule.below is None or self.value < rule.below)


@dataclass(frozen=True)
class Claim:
    """A claim of the paper in our words, and the section whose table its rules are for."""

    key: str
    says: str
    section: str
    rules: tuple[Rule, ...]


@dataclass(frozen=True)
class Verdict:
    """What came out of one claim; ``why`` is empty where the findings speak for themselves."""

    claim: Claim
    word: Word
    findings: tuple[Finding, ...] = ()
    why: str = ""


def interval(by_seed: np.ndarray, unit: float) -> tuple[float, float]:
    """Student's 95 % interval of the mean; NaN below two seeds, half a unit to either side where seeds agree."""
    if len(by_seed) < 2:
        return math.nan, math.nan
    error = stats.sem(by_seed)
    if error <= 1e-12 * abs(by_seed.mean()):
        return float(by_seed[0]) - unit / 2, float(by_seed[0]) + unit / 2
    low, high = stats.t.interval(CONFIDENCE, len(by_seed) - 1, by_seed.mean(), error)
    return float(low), float(high)


def find(rule: Rule, table: pd.DataFrame) -> Finding:
    """The finding of one rule on a table of all seeds; without a seed that has the effect, of zero seeds."""
    by_seed = rule.effect(table).replace([np.inf, -np.inf], np.nan).dropna().to_numpy(dtype=float)
    low, high = interval(by_seed, rule.unit)
    above, below = rule.above, rule.below
    standing: Standing = "undecided"
    if above is None and below is None:
        standing = "shown"
    elif len(by_seed) >= ENOUGH_SEEDS:
        if (above is None or low > above) and (below is None or high < below):
            standing = "holds"
        elif (above is not None and high < above) or (below is not None and low > below):
            standing = "against"
    mean = float(by_seed.mean()) if len(by_seed) else math.nan
    return Finding(rule, mean, low, high, len(by_seed), standing)


def judge(claim: Claim, table: pd.DataFrame | None) -> Verdict:
    """The verdict on one claim. table: the stored rows of its section, all seeds; None: none are stored."""
    if table is None or table.empty:
        return Verdict(claim, "not tested here", why="no table is stored")
    findings = tuple(found for found in (find(rule, table) for rule in claim.rules) if found.seeds)
    premises = [found for found in findings if found.rule.role == "premise"]
    for found in premises:
        if found.standing == "against" or (found.seeds < ENOUGH_SEEDS and not found.mean_is_inside):
            return Verdict(claim, "not tested here", findings, f"premise not met: {found.rule.says}")
    core = {found.standing for found in findings if found.rule.role == "core"}
    if sum(found.rule.role != "further" for found in findings) < sum(rule.role != "further" for rule in claim.rules):
        return Verdict(claim, "not tested here", findings, "the table does not hold what the rules are about")
    few = max(found.seeds for found in findings) < ENOUGH_SEEDS
    if any(found.standing == "undecided" for found in premises):
        return Verdict(claim, "undecided", findings, "fewer than three seeds" if few else "a premise is not settled")
    if "against" in core:
        return Verdict(claim, "partly" if "holds" in core else "not reproduced", findings)
    if "undecided" in core:
        return Verdict(claim, "undecided", findings, "fewer than three seeds" if few else "")
    return Verdict(claim, "reproduced", findings)
