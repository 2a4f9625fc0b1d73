"""What several pages draw alike; one page's figures are drawn in its cells."""

from mfta.figures.lines import heat, lines, ratio
from mfta.figures.style import COLORS, LABELS, use_style
