"""Manifold geometry of generalization and memorization in deep networks.

The geometry needs NumPy, SciPy and Numba alone; what trains networks and draws figures (the extras
``train`` and ``book``) is imported when it is first asked for.
"""

import importlib
import importlib.metadata
from typing import Any

from mfta.geometry import (
    GeometryError,
    ManifoldGeometry,
    analyze,
    analyze_point_cloud,
    exact,
    simulated_capacity,
)

__all__ = [
    "GeometryError",
    "ManifoldGeometry",
    "analyze",
    "analyze_point_cloud",
    "compute",
    "exact",
    "measure_layers",
    "simulated_capacity",
]

_LATER = {"compute": ("mfta.jobs", "compute"), "measure_layers": ("mfta.layers", "measure_layers")}
_SUBMODULES = {"claims", "data", "figures", "labels", "networks", "notebook", "paper", "readout"}


def __getattr__(name: str) -> Any:
    if name == "__version__":
        return importlib.metadata.version("mfta")
    if name in _LATER:
        module, attribute = _LATER[name]
        return getattr(importlib.import_module(module), attribute)
    if name in _SUBMODULES:
        return importlib.import_module(f"mfta.{name}")
    raise AttributeError(f"module 'mfta' has no attribute '{name}'")
