"""Simulated capacity: the linear programs against counting, and theory against simulation."""

from math import comb

import numpy as np
import pytest
from scipy.optimize import linprog, nnls

from mfta.geometry import GeometryError, analyze, exact, manifolds, simulated_capacity
from mfta.geometry.dichotomies import signs
from mfta.geometry.separation import separable, widest


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


def by_program(points):
    """Whether the largest margin that a linear program finds within a box is positive."""
    n, m = points.shape
    rows = np.column_stack([-points.T, np.ones(m)])
    bounds = [(-1.0, 1.0)] * n + [(None, 1.0)]
    found = linprog(np.append(np.zeros(n), -1.0), A_ub=rows, b_ub=np.zeros(m), bounds=bounds, method="highs-ds")
    assert found.status == 0
    return found.x[-1] > 1e-9


def test_the_nearest_point_and_a_linear_program_agree():
    rng = np.random.default_rng(5)
    answers = []
    for n, m in ((4, 8), (20, 40), (30, 61), (40, 300)):
        for _ in range(15):
            points = rng.standard_normal((n, m)) + (0.5 if m == 300 else 0.0)
            answers.append(separable(points))
            assert by_program(points / np.linalg.norm(points, axis=0)) == answers[-1]
    assert 10 < sum(answers) < 50


@pytest.mark.parametrize(("n", "m"), [(3, 40), (12, 12), (30, 61), (40, 300)])
def test_the_nearest_point_is_that_of_least_squares_with_weights_of_one_sign(n, m):
    rng = np.random.default_rng([n, m])
    for shift in (0.0, 0.5, 2.0):
        points = rng.standard_normal((n, m)) + shift * np.eye(n)[:, :1]
        points[:, -2:] = points[:, :2]  # a point given twice changes nothing
        unit = points / np.linalg.norm(points, axis=0).max()
        weights, _ = nnls(np.vstack([unit, np.ones(m)]), np.append(np.zeros(n), 1.0))
        nearest = points @ weights / weights.sum()
        length = np.linalg.norm(nearest)
        expected = max(0.0, (nearest @ points).min() / length) if length > 1e-12 else 0.0
        assert widest(points) == pytest.approx(expected, rel=1e-9, abs=1e-9)
        assert separable(points) == (expected > 1e-9)


@pytest.mark.parametrize("margin", [1e-3, 1e-5])
def test_a_narrow_margin_is_found(margin):
    rng = np.random.default_rng(8)
    for _ in range(10):
        points = rng.standard_normal((10, 60))
        points[0] = margin * (1 + np.abs(points[0]))
        assert separable(np.linalg.qr(rng.standard_normal((10, 10)))[0] @ points)


def test_points_that_coincide_or_are_opposite_are_decided():
    rng = np.random.default_rng(9)
    for _ in range(200):
        points = rng.integers(-3, 4, (int(rng.integers(2, 8)), int(rng.integers(2, 30)))).astype(float)
        points = points[:, np.abs(points).any(0)]
        assert not points.size or separable(points) == by_program(points)


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


def test_too_few_dichotomies_are_refused():
    with pytest.raises(GeometryError, match="n_dichotomies"):
        simulated_capacity(np.random.default_rng(3).standard_normal((4, 30, 2)), n_dichotomies=1)


def test_where_all_features_do_not_suffice_the_answer_is_a_bound():
    s = simulated_capacity(np.random.default_rng(3).standard_normal((10, 10, 8)), n_dichotomies=4)
    assert (s.capacity, s.bound) == (1.0, "<")
    assert np.isnan(s.stderr)
    apart = np.array([[[1.0, 2.0]], [[-1.0, -3.0]]])  # one feature separates them whenever their labels differ
    s = simulated_capacity(apart, n_dichotomies=4, dichotomies=[1, -1], center=False)
    assert (s.capacity, s.bound) == (2.0, ">")


@pytest.mark.parametrize("scale", [1e-200, 1e200])
def test_a_scale_of_the_data_changes_nothing(scale):
    X = np.random.default_rng(6).standard_normal((12, 30, 3))
    for kappa in (0.0, 0.3):
        a, b = (simulated_capacity(x, 4, kappa=kappa) for x in (X, X * scale))
        assert a.separable == b.separable
        assert a.capacity == pytest.approx(b.capacity, rel=1e-9)


def test_the_widest_margin_is_half_the_distance_of_two_points():
    x = np.array([[3.0, 1.0], [4.0, -1.0]])  # nearest point of the hull: in its middle part, or an end
    assert widest(x) == pytest.approx(7 / np.sqrt(29), rel=1e-12)
    assert widest(x[:, :1]) == pytest.approx(5.0, rel=1e-12)
    assert widest(np.array([[1.0, -2.0], [0.0, 0.0]])) == 0.0


