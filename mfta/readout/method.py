"""The examples of the method page: manifolds of one, two and three dimensions, and the anchor of every draw.

The measures are found without ever forming an anchor. Here anchors are formed, from the weights of the same kernel,
so that they can be drawn.
"""

from dataclasses import dataclass

import numpy as np

from mfta.geometry import ManifoldGeometry, analyze_point_cloud, exact
from mfta.geometry.anchors import solve_draws
from mfta.geometry.coordinates import gram_and_overlaps
from mfta.streams import stream

SQUEEZED = 0.15
"""What becomes of the length of a direction in which a round example is made flat."""
MARGINS = (0.0, 0.5, 1.0, 1.5, 2.0)


@dataclass(frozen=True)
class Example:
    """One manifold in the coordinates of its centre, and what each of n draws makes of it."""

    points: np.ndarray
    """(D + 1, M); the last row, along the centre, is ones."""
    draws: np.ndarray
    """t, (D + 1, n)."""
    kappa: float
    nearest: np.ndarray
    """v, (D + 1, n): the closest vector that puts all points on one side."""
    anchors: np.ndarray
    """(D, n)."""
    holding: np.ndarray
    """(n,): how many points have weight in the anchor; 0 where the draw is free."""
    geometry: ManifoldGeometry

    @property
    def cosines(self) -> np.ndarray:
        """Of the angle between draw and anchor, (n,); its mean squared, times D, is the dimension."""
        along = self.draws[:-1]
        lengths = np.linalg.norm(along, axis=0) * np.linalg.norm(self.anchors, axis=0)
        return (along * self.anchors).sum(0) / lengths


def solve(places: np.ndarray, draws: np.ndarray, kappa: float = 0.0) -> Example:
    """The anchor of every draw, by the kernel behind every measure.

    places: (D, M), of full rank; the mean is taken off, the distance of the centre is one. draws: (D + 1, n).
    """
    places = places - places.mean(1, keepdims=True)
    points = np.vstack([places, np.ones(places.shape[1])])
    gram, overlaps = gram_and_overlaps(np.ascontiguousarray(places.T), np.ascontiguousarray(draws.T), kappa)
    weights, _, _ = solve_draws(gram, overlaps, len(places))
    holding = (weights > 0).sum(1)
    furthest = np.eye(len(gram))[overlaps.argmax(1)]
    shares = np.where(holding[:, None] > 0, weights, furthest)
    anchors = places @ (shares / shares.sum(1, keepdims=True)).T
    geometry = analyze_point_cloud(points, draws, kappa).check()
    return Example(points, draws, kappa, draws - points @ weights.T, anchors, holding, geometry)


def examples(draws: int, seed: int) -> dict[str, Example]:
    """``segment``; in the plane ``round`` and ``narrow``; in space ``needle``, ``disc`` and ``ball``.

    The points of an example are those of the round one of its dimension, squeezed.
    """
    ring, sphere = _ring(7), _sphere(40)
    places = {
        "segment": np.array([[-0.9, -0.2, 1.1]]),
        "round": ring,
        "narrow": ring * [[1], [SQUEEZED]],
        "needle": sphere * [[1], [SQUEEZED], [SQUEEZED]],
        "disc": sphere * [[1], [1], [SQUEEZED]],
        "ball": sphere,
    }
    return {name: solve(where, _draws(len(where), draws, seed)) for name, where in places.items()}


def with_margins(example: Example) -> dict[float, Example]:
    """The same points and draws at every one of ``MARGINS``."""
    return {kappa: solve(example.points[:-1], example.draws, kappa) for kappa in MARGINS}


def long_draw(example: Example, holding: int) -> int:
    """Of the draws whose anchor that many points hold, the one longer than three quarters of them."""
    chosen = np.flatnonzero(example.holding == holding)
    order = np.argsort(np.linalg.norm(example.draws[:, chosen], axis=0))
    return int(chosen[order[3 * len(order) // 4]])


def values(shown: dict[str, Example], margins: dict[float, Example]) -> dict[str, float]:
    """What the page quotes: capacity, radius and dimension of each example, and what a margin changes."""
    answer: dict[str, float] = {}
    ends = {"no_margin": margins[min(MARGINS)], "margin": margins[max(MARGINS)]}
    for name, example in {**shown, **ends}.items():
        for measure in ("capacity", "radius", "dimension"):
            answer[f"{name}_{measure}"] = float(getattr(example.geometry, measure)[0])
        answer[f"{name}_free"] = float((example.holding == 0).mean())
    answer["draws"] = shown["segment"].geometry.n_draws
    return answer | {"largest_margin": max(MARGINS), "unit_ball_capacity": exact.ball_capacity(1.0, 3)}


def _draws(dimension: int, n_draws: int, seed: int) -> np.ndarray:
    return stream(seed, "draws", dimension).standard_normal((dimension + 1, n_draws))


def _ring(n_points: int) -> np.ndarray:
    """Points (2, M) at equal distances on the unit circle."""
    angles = 2 * np.pi * (np.arange(n_points) + 0.3) / n_points
    return np.array([np.cos(angles), np.sin(angles)])


def _sphere(n_points: int) -> np.ndarray:
    """Points (3, M) at about equal distances on the unit sphere: Fibonacci's spiral, of equal areas."""
    height = 1 - (2 * np.arange(n_points) + 1) / n_points
    angles = np.pi * (3 - np.sqrt(5)) * np.arange(n_points)
    around = np.sqrt(1 - height**2)
    return np.array([around * np.cos(angles), around * np.sin(angles), height])
