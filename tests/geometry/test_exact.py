"""Closed forms against known values, identities, and Monte Carlo on the cone itself."""

import numpy as np
import pytest

from mfta.geometry import GeometryError, analyze_point_cloud, exact
from mfta.geometry.anchors import INTERIOR, SOLVED
from mfta.geometry.measures import measures

from .clouds import sphere


@pytest.mark.parametrize(
    ("kappa", "capacity"),
    [(0, 2), (0.5, 0.961205), (1, 0.519572), (2, 0.200231), (3, 0.100002), (5, 0.038462)],
)
def test_points(kappa, capacity):
    assert exact.point_capacity(kappa) == pytest.approx(capacity, abs=6e-7)


@pytest.mark.parametrize(
    ("radius", "values"),
    [
        (0.25, (1.524487, 0.774118, 0.437625)),
        (0.5, (1.257597, 0.675597, 0.398283)),
        (1.0, (1.0, 0.587934, 0.367628)),
        (2.0, (0.829991, 0.535670, 0.352506)),
    ],
)
def test_segments(radius, values):
    for kappa, value in zip((0.0, 0.5, 1.0), values, strict=True):
        assert exact.segment_capacity(radius, kappa) == pytest.approx(value, abs=6e-7)


@pytest.mark.parametrize(
    ("kappa", "radius", "dimension", "capacity"),
    [(1, 1, 5, 0.175812), (0.5, 0.5, 10, 0.236546), (0.5, 0.7, 3, 0.38835)],
)
def test_balls_with_margin(kappa, radius, dimension, capacity):
    assert exact.ball_capacity(radius, dimension, kappa) == pytest.approx(capacity, abs=6e-6)


@pytest.mark.parametrize("dimension", [1, 2, 5, 10, 20, 36.17])
def test_unit_balls_are_self_dual(dimension):
    assert exact.ball_capacity(1.0, dimension) == pytest.approx(2 / (dimension + 1), rel=1e-12)


@pytest.mark.parametrize("dimension", [0.6, 1, 2, 7.5, 33, 100])
@pytest.mark.parametrize("radius", [0.01, 0.3, 1.5, 20.0])
def test_duality(radius, dimension):
    both = 1 / exact.ball_capacity(radius, dimension) + 1 / exact.ball_capacity(1 / radius, dimension)
    assert both == pytest.approx(dimension + 1, abs=1e-10)


def test_limits():
    assert exact.ball_capacity(0.0, 7, 0.4) == exact.point_capacity(0.4)
    assert exact.ball_capacity(1e-7, 7) == pytest.approx(2, abs=1e-5)
    assert exact.ball_capacity(1e6, 5) == pytest.approx(1 / 5.5, abs=1e-5)
    assert exact.orthogonal_capacity(50) == 0.04


def test_arrays_broadcast_and_hold_the_single_values():
    radius, dimension, kappa = np.array([[0.3], [1.5]]), np.array([2.0, 7.0, 40.0]), np.array([0.0, -0.7, 1.1])
    got = exact.ball_capacity(radius, dimension, kappa)
    assert got.shape == (2, 3)
    single = [[exact.ball_capacity(r, d, k) for d, k in zip(dimension, kappa, strict=True)] for r in (0.3, 1.5)]
    np.testing.assert_allclose(got, single, rtol=1e-13)
    assert isinstance(single[0][0], float)
    np.testing.assert_allclose(
        exact.segment_capacity(radius, kappa), exact.ball_capacity(radius, 1, kappa), rtol=1e-13
    )
    np.testing.assert_array_equal(exact.orthogonal_capacity(np.array([1, 4])), [2.0, 0.5])


def test_the_margin_of_points_inverts_their_capacity():
    kappa = np.linspace(-5, 50, 111)
    np.testing.assert_allclose(exact.point_margin(exact.point_capacity(kappa)), kappa, rtol=1e-9, atol=1e-9)
    assert exact.point_margin(2.0) == pytest.approx(0, abs=1e-14)
    # (1 + κ²)(1 − Φ(κ)) − κ φ(κ) is the cost at −κ; the two costs add up to 1 + κ².
    costs = 1 / exact.point_capacity(kappa[:21]) + 1 / exact.point_capacity(-kappa[:21])
    np.testing.assert_allclose(costs, 1 + kappa[:21] ** 2, rtol=1e-13)


@pytest.mark.filterwarnings("error")
def test_huge_and_tiny_arguments_reach_their_limits():
    assert exact.point_capacity(1e200) == 0.0
    assert exact.point_capacity(-1e200) == np.inf
    assert exact.point_margin(1e-300) == pytest.approx(1e150)
    assert exact.segment_capacity(1e300) == pytest.approx(2 / 3)
    assert exact.ball_capacity(1e-300, 1e6) == exact.ball_capacity(0.7, 0.0) == 2.0
    for dimension in (1e-9, 1e-3, 1e5, 1e6, 1e12):
        both = 1 / exact.ball_capacity(0.5, dimension) + 1 / exact.ball_capacity(2.0, dimension)
        assert both == pytest.approx(dimension + 1, rel=1e-10)


@pytest.mark.parametrize(
    ("radius", "dimension", "kappa"), [(0.6, 4, 0.0), (1.7, 3, 0.5), (0.2, 12, 1.0), (0.8, 2, -0.6)]
)
def test_balls_against_monte_carlo_on_the_cone(radius, dimension, kappa):
    # The distance of (t, t0) to the cone {v0 − R|v| ≥ κ}, by projection on its boundary ray.
    rng = np.random.default_rng(8)
    n = 400_000
    t = np.sqrt(rng.chisquare(dimension, n))
    t0 = rng.standard_normal(n)
    along = np.maximum(0.0, (t + radius * (t0 - kappa)) / (1 + radius**2))
    on_boundary = (t - along) ** 2 + (t0 - kappa - radius * along) ** 2
    cost = np.where(t0 - radius * t >= kappa, 0.0, on_boundary)
    error = cost.std() / np.sqrt(n)
    assert abs(cost.mean() - 1 / exact.ball_capacity(radius, dimension, kappa)) < 4 * error


