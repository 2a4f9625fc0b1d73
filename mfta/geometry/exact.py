"""Capacities in closed form: points, segments, balls, orthogonal points, and what approximates a manifold
by a ball.

All are manifolds per feature at the largest load where a random dichotomy can be separated with margin κ,
for many manifolds with independent random centres at distance one (Chung, Lee & Sompolinsky, Phys. Rev. X
8, 031003).
"""

from itertools import pairwise

import numpy as np
from scipy.integrate import quad
from scipy.special import gammaln, ndtr

from .errors import GeometryError
from .inputs import margin


def point_capacity(kappa: float = 0.0) -> float:
    """Capacity of points: 1/α₀(κ) = (1 + κ²) Φ(κ) + κ φ(κ), so that α₀(0) = 2 (Gardner 1988; PRX 2018, Sec.
    II).

    kappa: margin ≥ 0 in units of the points' norm.
    """
    return 1.0 / _inverse_point_capacity(margin(kappa))


def ball_capacity(radius: float, dimension: float, kappa: float = 0.0) -> float:
    """Capacity of D-dimensional balls, by quadrature (PRX 2018, Sec. V).

    radius: over the distance of the centre, ≥ 0. dimension: ≥ 0, need not be whole. kappa: margin ≥ 0.
    At κ = 0, α = 2/(D + 1) for R = 1, and 1/α(R) + 1/α(1/R) = D + 1 for any R > 0.
    With the measured anchor radius and dimension this is the ball approximation of a manifold.
    """
    radius, dimension, kappa = _size("radius", radius), _size("dimension", dimension), margin(kappa)
    if radius == 0.0 or dimension == 0.0:
        return point_capacity(kappa)

    def integrand(t: float) -> float:
        # t is the length of the draw within the ball's span. Where the draw touches the ball: the cone's side, or
        # its tip, when the draw lies in the polar cone.
        tip = kappa - t / radius
        side = _quadratic_mean(radius * t + kappa, tip, kappa + radius * t) / (1.0 + radius**2)
        return float(_chi(t, dimension) * (side + _quadratic_mean(kappa, -np.inf, tip) + t * t * ndtr(tip)))

    middle = np.sqrt(dimension)
    edges = [
        max(0.0, middle - 12.0),
        *(x for x in (middle - 2.0, middle, middle + 2.0) if x > 0.0),
        middle + 13.0,
    ]
    parts = [quad(integrand, a, b, epsabs=1e-13, epsrel=1e-12, limit=400)[0] for a, b in pairwise(edges)]
    return 1.0 / sum(parts)


def segment_capacity(radius: float, kappa: float = 0.0) -> float:
    """Capacity of line segments (PRX 2018, Sec. III; a ball with D = 1).

    radius: half length over the distance of the centre, ≥ 0. kappa: margin ≥ 0. 2 at R = 0, 2/3 as R → ∞ (κ
    = 0).
    """
    return ball_capacity(radius, 1.0, kappa)


def orthogonal_capacity(n_points: int) -> float:
    """Capacity 2/M of manifolds of M mutually orthogonal points: the floor that random labels approach, at
    κ = 0.

    n_points: M ≥ 1.
    """
    if n_points < 1:
        raise GeometryError(f"n_points is {n_points}; a manifold has at least one point")
    return 2.0 / n_points


def effective_margin_capacity(radius: float, dimension: float, kappa: float = 0.0) -> float:
    """Balls in high dimension as points with a margin: α₀((κ + R√D) / √(1 + R²)) (PRX 2018, Sec. V).

    Good to a few per cent for D ≳ 10; arguments as in ball_capacity.
    """
    radius, dimension = _size("radius", radius), _size("dimension", dimension)
    return point_capacity((margin(kappa) + radius * np.sqrt(dimension)) / np.sqrt(1.0 + radius**2))


def large_ball_capacity(radius: float, dimension: float) -> float:
    """(1 + R⁻²)/D: balls with R√D ≫ 1 at κ = 0 (PRX 2018, Sec. V); far too large for small ones.

    radius, dimension: > 0.
    """
    radius, dimension = _size("radius", radius), _size("dimension", dimension)
    if radius == 0.0 or dimension == 0.0:
        raise GeometryError("radius and dimension must be above 0: the approximation is for large balls only")
    return (1.0 + radius**-2) / dimension


def _inverse_point_capacity(kappa: float) -> float:
    return float((1.0 + kappa**2) * ndtr(kappa) + kappa * _phi(kappa))


def _phi(x: float) -> float:
    return float(np.exp(-0.5 * x * x) / np.sqrt(2.0 * np.pi))


def _quadratic_mean(center: float, low: float, high: float) -> float:
    """∫ (center − u)² φ(u) du from low to high."""
    mass = ndtr(high) - ndtr(low)
    edge_low = (low - 2.0 * center) * _phi(low) if np.isfinite(low) else 0.0
    return float((center**2 + 1.0) * mass + edge_low - (high - 2.0 * center) * _phi(high))


def _chi(t: float, dimension: float) -> float:
    """Density of the length of a standard normal vector."""
    if t <= 0.0:
        return float(np.sqrt(2.0 / np.pi)) if dimension == 1.0 else 0.0
    log = (
        (dimension - 1.0) * np.log(t) - 0.5 * t * t - (0.5 * dimension - 1.0) * np.log(2.0) - gammaln(0.5 * dimension)
    )
    return float(np.exp(log))


def _size(name: str, value: float) -> float:
    value = float(value)
    if not 0.0 <= value < np.inf:
        raise GeometryError(f"{name} is {value}; expected a finite number, 0 or more")
    return value
