"""The cone projections against scipy's, draw by draw, and their own proof of optimality."""

import numpy as np
import pytest
from scipy.optimize import nnls

from mfta.geometry.anchors import FAILED, INTERIOR, SOLVED, solve_draws
from mfta.geometry.coordinates import gram_and_overlaps, pivoted_cholesky

from .clouds import centered_cloud, sphere


def problem(points, draws, kappa=0.0):
    """What solve_draws takes, straight from the points in ambient coordinates."""
    s = points[:-1]
    return (
        np.ascontiguousarray(s.T @ s),
        np.ascontiguousarray((points.T @ draws).T) + kappa,
        int(np.linalg.matrix_rank(s)),
    )


CASES = {
    "small": lambda rng: centered_cloud(rng, 12, 8, 0.5),
    "many anchors": lambda rng: centered_cloud(rng, 50, 200, 1.5),
    "few anchors": lambda rng: centered_cloud(rng, 50, 200, 0.3),
    "huge radius": lambda rng: centered_cloud(rng, 30, 20, 40.0),
    "tiny radius": lambda rng: centered_cloud(rng, 30, 20, 1e-4),
    "fine sphere": lambda rng: sphere(rng, 600, 3, 1.0),
    "fine segment": lambda rng: np.vstack([np.linspace(-1, 1, 301), np.ones(301)]),
    "two points": lambda rng: np.array([[0.7, -0.7], [1.0, 1.0]]),
    "one point": lambda rng: np.array([[0.0], [1.0]]),
    "repeated": lambda rng: np.repeat(centered_cloud(rng, 8, 20, 1.0), 3, axis=1),
    "deficient": lambda rng: np.vstack([centered_cloud(rng, 40, 5, 1.0), np.zeros((3, 40)), np.ones(40)])[
        [0, 1, 2, 3, 4, 6, 7, 5]
    ],
}


@pytest.mark.parametrize("kappa", [0.0, 0.7])
@pytest.mark.parametrize("name", CASES)
def test_the_projection_is_scipys(name, kappa):
    rng = np.random.default_rng([3, *name.encode()])
    points = CASES[name](rng)
    draws = rng.standard_normal((len(points), 60))
    gram, overlaps, rank = problem(points, draws, kappa)
    weights, state, residual = solve_draws(gram, overlaps, rank)
    assert not (state == FAILED).any()
    assert residual.max() < 1e-8
    for draw in range(draws.shape[1]):
        target = draws[:, draw] + kappa * np.eye(len(points))[-1]
        expected, _ = nnls(points, target)
        # Weights need not be unique where points depend on each other; the projection always is.
        np.testing.assert_allclose(points @ weights[draw], points @ expected, atol=1e-7 * np.abs(target).max())


@pytest.mark.parametrize("name", CASES)
def test_optimality_holds_for_every_draw(name):
    rng = np.random.default_rng([4, *name.encode()])
    points = CASES[name](rng)
    draws = rng.standard_normal((len(points), 300))
    gram, overlaps, rank = problem(points, draws, 0.2)
    weights, _, _ = solve_draws(gram, overlaps, rank)
    assert (weights >= 0).all()
    left = draws - points @ weights.T  # the paper's V, in the code's sign: S₊ᵀV ≤ −κ
    slack = points.T @ left + 0.2
    scale = np.abs(overlaps).max(1)
    assert (slack / scale).max() < 1e-8
    assert np.abs((weights * slack.T).sum(1) / (1e-300 + weights.sum(1)) / scale).max() < 1e-8


@pytest.mark.parametrize("apart", [1e-5, 1e-6, 1e-7, 1e-8])
@pytest.mark.parametrize("radius", [1.0, 10.0])
def test_points_nearly_on_one_another_are_solved(apart, radius):
    # Both may be anchors, and the pivot of the second is the square of their distance: rounding beyond 3e-8.
    rng = np.random.default_rng([7, int(-np.log10(apart)), int(radius)])
    s = rng.standard_normal((6, 40))
    s *= radius / np.linalg.norm(s, axis=0)
    near = [s + radius * apart * rng.standard_normal(s.shape) for _ in range(2)]
    gram, overlaps, rank = problem(np.vstack([np.hstack([s, *near]), np.ones(120)]), rng.standard_normal((7, 400)))
    _, state, residual = solve_draws(gram, overlaps, rank)
    assert not (state == FAILED).any()
    assert residual.max() < 1e-7


def test_an_interior_draw_gets_no_weight_and_only_it():
    rng = np.random.default_rng(0)
    points = centered_cloud(rng, 10, 4, 0.3)
    gram, overlaps, rank = problem(points, rng.standard_normal((5, 400)))
    weights, state, _ = solve_draws(gram, overlaps, rank)
    inside = (overlaps <= 0).all(1)
    assert 50 < inside.sum() < 350
    np.testing.assert_array_equal(state == INTERIOR, inside)
    np.testing.assert_array_equal(weights.sum(1) > 0, ~inside)
    assert (state[~inside] == SOLVED).all()


def test_an_unsolvable_draw_is_reported():
    # A matrix that is not a Gram matrix: no active set can be optimal.
    gram = np.array([[1.0, -9.0], [-9.0, 1.0]])
    _, state, residual = solve_draws(gram, np.ones((1, 2)), 1)
    assert state[0] == FAILED
    assert residual[0] > 1e-3


def test_coordinates_reproduce_the_gram_matrix_at_the_rank():
    rng = np.random.default_rng(1)
    s = rng.standard_normal((7, 30))
    gram = s.T @ s
    coordinates, pivots = pivoted_cholesky(gram, 1e-10)
    assert coordinates.shape == (30, 7)
    np.testing.assert_allclose(coordinates @ coordinates.T, gram, atol=1e-12)
    np.testing.assert_allclose(np.triu(coordinates[pivots], 1), 0.0, atol=1e-12)
    draws = rng.standard_normal((5, 8))
    again, overlaps = gram_and_overlaps(coordinates, draws, 0.3)
    np.testing.assert_allclose(again, gram, atol=1e-12)
    np.testing.assert_allclose(overlaps, draws[:, :7] @ coordinates.T + draws[:, 7:] + 0.3, atol=1e-12)