def estimate(points, kappa, n=20_000, seed=0):
    return analyze_point_cloud(points, np.random.default_rng(seed).standard_normal((len(points), n)), kappa).check()


@pytest.mark.parametrize("kappa", [0.0, 0.5, 1.0, 2.0])
def test_measured_points_meet_the_exact_value(kappa):
    g = estimate(np.array([[0.0], [1.0]]), kappa)
    assert abs(g.capacity[0] - exact.point_capacity(kappa)) < 4 * g.capacity_stderr[0]


@pytest.mark.parametrize("kappa", [0.0, 0.5, 1.0])
@pytest.mark.parametrize("radius", [0.25, 0.5, 1.0, 2.0])
def test_measured_segments_meet_the_exact_value(radius, kappa):
    g = estimate(np.array([[radius, -radius], [1.0, 1.0]]), kappa)
    assert abs(g.capacity[0] - exact.segment_capacity(radius, kappa)) < 4 * g.capacity_stderr[0]
    assert g.rank[0] == 1


@pytest.mark.parametrize("points", [3, 10, 50])
def test_orthogonal_points_meet_two_over_m(points):
    # M orthogonal points of length √M have their mean at distance one; about it G = M·I − 11ᵀ.
    basis = np.linalg.qr(
        np.column_stack([np.ones(points), np.random.default_rng(0).standard_normal((points, points - 1))])
    )[0]
    cloud = np.vstack([np.sqrt(points) * basis[:, 1:].T, np.ones(points)])
    np.testing.assert_allclose(cloud.T @ cloud, points * np.eye(points), atol=1e-9)
    g = estimate(cloud, 0.0)
    assert abs(g.capacity[0] - exact.orthogonal_capacity(points)) < 4 * g.capacity_stderr[0]


@pytest.mark.parametrize("radius", [0.5, 1.0, 1.6])
def test_a_finely_sampled_disc_meets_its_ball(radius):
    angles = np.linspace(0, 2 * np.pi, 400, endpoint=False)
    g = estimate(np.vstack([radius * np.cos(angles), radius * np.sin(angles), np.ones(400)]), 0.0)
    assert abs(g.capacity[0] - exact.ball_capacity(radius, 2)) < 4 * g.capacity_stderr[0]


def measured_ball(radius, dimension, draws):
    """Capacity and its error of the whole ball: each draw's anchor in closed form, through the measures' own
    code.

    The points' cone is {|x| ≤ R x₀}; an anchor is a draw's projection on it, at last coordinate one.
    """
    t, t0 = draws[:, :-1], draws[:, -1]
    length = np.linalg.norm(t, axis=1)
    inside = length <= radius * t0  # the draw lies in the cone, and its anchor within the ball
    interior = radius * length + t0 <= 0
    weight = np.where(inside, t0, (radius * length + t0) / (1 + radius**2))
    anchors = t * np.where(inside, 1 / t0, radius / length)[:, None]
    gram = anchors @ anchors.T
    overlaps = t @ anchors.T + t0[:, None]
    state = np.where(interior, INTERIOR, SOLVED).astype(np.int8)
    out = measures(gram, overlaps, t0, length, dimension, np.diag(np.where(interior, 0.0, weight)), state)
    return out[0], out[3]


@pytest.mark.parametrize("dimension", [5, 10, 20])
@pytest.mark.parametrize("radius", [0.5, 1.0, 2.0])
def test_the_measures_of_a_balls_own_anchors_meet_the_exact_value(radius, dimension):
    rng = np.random.default_rng([4, dimension])
    parts = [measured_ball(radius, dimension, rng.standard_normal((500, dimension + 1))) for _ in range(40)]
    capacity, error = np.array(parts).T  # 20,000 draws in parts: the kernel takes the anchors' Gram matrix
    cost, cost_error = (1 / capacity).mean(), np.sqrt(np.square(error / capacity**2).sum()) / 40
    assert abs(cost - 1 / exact.ball_capacity(radius, dimension)) < 4 * cost_error
    assert cost_error < 0.01 * cost
    if radius == 1.0:
        assert abs(cost - (dimension + 1) / 2) < 4 * cost_error


def test_a_coarsely_sampled_ball_has_more_capacity_than_the_ball():
    few = estimate(sphere(np.random.default_rng(0), 200, 8, 1.0), 0.0, n=2000)
    many = estimate(sphere(np.random.default_rng(0), 2000, 8, 1.0), 0.0, n=500)
    ball = exact.ball_capacity(1.0, 8)
    assert few.capacity[0] > many.capacity[0] > ball


@pytest.mark.parametrize(
    "call",
    [
        lambda: exact.point_capacity(float("nan")),
        lambda: exact.point_capacity("a"),
        lambda: exact.point_margin(0.0),
        lambda: exact.ball_capacity(-1, 3),
        lambda: exact.ball_capacity(1, float("nan")),
        lambda: exact.segment_capacity(float("inf")),
        lambda: exact.orthogonal_capacity(0),
        lambda: exact.orthogonal_capacity(2.5),
        lambda: exact.orthogonal_capacity(float("nan")),
        lambda: exact.ball_capacity(np.array([1.0, -1.0]), 3),
    ],
)
def test_what_has_no_capacity_is_refused(call):
    with pytest.raises(GeometryError):
        call()
