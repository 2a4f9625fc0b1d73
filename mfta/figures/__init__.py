"""What several pages draw alike, and the pictures of the method; one page's figures are drawn in its cells."""

from mfta.figures.lines import heat, lines, ratio
from mfta.figures.method import anchor_of_a_draw, anchors_in_space, anchors_in_the_plane, margin
from mfta.figures.style import COLORS, LABELS, MARKERS, use_style
