"""Tables to figures, one file a section. Nothing else in the package draws."""

from mfta.figures.capacity_theory import (
    capacity_by_points,
    theory_against_exact,
    theory_against_simulation,
    theory_departures,
    theory_on_activations,
)
from mfta.figures.comparison import ratio_to_paper, ratio_to_paper_by_size
from mfta.figures.lines import heat, lines, ratio
from mfta.figures.method import anchor_of_a_draw, anchors_in_space, anchors_in_the_plane, margin
from mfta.figures.robustness import capacity_ratios
from mfta.figures.story import story
from mfta.figures.style import COLORS, LABELS, MARKERS, use_style

__all__ = [
    "COLORS",
    "LABELS",
    "MARKERS",
    "anchor_of_a_draw",
    "anchors_in_space",
    "anchors_in_the_plane",
    "capacity_by_points",
    "capacity_ratios",
    "heat",
    "lines",
    "margin",
    "ratio",
    "ratio_to_paper",
    "ratio_to_paper_by_size",
    "story",
    "theory_against_exact",
    "theory_against_simulation",
    "theory_departures",
    "theory_on_activations",
    "use_style",
]
