"""The removal of shared directions: gradient, optimum, rank, and what it leaves."""

import numpy as np
import pytest

from mfta.geometry import centers
from mfta.geometry.coordinates import pivoted_cholesky
from mfta.geometry.subspace import Search, _objective


def objective(gram, coordinates, V):
    along = coordinates @ V.T
    q = gram - along @ along.T
    return float((q**2 / np.outer(np.diag(q), np.diag(q))).sum())


def problem(rng, manifolds=14, rank=3, strength=2.0):
    """Centres with a planted low-rank part: returns centres (P, N) about their mean, and the planted
    directions."""
    shared = np.linalg.qr(rng.standard_normal((200, rank)))[0].T
    c = rng.standard_normal((manifolds, 200)) / np.sqrt(200)
    c += strength * rng.standard_normal((manifolds, rank)) @ shared
    return c - c.mean(0), shared


def test_correlation_is_the_mean_cosine_of_pairs():
    c, _ = problem(np.random.default_rng(0))
    pairs = [
        abs(a @ b) / np.linalg.norm(a) / np.linalg.norm(b) for i, a in enumerate(c) for j, b in enumerate(c) if i != j
    ]
    assert centers.correlation(c @ c.T) == pytest.approx(np.mean(pairs), rel=1e-12)


@pytest.mark.parametrize("rank", [1, 4, 7])
def test_the_gradient_is_the_derivative(rank):
    rng = np.random.default_rng(rank)
    c, _ = problem(rng)
    gram = c @ c.T
    coordinates, _ = pivoted_cholesky(gram, 1e-10)
    search = Search(gram, coordinates)
    r = coordinates.shape[1]
    V = np.zeros((4 * ((rank + 3) // 4), r))
    V[:rank] = np.linalg.qr(rng.standard_normal((r, rank)))[0].T
    gradient = np.zeros_like(V)
    value = _objective(gram, search.centers, search.transposed, V, rank, gradient)
    assert value == pytest.approx(objective(gram, coordinates, V[:rank]), rel=1e-12)
    np.testing.assert_allclose(gradient[:rank] @ V[:rank].T, 0.0, atol=1e-9)  # tangent
    move = rng.standard_normal((rank, r))
    move -= move @ V[:rank].T @ V[:rank]
    up, down = (np.linalg.qr((V[:rank] + h * move).T)[0].T for h in (1e-5, -1e-5))
    slope = (objective(gram, coordinates, up) - objective(gram, coordinates, down)) / 2e-5
    assert np.sum(gradient[:rank] * move) == pytest.approx(slope, rel=1e-6)


def test_planted_directions_are_found():
    c, shared = problem(np.random.default_rng(1), manifolds=40, rank=3)
    coefficients, after = centers.low_rank(c @ c.T, 1e-10)
    directions = coefficients @ c
    np.testing.assert_allclose(directions @ directions.T, np.eye(len(directions)), atol=1e-9)
    cosines = np.linalg.svd(directions @ shared.T, compute_uv=False)
    assert 3 <= len(directions) <= 5  # one or two of noise may lower the score a little further
    assert cosines.min() > 0.95
    rest = c - c @ directions.T @ directions
    np.testing.assert_allclose(np.linalg.norm(rest, axis=1), after, rtol=1e-9)
    assert centers.correlation(rest @ rest.T) < 0.5 * centers.correlation(c @ c.T)


@pytest.mark.parametrize(("manifolds", "most"), [(2, 0), (3, 1), (5, 3)])
def test_at_least_one_direction_is_left(manifolds, most):
    c, _ = problem(np.random.default_rng(2), manifolds=manifolds, rank=1)
    coefficients, after = centers.low_rank(c @ c.T, 1e-10)
    assert len(coefficients) <= most
    assert (after > 0).all()


def test_centers_on_a_line_lose_nothing():
    c = np.outer(np.array([-2.0, -0.5, 0.7, 1.8]), np.ones(10))
    coefficients, after = centers.low_rank(c @ c.T, 1e-10)
    assert len(coefficients) == 0
    np.testing.assert_allclose(after, np.linalg.norm(c, axis=1))


@pytest.mark.parametrize("rank", [2, 5, 9])
def test_the_objective_is_no_worse_than_pymanopts(rank):
    pymanopt = pytest.importorskip("pymanopt")
    rng = np.random.default_rng(10)
    c, _ = problem(rng, manifolds=30, rank=6, strength=1.0)
    c *= np.linspace(0.3, 3.0, 30)[:, None]
    gram = c @ c.T
    coordinates, _ = pivoted_cholesky(gram, 1e-10)
    search = Search(gram, coordinates)
    V = np.zeros((0, coordinates.shape[1]))
    for _ in range(rank):
        V = search.next_rank(V, rng)
    ours = objective(gram, coordinates, search.polish(V, rng))
    manifold = pymanopt.manifolds.Stiefel(coordinates.shape[1], rank)

    @pymanopt.function.numpy(manifold)
    def cost(X):
        return objective(gram, coordinates, X.T)

    @pymanopt.function.numpy(manifold)
    def gradient(X):
        along = coordinates @ X
        q = gram - along @ along.T
        d = np.diag(q)
        w = 2 * q / np.outer(d, d)
        off = q**2 / np.outer(d, d)
        np.fill_diagonal(off, 0.0)
        np.fill_diagonal(w, -2 * off.sum(1) / d)
        return -2 * coordinates.T @ (w @ along)

    problem_ = pymanopt.Problem(manifold, cost, euclidean_gradient=gradient)
    optimizer = pymanopt.optimizers.ConjugateGradient(verbosity=0, max_iterations=500)
    starts = [np.linalg.qr(rng.standard_normal((coordinates.shape[1], rank)))[0] for _ in range(2)]
    theirs = min(optimizer.run(problem_, initial_point=start).cost for start in starts)
    assert ours <= theirs * (1 + 1e-4)
