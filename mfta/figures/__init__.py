"""Tables to figures, one file a section. Nothing else in the package draws."""

from mfta.figures.layer_memorization import accuracy_by_epoch, capacity_by_epoch, geometry_by_depth
from mfta.figures.style import use_style

__all__ = ["accuracy_by_epoch", "capacity_by_epoch", "geometry_by_depth", "use_style"]
