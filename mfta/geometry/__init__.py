"""Geometry of object manifolds: capacity, radius, dimension, and the correlations of centres."""

from . import exact
from .analysis import analyze, analyze_point_cloud
from .errors import GeometryError
from .result import ManifoldGeometry
from .simulation import simulated_capacity

__all__ = [
    "GeometryError",
    "ManifoldGeometry",
    "analyze",
    "analyze_point_cloud",
    "exact",
    "simulated_capacity",
]
