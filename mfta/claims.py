"""The six claims of the paper's abstract: their rules, second edition, and what came out of each.

The rules were fixed before any table of the presets full and paper was computed. When they were written, the tables
of quick and small were known: there they are exploratory. :mod:`mfta.judge` says how they decide.
"""

import math
from collections.abc import Sequence
from functools import partial

import pandas as pd
from IPython.display import HTML, display

from mfta import effects as of
from mfta import paper, stored, wording
from mfta.configs import PRESETS
from mfta.effects import ALL, FINAL, FIRST, TRUE_LABELS, Effect
from mfta.judge import Claim, Finding, Role, Rule, Verdict, find, judge


def _factor(
    role: Role, key: str, says: str, effect: Effect, above: float | None = None, below: float | None = None
) -> Rule:
    """A rule on a logarithm; its bounds are given as factors."""
    bounds = [None if bound is None else math.log(bound) for bound in (above, below)]
    return Rule(key, says, effect, role, bounds[0], bounds[1], factor=True)


_core, _further = partial(_factor, "core"), partial(_factor, "further")

_MEMORIZED = Rule(
    "memorized", "permuted accuracy is above .9 at the end", of.accuracy("permuted", "last"), "premise", above=0.9
)  # fmt: skip
_early = partial(of.change, "early", "initial")
_late = partial(of.change, "last", "best")
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
             of.layers_where("early", "initial", "restored", "permuted"), "further"),
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
        _further("growth", "that ratio at the last epoch over epochs 1 and 2", of.norm_ratio("last")
                 - of.norm_ratio((1, 2)), above=1.1),
        Rule("layers", "mean ratio of the inner products over the layers whose unpermuted signal is above noise",
             of.signal_ratio_of_layers, "further", below=0.25),
    )),
)  # fmt: skip
"""The claims and their rules; edition two. They are not touched once a table of full or paper exists."""


def claim(key: str) -> Claim:
    """The claim of that key, ``C1`` to ``C6``."""
    return next(claim for claim in CLAIMS if claim.key == key)


def judged(keys: Sequence[str] = (), presets: Sequence[str] = PRESETS) -> dict[str, dict[str, Verdict]]:
    """By claim and name of what is stored (:func:`mfta.stored.arms`), the verdict; of all claims where none is named.

    This is where every page has its words from. A claim of which no table is stored has no verdict.
    """
    wanted = [claim for claim in CLAIMS if claim.key in keys or not keys]
    arms = {section: stored.arms(section, presets) for section in {claim.section for claim in wanted}}
    return {c.key: {name: judge(c, table) for name, table in arms[c.section].items()} for c in wanted}


def papers(of_claim: Claim) -> dict[str, Finding]:
    """By rule, the paper's own value (one seed, no interval), as far as its digitised figures give one."""
    table = paper.tables().get(of_claim.section)
    found = [find(rule, table) for rule in of_claim.rules] if table is not None else []
    return {finding.rule.key: finding for finding in found if finding.seeds}


def show(key: str, table: pd.DataFrame | None = None, of: dict[str, dict[str, Verdict]] | None = None) -> HTML:
    """One claim as every page shows it: the forest plot of its rules, the words, and the numbers, folded.

    table: rows of the claim's section over all seeds, shown as *this run* beside what is stored unless it is one of
    these. of: what :func:`judged` gave; None: it is asked now. Displays the plot and returns the rest.
    """
    from mfta.figures.forest import forest  # drawing is slow to import, and judging does not need it

    shown, theirs = (of or judged([key]))[key], papers(claim(key))
    if table is not None:
        here = judge(claim(key), table)
        if not any(wording.same(here, other) for other in shown.values()):
            shown = {"this run": here, **shown}
    if shown or theirs:
        display(forest(claim(key), shown, theirs))
    return wording.page(claim(key), shown, theirs)
