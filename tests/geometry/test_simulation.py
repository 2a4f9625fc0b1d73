"""Simulated capacity: the linear programs against counting, and theory against simulation."""

from math import comb

import numpy as np
import pytest

from mfta.geometry import GeometryError, analyze, exact, simulated_capacity
from mfta.geometry.simulation import _separable_by_program, separable


def test_separability_is_decided_rightly_where_the_answer_is_planted():
    rng = np.random.default_rng(0)
    for _ in range(20):
        w = rng.standard_normal(12)
        points = rng.standard_normal((12, 300))
        points *= np.sign(w @ points)  # w separates them, however narrowly
        assert separable(points)
        hidden = points @ rng.dirichlet(np.ones(300))
        assert not separable(np.column_stack([points, -hidden]))  # the origin is in the hull
    assert not separable(np.zeros((3, 1)))


def test_the_nearest_point_and_the_linear_program_agree():
    rng = np.random.default_rng(5)
    answers = []
    for n, m in ((4, 8), (20, 40), (30, 61), (40, 300)):
        for _ in range(15):
            points = rng.standard_normal((n, m)) + (0.5 if m == 300 else 0.0)
            answers.append(separable(points))
            assert _separable_by_program(points / np.linalg.norm(points, axis=0)) == answers[-1]
    assert 10 < sum(answers) < 50


def test_fractions_follow_covers_count():
    # 2 Σ_{k<n} C(p−1, k) of the 2^p dichotomies of p points in general position in n dimensions can be separated.
    rng = np.random.default_rng(1)
    for n, p in ((3, 7), (5, 9), (6, 14)):
        expected = sum(comb(p - 1, k) for k in range(n)) / 2 ** (p - 1)
        tries = 400
        got = np.mean([separable(rng.standard_normal((n, p))) for _ in range(tries)])
        assert abs(got - expected) < 4 * np.sqrt(expected * (1 - expected) / tries)


def test_points_have_a_capacity_of_two():
    s = simulated_capacity(np.random.default_rng(2).standard_normal((60, 200, 1)), n_dichotomies=40)
    assert abs(s.capacity - 2.0) < 4 * s.stderr + 2.0 / 60  # one of sixty points depends on the others
    assert s.stderr < 0.06
    assert identical(s, simulated_capacity(np.random.default_rng(2).standard_normal((60, 200, 1)), n_dichotomies=40))


def identical(a, b):
    return a == b


def test_what_cannot_be_separated_is_refused():
    rng = np.random.default_rng(3)
    with pytest.raises(GeometryError, match="fewer than half"):
        simulated_capacity(rng.standard_normal((40, 3, 10)), n_dichotomies=4)
    with pytest.raises(GeometryError, match="n_dichotomies"):
        simulated_capacity(rng.standard_normal((4, 30, 2)), n_dichotomies=1)


def manifolds(kind, rng, count=60, features=400):
    centers = rng.standard_normal((count, features, 1))
    if kind == "clouds":
        return centers + 0.7 * rng.standard_normal((count, features, 8))
    axes = rng.standard_normal((count, features, 3))
    directions = rng.standard_normal((count, 3, 24))
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    return centers + 0.5 * axes @ directions


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["clouds", "balls"])
def test_theory_and_simulation_agree_within_five_per_cent(kind):
    X = manifolds(kind, np.random.default_rng(4))
    theory = analyze(X, n_draws=1000, remove_centers=False).check().summary()
    simulated = simulated_capacity(X, n_dichotomies=10)
    assert theory["capacity"] > 0.2
    error = np.hypot(simulated.stderr, theory["capacity_stderr_draws"])
    assert abs(simulated.capacity / theory["capacity"] - 1) < 0.05 + 2 * error / theory["capacity"]
    if kind == "balls":
        assert simulated.capacity > 0.9 * exact.ball_capacity(0.5, 3)
