"""Tables to figures, one file a section. Nothing else in the package draws."""

from mfta.figures.capacity_theory import (
    capacity_by_points,
    theory_against_exact,
    theory_against_simulation,
    theory_departures,
    theory_on_activations,
)
from mfta.figures.comparison import ratio_to_paper, ratio_to_paper_by_size
from mfta.figures.double_descent import accuracy_by_width, double_descent, double_descent_geometry
from mfta.figures.gradients import (
    gradients_by_depth,
    gradients_by_images,
    gradients_by_scale,
    gradients_over_training,
)
from mfta.figures.layer_memorization import (
    accuracy_by_epoch,
    capacity_by_epoch,
    center_correlation_by_depth,
    geometry_by_depth,
    geometry_by_epoch,
    manifold_pictures,
)
from mfta.figures.lines import heat, lines, ratio
from mfta.figures.method import anchor_of_a_draw, anchors_in_space, anchors_in_the_plane, margin
from mfta.figures.rewinding import (
    rewinding_by_epoch,
    rewinding_by_layers,
    rewinding_geometry,
    rewinding_single_layers,
)
from mfta.figures.robustness import capacity_ratios
from mfta.figures.story import story
from mfta.figures.style import COLORS, LABELS, MARKERS, use_style

__all__ = [
    "COLORS",
    "LABELS",
    "MARKERS",
    "accuracy_by_epoch",
    "accuracy_by_width",
    "anchor_of_a_draw",
    "anchors_in_space",
    "anchors_in_the_plane",
    "capacity_by_epoch",
    "capacity_by_points",
    "capacity_ratios",
    "center_correlation_by_depth",
    "double_descent",
    "double_descent_geometry",
    "geometry_by_depth",
    "geometry_by_epoch",
    "gradients_by_depth",
    "gradients_by_images",
    "gradients_by_scale",
    "gradients_over_training",
    "heat",
    "lines",
    "manifold_pictures",
    "margin",
    "ratio",
    "ratio_to_paper",
    "ratio_to_paper_by_size",
    "rewinding_by_epoch",
    "rewinding_by_layers",
    "rewinding_geometry",
    "rewinding_single_layers",
    "story",
    "theory_against_exact",
    "theory_against_simulation",
    "theory_departures",
    "theory_on_activations",
    "use_style",
]
