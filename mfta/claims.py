"""The six claims of the paper's abstract: their rules, second edition, and the one judge that applies them.

A rule is one effect a seed and the side of its *smallest effect of interest* on which the claim has it. Over seeds it
has a 95 % Student interval and *holds* where all of that lies on the claim's side, is *against* where all of it lies
on the other, else *undecided*; fewer than three seeds decide nothing. Rules of the *core* make the word, a *premise*
says whether the network could show the claim at all, *further* rules add a note and never lower a word, and a rule
that cannot apply to a network is left out.

The rules were fixed before any table of the presets full and paper was computed. When they were written, the tables
of quick and small were known: there they are exploratory.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd
from scipy import stats

from mfta import effects as of
from mfta.effects import ALL, FINAL, FIRST, TRUE_LABELS, Effect

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
            return Verdict(claim, "not tested here", findings, f"not so: {found.rule.says}")
    core = {found.standing for found in findings if found.rule.role == "core"}
    if sum(found.rule.role != "further" for found in findings) < sum(rule.role != "further" for rule in claim.rules):
        return Verdict(claim, "not tested here", findings, "the table does not hold what the rules are about")
    if any(found.standing == "undecided" for found in premises):
        return Verdict(claim, "undecided", findings, "a premise is not settled")
    if "against" in core:
        return Verdict(claim, "partly" if "holds" in core else "not reproduced", findings)
    if "undecided" in core:
        most = max(found.seeds for found in findings)
        return Verdict(claim, "undecided", findings, "" if most >= ENOUGH_SEEDS else "fewer than three seeds")
    return Verdict(claim, "reproduced", findings)


def verdicts(tables: dict[str, pd.DataFrame]) -> list[Verdict]:
    """The verdicts on all claims. tables: by section, the stored rows of one preset or arm over all its seeds."""
    return [judge(claim, tables.get(claim.section)) for claim in CLAIMS]


def _factor(role: Role) -> Callable[..., Rule]:
    """A rule on a logarithm; its bounds are given as factors."""

    def rule(key: str, says: str, effect: Effect, above: float | None = None, below: float | None = None) -> Rule:
        bounds = [None if bound is None else math.log(bound) for bound in (above, below)]
        return Rule(key, says, effect, role, bounds[0], bounds[1], factor=True)

    return rule


_core, _further = _factor("core"), _factor("further")

_MEMORIZED = Rule(
    "memorized", "permuted accuracy is above .9 at the end", of.permuted_accuracy, "premise", above=0.9
)  # fmt: skip
_early = of.change("early", since="initial")
_late = of.change("last", since="best")
_least_all = of.least(*(_early(name, "capacity", ALL) for name in TRUE_LABELS))
_least_first = of.least(*(_early(name, "capacity", FIRST) for name in TRUE_LABELS))

CLAIMS = (
    Claim("C1", "All layers learn first from the examples that share features.", "layer_memorization", (
        _core("advantage", "at the last epoch at which permuted accuracy is at most twice chance, the least capacity"
              " of unpermuted, restored and test examples over the permuted one, relative to the untrained network"
              " (mean over layers)", _least_all - _early("permuted", "capacity", ALL), above=1.02),
        _core("permuted", "the permuted capacity then is within 5 % of that of the untrained network",
              _early("permuted", "capacity", ALL), above=0.95, below=1.05),
        _further("first layers", "the same advantage in the first third of the layers",
                 _least_first - _early("permuted", "capacity", FIRST), above=1.02),
        Rule("layers", "layers at which restored beat permuted examples in every seed, as a share of all",
             of.layers_where(_early, "restored", "permuted"), "further"),
    )),
    Claim("C2", "Memorization happens in the deeper layers, by a falling radius and dimension of the permuted"
          " manifolds.", "layer_memorization", (
        _MEMORIZED,
        _core("radius", "the permuted radius (median) falls by more than a tenth after the best epoch, final third",
              _late("permuted", "radius_median", FINAL), below=0.9),
        _core("dimension", "the permuted dimension falls by more than a tenth, final third",
              _late("permuted", "dimension", FINAL), below=0.9),
        _core("depth", "the permuted capacity rises by more than a tenth more in the final third than in the first",
              _late("permuted", "capacity", FINAL) - _late("permuted", "capacity", FIRST), above=1.1),
        _further("over unpermuted", "it rises by more than a tenth more than the unpermuted one (final third)",
                 _late("permuted", "capacity", FINAL) - _late("unpermuted", "capacity", FINAL), above=1.1),
    )),
    Claim("C3", "The early layers are minimally affected, even at the end of training.", "layer_memorization", (
        _MEMORIZED,
        _core("permuted", "after the best epoch the permuted capacity changes by less than 5 %, first third",
              _late("permuted", "capacity", FIRST), above=0.95, below=1.05),
        _further("true labels", "capacities of restored and of test examples are within a tenth of the unpermuted one"
                 " at the end, first third (the larger difference)", of.true_label_difference, below=1.1),
    )),
    Claim("C4", "Rewinding the final few layers to an epoch before memorization restores generalization.",
          "rewinding", (
        Rule("memorized", "permuted accuracy is above .9 at the end", of.permuted_accuracy_unrewound, "premise",
             above=0.9),
        Rule("gap", "test accuracy at the best epoch is above that at the last by more than .01", of.gap, "premise",
             above=0.01),
        Rule("few", "the final few layers, at most a third of those with weights, recover more than half of the gap;"
             " their number is chosen on one half of the test images, the share measured on the other",
             of.few("main"), "core", above=0.5),
        Rule("area", "more layers from the end recover more than as many from the start: mean difference of the"
             " recovered share over their number", of.area("main"), "core", above=0.05),
        Rule("first layers", "the best of the first third recovers less than half as much (difference to that half)",
             of.first_over_half, "further", below=0.0),
        Rule("few, re-estimated", "the same share with the statistics of batch norm re-estimated",
             of.few("re-estimated"), "further", above=0.5),
        Rule("area, re-estimated", "the same area with the statistics of batch norm re-estimated",
             of.area("re-estimated"), "further", above=0.05),
        Rule("number", "the number of final layers chosen", of.number_chosen, "further", unit=1.0),
        Rule("nine tenths", "the fewest final layers that recover nine tenths", of.fewest(0.9), "further", unit=1.0),
    )),
    Claim("C5", "Double descent over model size follows the dimension of the last layers, not the radius.",
          "double_descent", (
        Rule("interpolation", "a training accuracy of .99 is reached within the scan", of.interpolation, "premise",
             above=0.99, unit=0.001),
        Rule("dip", "test accuracy (mean of the last five epochs) dips; the place is found on an independent half of"
             " the test images", of.dip, "premise", above=0.01),
        _core("dimension", "the dimension at the last over that at the best epoch is larger at the dip than at the"
              " peaks, last block before pooling", of.bump("dimension", "block"), above=1.02),
        _further("radius", "that of the radius differs less", of.bump("radius_median", "block")
                 - of.bump("dimension", "block"), below=0.98),
        _further("dimension, pooled", "the same of the dimension at the pooled layer", of.bump("dimension", "pool"),
                 above=1.02),
        _further("dimension, output", "the same at the output", of.bump("dimension", "head"), above=1.02),
    )),
    Claim("C6", "Near initialization permuted examples contribute little to the gradient.", "gradients", (
        Rule("signal", "the unpermuted part stands above its own noise: exponent of its norm in the number of images",
             of.exponent("unpermuted"), "premise", above=-0.25),
        Rule("inner product", "label-dependent gradient of the untrained network over disjoint halves balanced in"
             " labels: inner product of permuted over that of unpermuted examples", of.signal_ratio, "core",
             below=0.25),
        _core("floor", "the permuted norm is within a tenth of the noise of so many images", of.over_floor,
              above=0.9, below=1.1),
        Rule("exponent", "the permuted norm falls with the inverse root of the number of images",
             of.exponent("permuted"), "further", above=-0.6, below=-0.4),
        _further("epochs 1 and 2", "ratio of the norms, permuted over unpermuted", of.norm_ratio((1, 2)), below=0.5),
        _further("growth", "that ratio at the last epoch over epochs 1 and 2", of.norm_ratio_at_end
                 - of.norm_ratio((1, 2)), above=1.1),
        Rule("layers", "mean ratio of the inner products over the layers whose unpermuted signal is above noise",
             of.signal_ratio_of_layers, "further", below=0.25),
    )),
)  # fmt: skip
"""The claims and their rules; edition two. They are not touched once a table of full or paper exists."""
