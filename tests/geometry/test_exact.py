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


@pytest.mark.parametrize(
    ("dimension", "radius", "effective", "large"),
    [
        (33, 1.5, 0.0419, 0.0438),
        (36.17, 1.47, 0.0389, 0.0404),
        (15.2, 1.013, 0.115, 0.130),
        (20, 0.2, 0.599, 1.3),
    ],
)
def test_approximations(dimension, radius, effective, large):
    assert exact.effective_margin_capacity(radius, dimension) == pytest.approx(effective, rel=6e-3)
    assert exact.large_ball_capacity(radius, dimension) == pytest.approx(large, rel=6e-3)


@pytest.mark.parametrize(("radius", "dimension", "kappa"), [(0.6, 4, 0.0), (1.7, 3, 0.5), (0.2, 12, 1.0)])
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
        lambda: exact.point_capacity(-0.1),
        lambda: exact.ball_capacity(-1, 3),
        lambda: exact.ball_capacity(1, float("nan")),
        lambda: exact.segment_capacity(float("inf")),
        lambda: exact.orthogonal_capacity(0),
        lambda: exact.large_ball_capacity(0.0, 3),
    ],
)
def test_what_has_no_capacity_is_refused(call):
    with pytest.raises(GeometryError):
        call()
