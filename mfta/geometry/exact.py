"""Capacities in closed form: points, segments, balls, orthogonal points; and the margin that points can have.

All are manifolds per feature at the largest load where a random dichotomy can be separated with margin κ,
for many manifolds with independent random centers at distance one (Chung, Lee & Sompolinsky, Phys. Rev. X
8, 031003). Arguments are numbers or arrays, which broadcast; the answer is a float or an array.
"""

from typing import Any

import numpy as np
from scipy.special import gammaincc, ndtr

from .errors import GeometryError

NODES, WEIGHTS = np.polynomial.legendre.leggauss(64)
NODES, WEIGHTS = (NODES + 1.0) / 2.0, WEIGHTS / 2.0  # on [0, 1]
FAR = 9.0  # standard deviations, beyond which a normal tail is nothing
LARGE = 1e150  # of which the square still is a number; a radius or its inverse above it changes nothing


def point_capacity(kappa: Any = 0.0) -> Any:
    """Capacity of points: 1/α₀(κ) = (1 + κ²) Φ(κ) + κ φ(κ), so that α₀(0) = 2 (Gardner 1988; PRX 2018, Sec. II).

    kappa: margin in units of the points' norm; below 0 they may lie that far on the wrong side. Infinite
    below −38, where nothing is asked.
    """
    with np.errstate(divide="ignore"):
        return _out(1.0 / _point_cost(_real("kappa", kappa)))


def point_margin(capacity: Any) -> Any:
    """The margin κ that points at this load can have: the inverse of `point_capacity`, below 0 above a load of two.

    capacity: > 0.
    """
    capacity = _real("capacity", capacity)
    if not (capacity > 0.0).all():
        raise GeometryError(f"capacity is {capacity.min()}; expected a number above 0")
    low, high = np.full_like(capacity, -40.0), 1.0 / np.sqrt(capacity)  # as 1/α₀ ≥ κ² for κ ≥ 0
    for _ in range(80):
        middle = 0.5 * (low + high)
        above = _point_cost(middle) > 1.0 / capacity
        low, high = np.where(above, low, middle), np.where(above, middle, high)
    return _out(0.5 * (low + high))


def ball_capacity(radius: Any, dimension: Any, kappa: Any = 0.0) -> Any:
    """Capacity of D-dimensional balls, by quadrature (PRX 2018, Sec. V).

    radius: over the distance of the center, ≥ 0. dimension: ≥ 0, need not be whole. kappa: margin, any number.
    At κ = 0, α = 2/(D + 1) for R = 1, and 1/α(R) + 1/α(1/R) = D + 1 for any R > 0.
    With the measured anchor radius and dimension this is the ball approximation of a manifold.
    """
    given = _size("radius", radius), _size("dimension", dimension), _real("kappa", kappa)
    try:
        given = np.broadcast_arrays(*given)  # type: ignore[assignment]
    except ValueError:
        shapes = ", ".join(str(x.shape) for x in given)
        raise GeometryError(
            f"radius, dimension and kappa have shapes {shapes}; expected ones that broadcast"
        ) from None
    R, D, k = (x[..., None] for x in given)
    R, half = np.clip(R, 1.0 / LARGE, LARGE), np.maximum(0.5 * D, 1.0 / LARGE)
    # 1/α is the mean of F(t) over the length t of the draw within the ball's span, whose survival function is Q, so
    # 1/α = F(0) + ∫ F′(t) Q(t) dt. F′ changes from one form to another where t/R or Rt are within a few standard
    # deviations of κ, and Q falls from 1 to 0 near √D: between these edges all is smooth.
    end = np.sqrt(D) + 13.0
    changes = [R * (k + s) for s in (-FAR, 0.0, FAR)] + [(s - k) / R for s in (-FAR, 0.0, FAR)]
    changes += [end - 26.0, end - 13.0, 0.0 * end, end]
    edges = np.sort(np.clip(np.concatenate(np.broadcast_arrays(*changes), axis=-1), 0.0, end), axis=-1)
    cost = _point_cost(given[2])
    for i in range(edges.shape[-1] - 1):
        start, width = edges[..., i, None], np.diff(edges)[..., i, None]
        at = np.where(start > 0.0, NODES, NODES**3)  # from zero on, Q goes like a broken power of t
        slope = np.where(start > 0.0, 1.0, 3.0 * NODES**2)
        t = start + width * at
        cost = cost + (WEIGHTS * slope * width * _cost_slope(t, R, k) * gammaincc(half, 0.5 * t * t)).sum(-1)
    with np.errstate(divide="ignore"):
        return _out(1.0 / cost)


def segment_capacity(radius: Any, kappa: Any = 0.0) -> Any:
    """Capacity of line segments (PRX 2018, Sec. III; a ball with D = 1).

    radius: half length over the distance of the center, ≥ 0. kappa: margin. 2 at R = 0, 2/3 as R → ∞ (κ = 0).
    """
    return ball_capacity(radius, 1.0, kappa)


def orthogonal_capacity(n_points: Any) -> Any:
    """Capacity 2/M of manifolds of M mutually orthogonal points: the floor that random labels approach, at κ = 0.

    n_points: M, a whole number ≥ 1.
    """
    points = _real("n_points", n_points)
    if not ((points >= 1) & (points == np.floor(points))).all():
        raise GeometryError(f"n_points is {n_points}; expected a whole number, 1 or more")
    return _out(2.0 / points)


def _point_cost(kappa: np.ndarray) -> np.ndarray:
    k = np.maximum(kappa, -LARGE)
    with np.errstate(over="ignore"):
        return np.maximum((1.0 + k * k) * ndtr(k) + k * _phi(k), 0.0)


def _cost_slope(t: np.ndarray, radius: np.ndarray, kappa: np.ndarray) -> np.ndarray:
    """F′(t): the mean over t₀, the draw along the center, of 2R(Rt + κ − t₀)/(1 + R²) where it touches the cone's
    side, −t/R < t₀ − κ < Rt, and of 2t where its tip."""
    tip, edge = kappa - t / radius, kappa + radius * t
    low, high = ndtr(tip), ndtr(edge)
    along, across = 1.0 / (1.0 + radius**-2), 1.0 / (radius + 1.0 / radius)  # R²/(1 + R²), R/(1 + R²)
    side = (along * t + across * kappa) * (high - low) + across * (_phi(edge) - _phi(tip))
    return 2.0 * (side + t * low)


def _phi(x: np.ndarray) -> np.ndarray:
    return np.exp(-0.5 * np.square(np.clip(x, -40.0, 40.0))) / np.sqrt(2.0 * np.pi)


def _real(name: str, value: Any) -> np.ndarray:
    try:
        array = np.asarray(value, dtype=float)
    except (TypeError, ValueError):
        raise GeometryError(f"{name} is {value!r:.60}; expected a number or an array of numbers") from None
    if not np.isfinite(array).all():
        raise GeometryError(f"{name} is {value!r:.60}; expected finite numbers")
    return array


def _size(name: str, value: Any) -> np.ndarray:
    array = _real(name, value)
    if (array < 0.0).any():
        raise GeometryError(f"{name} is {value!r:.60}; expected a finite number, 0 or more")
    return array


def _out(values: np.ndarray) -> Any:
    return values if np.ndim(values) else float(values)
