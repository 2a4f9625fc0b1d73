"""Geometry of object manifolds: capacity, radius, dimension, and the correlations of centers."""

from . import exact, manifolds
from .analysis import analyze, analyze_point_cloud
from .effective import effective_geometry
from .effective_result import EffectiveGeometry
from .errors import GeometryError
from .result import ManifoldGeometry
from .simulation import simulated_capacity
