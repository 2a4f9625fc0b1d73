"""Manifolds with known geometry: balls, ellipsoids, segments and clouds about centers that are correlated or not.

All are (P, N, M), features × points, as `analyze` takes them, with centers at distance one from the origin (on
average, where correlated) and axes in random directions. The same seed gives the same arrays, other numbers of points
the same centers and axes.
"""

from collections.abc import Sequence

import numpy as np

from .errors import GeometryError
from .inputs import whole


def centers(
    manifolds: int, features: int, kind: str = "uncorrelated", strength: float = 0.6, seed: int = 0
) -> np.ndarray:
    """Centers (P, N) whose squared length is one on average.

    kind: "uncorrelated"; "low-rank": two shared directions hold the share `strength` of the variance;
    "hierarchical": groups of five about a common center, with correlation `strength` within a group; "antipodal":
    opposite pairs, with correlation −`strength`; "chain": correlation strength^|μ − ν|, as in Chou et al. (ICML
    2025), App. D. strength: in [0, 1].
    """
    p, n = whole("manifolds", manifolds, 1), whole("features", features, 1)
    if not 0.0 <= strength <= 1.0:
        raise GeometryError(f"strength is {strength}; expected a number between 0 and 1")
    rng = np.random.default_rng([whole("seed", seed, 0), *b"centers"])
    own = rng.standard_normal((p, n)) / np.sqrt(n)
    mu = np.arange(p)
    if kind == "uncorrelated":
        return own
    if kind == "low-rank":
        shared = rng.standard_normal((p, 2)) @ rng.standard_normal((2, n)) / np.sqrt(2 * n)
    elif kind == "hierarchical":
        shared = rng.standard_normal((p, n))[mu // 5] / np.sqrt(n)
    elif kind == "antipodal":
        shared = rng.standard_normal((p, n))[mu // 2] * np.where(mu % 2, -1.0, 1.0)[:, None] / np.sqrt(n)
    elif kind == "chain":
        for i in range(1, p):
            own[i] = strength * own[i - 1] + np.sqrt(1.0 - strength**2) * own[i]
        return own
    else:
        words = "uncorrelated, low-rank, hierarchical, antipodal, chain"
        raise GeometryError(f"kind is {kind!r}; expected one of {words}")
    return np.sqrt(strength) * shared + np.sqrt(1.0 - strength) * own


def ellipsoids(
    manifolds: int, features: int, points: int, radii: Sequence[float], seed: int = 0, about: np.ndarray | None = None
) -> np.ndarray:
    """Points uniform in angle on the surfaces of ellipsoids: (P, N, M).

    radii: the D half-axes over the centers' distance, D ≤ N; the axes are orthonormal and random. about: centers (P,
    N), by default `centers(manifolds, features, seed=seed)`.
    """
    p, n, m = whole("manifolds", manifolds, 1), whole("features", features, 1), whole("points", points, 1)
    sizes = np.asarray(radii, dtype=float)
    if sizes.ndim != 1 or not 1 <= len(sizes) <= n or not ((sizes >= 0.0) & (sizes < np.inf)).all():
        raise GeometryError(f"{sizes.size} half-axes given; expected 1 to {n} of them, one an axis, each 0 or more")
    middle = _about(about, p, n, seed)
    out = np.empty((p, n, m))
    for i in range(p):
        rng = np.random.default_rng([whole("seed", seed, 0), *b"axes", i])
        axes = np.linalg.qr(rng.standard_normal((n, len(sizes))))[0]
        on_sphere = rng.standard_normal((m, len(sizes)))
        on_sphere /= np.linalg.norm(on_sphere, axis=1, keepdims=True)
        out[i] = middle[i][:, None] + axes @ (sizes * on_sphere).T
    return out


def balls(
    manifolds: int,
    features: int,
    points: int,
    radius: float,
    dimension: int,
    seed: int = 0,
    about: np.ndarray | None = None,
) -> np.ndarray:
    """Points on the surfaces of balls of that radius (over the centers' distance) and dimension: (P, N, M).

    The more points, the nearer is the measured geometry to the whole ball's, `exact.ball_capacity(radius,
    dimension)`; D = 10 takes thousands. Others as for ellipsoids.
    """
    return ellipsoids(manifolds, features, points, [radius] * whole("dimension", dimension, 1), seed, about)


def segments(
    manifolds: int, features: int, radius: float, seed: int = 0, about: np.ndarray | None = None
) -> np.ndarray:
    """Line segments by their two ends, (P, N, 2): their measured capacity is `exact.segment_capacity(radius)`.

    radius: half the length over the centers' distance.
    """
    ends = ellipsoids(manifolds, features, 1, [radius], seed, about)
    middle = centers(manifolds, features, seed=seed) if about is None else np.asarray(about, dtype=float)
    return np.concatenate([ends, 2.0 * middle[:, :, None] - ends], axis=2)


def clouds(
    manifolds: int, features: int, points: int, spread: float, seed: int = 0, about: np.ndarray | None = None
) -> np.ndarray:
    """Gaussian points in all features, (P, N, M): the mean squared distance to the center is spread².

    With N ≫ M the points are nearly orthogonal about their mean: radius √(1 − 1/M)·spread, dimension at most M − 1.
    """
    p, n, m = whole("manifolds", manifolds, 1), whole("features", features, 1), whole("points", points, 1)
    if not (isinstance(spread, int | float | np.number) and 0.0 <= spread < np.inf):
        raise GeometryError(f"spread is {spread!r}; expected a finite number, 0 or more")
    middle = _about(about, p, n, seed)
    rng = np.random.default_rng([whole("seed", seed, 0), *b"clouds"])
    return middle[:, :, None] + spread / np.sqrt(n) * rng.standard_normal((p, n, m))


def _about(about: np.ndarray | None, p: int, n: int, seed: int) -> np.ndarray:
    """The centers (P, N), given or by default uncorrelated ones."""
    middle = centers(p, n, seed=seed) if about is None else np.asarray(about, dtype=float)
    if middle.shape != (p, n):
        raise GeometryError(f"about has shape {middle.shape}; expected {(p, n)}, a row a center")
    return middle
