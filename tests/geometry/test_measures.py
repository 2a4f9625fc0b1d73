"""Capacity, radius and dimension from anchors formed one by one, and whether the errors mean what they
say."""

from functools import cache

import numpy as np
import pytest
from scipy.optimize import nnls

from mfta.geometry import analyze_point_cloud, exact

from .clouds import centered_cloud, sphere


def by_hand(points, draws, kappa):
    """The definitions, with the anchors as vectors."""
    costs, anchors = [], []
    for t in draws.T:
        a, _ = nnls(points, t + kappa * np.eye(len(t))[-1])
        costs.append(np.sum((points @ a) ** 2))
        anchors.append(points @ a / a.sum() if a.sum() > 0 else points[:, np.argmax(points[:-1].T @ t[:-1])])
    s, t = np.array(anchors)[:, :-1], draws[:-1].T
    cosines = (s * t).sum(1) / np.linalg.norm(s, axis=1) / np.linalg.norm(t, axis=1)
    radius = np.sqrt(np.square(s - s.mean(0)).sum(1).mean())
    return 1 / np.mean(costs), radius, len(points[:-1]) * cosines.mean() ** 2


@pytest.mark.parametrize(
    ("points", "dimension", "radius", "kappa"), [(12, 6, 0.3, 0.0), (30, 20, 1.5, 0.0), (20, 9, 0.8, 0.6)]
)
def test_measures_follow_their_definitions(points, dimension, radius, kappa):
    rng = np.random.default_rng(points)
    cloud = centered_cloud(rng, points, dimension, radius)
    draws = rng.standard_normal((dimension + 1, 150))
    g = analyze_point_cloud(cloud, draws, kappa)
    np.testing.assert_allclose([g.capacity[0], g.radius[0], g.dimension[0]], by_hand(cloud, draws, kappa), rtol=1e-9)


def repeat(cloud, repetitions, n, seed=0):
    rng = np.random.default_rng(seed)
    draws = (rng.standard_normal((len(cloud), n)) for _ in range(repetitions))
    return [analyze_point_cloud(cloud, t) for t in draws]


CLOUDS = {
    "simplex": np.vstack([np.eye(10)[:, :] * np.sqrt(10) - np.ones((10, 10)) / np.sqrt(10), np.ones(10)]),
    "sphere": sphere(np.random.default_rng(5), 60, 6, 0.8),
    "cloud": centered_cloud(np.random.default_rng(6), 30, 40, 1.4),
}


@cache
def limit_and_runs(name):
    (limit,) = repeat(CLOUDS[name], 1, 200_000, seed=99)
    return limit, repeat(CLOUDS[name], 200, 200)


@pytest.mark.parametrize("measure", ["capacity", "radius", "dimension"])
@pytest.mark.parametrize("name", CLOUDS)
def test_two_standard_errors_hold_the_limit_19_times_in_20(name, measure):
    limit, runs = limit_and_runs(name)
    value = np.array([getattr(g, measure)[0] for g in runs])
    error = np.array([getattr(g, f"{measure}_stderr")[0] for g in runs])
    covered = np.mean(np.abs(value - getattr(limit, measure)[0]) < 2 * error)
    assert 0.90 <= covered <= 0.98, f"covered {covered:.3f}, spread {value.std():.3g}, error {error.mean():.3g}"


def test_the_error_of_a_segments_capacity_covers_the_exact_value():
    segment = np.array([[0.5, -0.5], [1.0, 1.0]])
    limit = exact.segment_capacity(0.5)
    runs = repeat(segment, 200, 200)
    covered = np.mean([abs(g.capacity[0] - limit) < 2 * g.capacity_stderr[0] for g in runs])
    assert 0.90 <= covered <= 0.98


def test_errors_shrink_as_one_over_the_root_of_the_draws():
    cloud = CLOUDS["cloud"]
    few, many = repeat(cloud, 1, 400)[0], repeat(cloud, 1, 40_000)[0]
    for name in ("capacity_stderr", "radius_stderr", "dimension_stderr"):
        assert getattr(few, name)[0] / getattr(many, name)[0] == pytest.approx(10, rel=0.2)
