"""Manifold geometry of generalization and memorization in deep networks.

The geometry needs NumPy, SciPy and Numba alone; what trains networks and draws figures (the extras
``train`` and ``book``) is imported when it is first asked for.
"""

import importlib
import importlib.metadata
from typing import Any

from mfta.geometry import (
    EffectiveGeometry,
    GeometryError,
    ManifoldGeometry,
    analyze,
    analyze_point_cloud,
    effective_geometry,
    exact,
    manifolds,
    simulated_capacity,
)

__all__ = [
    "EffectiveGeometry", "GeometryError", "ManifoldGeometry", "analyze", "analyze_point_cloud", "compute",
    "effective_geometry", "exact", "manifolds", "measure_layers", "run", "simulated_capacity",
]  # fmt: skip

_LATER = {"compute": "jobs", "measure_layers": "layers", "run": "trained"}
_SUBMODULES = {"claims", "data", "figures", "labels", "networks", "notebook", "paper"}


def __dir__() -> list[str]:
    return sorted({*__all__, *_SUBMODULES, "__version__"})


def __getattr__(name: str) -> Any:
    if name == "__version__":
        return importlib.metadata.version("mfta")
    if name in _LATER:
        return getattr(importlib.import_module(f"mfta.{_LATER[name]}"), name)
    if name in _SUBMODULES:
        return importlib.import_module(f"mfta.{name}")
    raise AttributeError(f"module 'mfta' has no attribute '{name}'")
