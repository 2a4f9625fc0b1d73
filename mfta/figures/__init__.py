"""Tables to figures, one file a section. Nothing else in the package draws."""

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
    "capacity_ratios",
    "heat",
    "lines",
    "margin",
    "ratio",
    "ratio_to_paper",
    "ratio_to_paper_by_size",
    "story",
    "use_style",
]
