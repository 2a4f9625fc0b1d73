"""Inputs with known answers, shared by the tests."""

import numpy as np


def centered_cloud(rng, points, dimension, radius):
    """One manifold in the coordinates of its center: (D + 1, M), rows of mean zero, last row ones."""
    s = rng.standard_normal((dimension, points))
    s -= s.mean(1, keepdims=True)
    s *= radius / np.sqrt(np.square(s).sum(0).mean())
    return np.vstack([s, np.ones(points)])


def clouds(rng, manifolds=12, features=80, points=15, spread=0.8):
    """(P, N, M): random centers and unit Gaussian points about them."""
    centers = rng.standard_normal((manifolds, features, 1))
    return centers + spread * rng.standard_normal((manifolds, features, points))


def sphere(rng, points, dimension, radius):
    """(D + 1, M): points on a sphere, symmetric about its center."""
    s = rng.standard_normal((dimension, points // 2))
    s *= radius / np.linalg.norm(s, axis=0)
    return np.vstack([np.hstack([s, -s]), np.ones(2 * (points // 2))])


def measures(g):
    """(3, P): capacity, radius and dimension of a result."""
    return np.stack([g.capacity, g.radius, g.dimension])