@pytest.mark.parametrize("kappa", [0.5, 1.0])
def test_points_with_a_margin_meet_gardner(kappa):
    X = np.random.default_rng(2).standard_normal((50, 10_000, 1))
    s = simulated_capacity(X, n_dichotomies=12, kappa=kappa, center=False)
    assert abs(s.capacity - exact.point_capacity(kappa)) < 4 * s.stderr + 0.03 * s.capacity


def test_a_bias_is_one_more_feature():
    # Cover: the dichotomies of p points by planes in n dimensions with a bias are those in n + 1 without.
    X = np.random.default_rng(7).standard_normal((24, 60, 1))
    without = simulated_capacity(X, 60, center=False)
    s = simulated_capacity(X, 60, bias=True)
    assert abs(24 / s.capacity - (24 / without.capacity - 1)) < 4 * np.hypot(0.6, 0.6)
    # Far from the origin on one side of it, only a bias tells opposite labels apart in few features.
    line = 100.0 + np.arange(6.0)[:, None, None] * np.ones((6, 1, 1))
    y = [-1, -1, -1, 1, 1, 1]
    assert simulated_capacity(line, 4, dichotomies=y, bias=True, center=False).bound == ">"
    assert simulated_capacity(line, 4, dichotomies=y, center=False).bound == "<"
    assert simulated_capacity(line, 4, dichotomies=[1, -1, 1, -1, 1, -1], bias=True).bound == "<"


@pytest.mark.parametrize(
    "wrong", ["half", [1, -1], np.zeros(4), np.ones((2, 2, 4)), [[1, -1, 1, 2]], ["a", "b", "c", "d"]]
)
def test_what_is_no_dichotomy_is_refused(wrong):
    with pytest.raises(GeometryError, match="dichotomies"):
        simulated_capacity(np.ones((4, 5, 2)), dichotomies=wrong)


def test_dichotomies_are_what_they_are_called():
    rng = np.random.default_rng(0)
    balanced = signs("balanced", 7, 400, rng)
    assert set(np.abs(balanced.sum(1))) == {1.0}
    assert len(np.unique(balanced, axis=0)) == 70  # both ways of 7 choose 3
    one = signs("one-versus-rest", 5, 10, rng)
    assert ((one == 1).sum(1) == 1).all()
    assert ((one == 1).sum(0) == 2).all()
    np.testing.assert_array_equal(signs([[1, 1, -1], [1, -1, 1]], 3, 3, rng), [[1, 1, -1], [1, -1, 1], [1, 1, -1]])


def test_the_error_is_the_spread_over_seeds():
    X = np.random.default_rng(2).standard_normal((20, 40, 2))
    runs = [simulated_capacity(X, 8, seed=seed) for seed in range(60)]
    spread = np.std([s.capacity for s in runs], ddof=1)  # known to a tenth
    assert 0.75 < np.sqrt(np.mean([s.stderr**2 for s in runs])) / spread < 1.5


def test_given_dichotomies_are_taken_in_turn():
    """On a line the first of three can be separated, the others never: two of six tries, and so a bound."""
    line = np.array([1.0, 2.0, -1.0, -2.0])[:, None, None]
    given = [[1, 1, -1, -1], [1, -1, 1, -1], [1, -1, -1, 1]]
    s = simulated_capacity(line, 24, dichotomies=given, center=False)
    assert (s.bound, s.features, s.separable, s.dichotomies) == ("<", (1,), (2,), (6,))


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["clouds", "balls"])
def test_theory_and_simulation_agree_within_five_per_cent(kind):
    X = manifolds.balls(60, 400, 24, 0.5, 3) if kind == "balls" else manifolds.clouds(60, 400, 8, 0.7)
    theory = analyze(X, n_draws=1000, remove_centers=False).check().summary()
    simulated = simulated_capacity(X, n_dichotomies=10)
    assert theory["capacity"] > 0.2
    error = np.hypot(simulated.stderr, theory["capacity_stderr_draws"])
    assert abs(simulated.capacity / theory["capacity"] - 1) < 0.05 + 2 * error / theory["capacity"]
    if kind == "balls":
        assert simulated.capacity > 0.9 * exact.ball_capacity(0.5, 3)


def test_samples_with_labels_are_the_same_manifolds():
    X = manifolds.clouds(8, 30, 5, 0.5)
    samples, y = X.transpose(0, 2, 1).reshape(-1, 30), np.repeat(np.arange(8), 5)
    by_label = simulated_capacity(samples, labels=y, n_dichotomies=8)
    assert by_label == simulated_capacity(X, n_dichotomies=8)
