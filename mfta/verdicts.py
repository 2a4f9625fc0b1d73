"""The six claims of the paper's abstract, and the rules that decide whether they came out here.

The thresholds were fixed before any table was judged; the page of verdicts names the roles that changed after
that. :mod:`mfta.judging` says what the rules add up to.
Quantities are those of :mod:`mfta.readout.effects`: one number a seed, layers averaged over the first or the
final third of the network.
"""

import math

import pandas as pd

from mfta.judging import Claim, Rule, Verdict, judge
from mfta.readout import double_descent_effects as descent
from mfta.readout import effects

TENTH = math.log(1.1)
"""A change by less than a tenth counts as none, and one by more as a change."""
HALF = 0.5
MEMORIZED = 0.9
"""Accuracy on permuted labels from which a network has memorized them."""


_MEMORIZED = Rule(
    "memorized",
    "the network has memorized its permuted labels: their accuracy at the last epoch is above nine tenths",
    effects.permuted_accuracy,
    above=True,
    threshold=MEMORIZED,
    factor=False,
    role="premise",
)

FEATURES_FIRST = Claim(
    "C1",
    "All layers learn first from the examples that share features.",
    "layer_memorization",
    (
        Rule(
            "advantage",
            "up to the best epoch the capacity of unpermuted, restored and test examples rises more than that of"
            " permuted ones (all layers; the least of the three)",
            effects.early_advantage,
            above=True,
            threshold=0,
            role="core",
        ),
        Rule(
            "permuted",
            "the permuted capacity itself rises by less than a tenth (all layers)",
            effects.early_permuted,
            above=False,
            threshold=TENTH,
        ),
        Rule(
            "first layers",
            "restored gain on permuted examples, which are the same images, in the first third of the layers too",
            effects.early_advantage_of_first_layers,
            above=True,
            threshold=0,
        ),
    ),
)

MEMORIZATION_IS_DEEP = Claim(
    "C2",
    "Memorization happens in the deeper layers, by a falling radius and dimension of the permuted manifolds.",
    "layer_memorization",
    (
        _MEMORIZED,
        Rule(
            "radius",
            "after the best epoch the permuted radius falls by more than a tenth (final third of the layers)",
            effects.late_radius,
            above=False,
            threshold=-TENTH,
            role="core",
        ),
        Rule(
            "dimension",
            "the permuted dimension falls by more than a tenth (final third)",
            effects.late_dimension,
            above=False,
            threshold=-TENTH,
            role="core",
        ),
        Rule(
            "depth",
            "the permuted capacity rises by a tenth more in the final third of the layers than in the first",
            effects.late_depth,
            above=True,
            threshold=TENTH,
            role="core",
        ),
        Rule(
            "advantage",
            "it rises by a tenth more than the unpermuted one (final third)",
            effects.late_advantage,
            above=True,
            threshold=TENTH,
        ),
    ),
)

EARLY_LAYERS_STAY = Claim(
    "C3",
    "The early layers are minimally affected, even at the end of training.",
    "layer_memorization",
    (
        _MEMORIZED,
        Rule(
            "permuted",
            "after the best epoch the permuted capacity changes by less than a tenth, up or down (first third)",
            effects.late_first_layers,
            above=False,
            threshold=TENTH,
            role="core",
        ),
        Rule(
            "true labels",
            "at the last epoch the capacity of restored and of test examples is within a tenth of that of"
            " unpermuted ones (first third; the larger difference)",
            effects.true_label_disagreement,
            above=False,
            threshold=TENTH,
        ),
    ),
)

REWINDING_RESTORES = Claim(
    "C4",
    "Setting the final layers back to an epoch before memorization restores generalization.",
    "rewinding",
    (
        _MEMORIZED,
        Rule(
            "gap",
            "there is something to win back: test accuracy at the best epoch less that at the last is above zero",
            effects.accuracy_gap,
            above=True,
            threshold=0,
            factor=False,
            role="premise",
        ),
        Rule(
            "share",
            "the final third of the layers alone wins back more than half of it",
            effects.final_share,
            above=True,
            threshold=HALF,
            factor=False,
            role="core",
        ),
        Rule(
            "fewer",
            "fewer final than first layers must be set back to win it back (difference, as a share of all layers)",
            effects.fewer_final_layers,
            above=True,
            threshold=0,
            factor=False,
            role="core",
        ),
        Rule(
            "re-estimated",
            "fewer final than first layers also when batch norm is estimated anew",
            effects.fewer_final_layers_reestimated,
            above=True,
            threshold=0,
            factor=False,
        ),
    ),
)

DESCENT_FOLLOWS_GEOMETRY = Claim(
    "C5",
    "Double descent over model size follows the geometry of the last layers: the dimension, not the radius.",
    "double_descent",
    (
        Rule(
            "dip",
            "there is a double descent: test accuracy at the last epoch dips between two peaks over the widths"
            " (depth of the dip)",
            descent.accuracy_dip,
            above=True,
            threshold=0,
            factor=False,
            role="premise",
        ),
        Rule(
            "dimension",
            "at the dip the dimension of the test manifolds lies above the line between the peaks",
            descent.dimension_bump,
            above=True,
            threshold=0,
            role="core",
        ),
        Rule(
            "not the radius",
            "it lies farther above its line than the radius above its own",
            descent.dimension_over_radius,
            above=True,
            threshold=0,
        ),
    ),
)

PERMUTED_GRADIENTS_ARE_SMALL = Claim(
    "C6",
    "Near initialization permuted examples contribute little to the gradient.",
    "gradients",
    (
        Rule(
            "small",
            "the label-dependent gradient of permuted examples is less than half that of unpermuted ones"
            " (norms, whole network)",
            effects.gradient_ratio,
            above=False,
            threshold=math.log(HALF),
            role="core",
        ),
        Rule(
            "every layer",
            "it is the smaller one at every layer (the largest ratio)",
            effects.gradient_ratio_of_layers,
            above=False,
            threshold=0,
        ),
        Rule(
            "images",
            "it falls with the number of images, nearer to their inverse square root than not at all (exponent)",
            effects.gradient_exponent,
            above=False,
            threshold=-HALF / 2,
            factor=False,
        ),
        Rule(
            "growth",
            "the ratio of the two is larger at the last epoch",
            effects.gradient_growth,
            above=True,
            threshold=0,
        ),
    ),
)

CLAIMS = (
    FEATURES_FIRST,
    MEMORIZATION_IS_DEEP,
    EARLY_LAYERS_STAY,
    REWINDING_RESTORES,
    DESCENT_FOLLOWS_GEOMETRY,
    PERMUTED_GRADIENTS_ARE_SMALL,
)


def verdicts(tables: dict[str, pd.DataFrame]) -> list[Verdict]:
    """The verdicts on all claims. tables: by section, the stored rows of one preset over all its seeds."""
    return [judge(claim, tables.get(claim.section)) for claim in CLAIMS]
