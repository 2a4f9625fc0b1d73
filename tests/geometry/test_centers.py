"""The removal of shared directions: gradient, optimum, rank, and what it leaves."""

import numpy as np
import pytest

from mfta.geometry import GeometryError, analyze, centers, simulated_capacity
from mfta.geometry import manifolds as generated
from mfta.geometry.coordinates import pivoted_cholesky
from mfta.geometry.descent import objective as value_and_gradient
from mfta.geometry.subspace import Search


def objective(gram, coordinates, V):
    along = coordinates @ V.T
    q = gram - along @ along.T
    return float((q**2 / np.outer(np.diag(q), np.diag(q))).sum())


def problem(rng, manifolds=14, rank=3, strength=2.0):
    """Centers with a planted low-rank part: returns centers (P, N) about their mean, and the planted
    directions."""
    shared = np.linalg.qr(rng.standard_normal((200, rank)))[0].T
    c = rng.standard_normal((manifolds, 200)) / np.sqrt(200)
    c += strength * rng.standard_normal((manifolds, rank)) @ shared
    return c - c.mean(0), shared


def left(c, coefficients):
    """Norms of the centers (P, N) without the directions that coefficients (K, P) make of them."""
    directions = coefficients @ c
    return np.linalg.norm(c - c @ directions.T @ directions, axis=1)


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
    search = Search(pivoted_cholesky(c @ c.T, 1e-10)[0])
    gram, coordinates = search.gram, search.centers[: len(c)]
    r = coordinates.shape[1]
    V = np.zeros((4 * ((rank + 3) // 4), r))
    V[:rank] = np.linalg.qr(rng.standard_normal((r, rank)))[0].T
    gradient = np.zeros_like(V)
    value = value_and_gradient(gram, search.centers, search.transposed, V, rank, gradient)
    assert value == pytest.approx(objective(gram, coordinates, V[:rank]), rel=1e-12)
    np.testing.assert_allclose(gradient[:rank] @ V[:rank].T, 0.0, atol=1e-9)  # tangent
    move = rng.standard_normal((rank, r))
    move -= move @ V[:rank].T @ V[:rank]
    up, down = (np.linalg.qr((V[:rank] + h * move).T)[0].T for h in (1e-5, -1e-5))
    slope = (objective(gram, coordinates, up) - objective(gram, coordinates, down)) / 2e-5
    assert np.sum(gradient[:rank] * move) == pytest.approx(slope, rel=1e-6)


def test_planted_directions_are_found():
    c, shared = problem(np.random.default_rng(1), manifolds=40, rank=3)
    coefficients, curve = centers.low_rank(c @ c.T, 1e-10)
    directions = coefficients @ c
    np.testing.assert_allclose(directions @ directions.T, np.eye(len(directions)), atol=1e-9)
    cosines = np.linalg.svd(directions @ shared.T, compute_uv=False)
    assert 3 <= len(directions) <= 5  # one or two of noise may lower the score a little further
    assert cosines.min() > 0.95
    rest = c - c @ directions.T @ directions
    assert curve[0] == pytest.approx(centers.correlation(c @ c.T), rel=1e-12)
    assert curve[len(directions)] == curve.min()
    assert centers.correlation(rest @ rest.T) == pytest.approx(curve.min(), rel=0.03)  # polished afterwards
    assert centers.correlation(rest @ rest.T) < 0.5 * centers.correlation(c @ c.T)


@pytest.mark.parametrize("seed", [4, 9])
def test_of_many_centers_every_fourth_rank_leaves_little_more_than_all_do(seed, monkeypatch):
    c, shared = problem(np.random.default_rng(seed), manifolds=260, rank=12, strength=0.5)
    coefficients, curve = centers.low_rank(c @ c.T, 1e-10)
    directions = coefficients @ c
    assert len(directions) >= 12
    assert np.linalg.svd(directions @ shared.T, compute_uv=False).min() > 0.95
    assert curve[len(directions)] == curve.min()
    np.testing.assert_allclose(np.diff(curve[8:17], 2)[[0, 1, 2, 4, 5, 6]], 0.0, atol=1e-12)  # straight by fours
    monkeypatch.setattr(centers, "MANY", 260)  # every rank is tried
    full = centers.low_rank(c @ c.T, 1e-10)
    rest = [c - c @ (of @ c).T @ (of @ c) for of in (coefficients, full.coefficients)]
    # Both end in local minima: of ten seeds six to ten per cent to either side were seen at most.
    assert curve.min() < 1.15 * full.curve.min()
    assert centers.correlation(rest[0] @ rest[0].T) < 1.15 * centers.correlation(rest[1] @ rest[1].T)


@pytest.mark.parametrize(("manifolds", "most"), [(2, 0), (3, 1), (4, 2), (6, 4)])
def test_at_least_one_direction_is_left(manifolds, most):
    c, _ = problem(np.random.default_rng(2), manifolds=manifolds, rank=1)
    coefficients = centers.low_rank(c @ c.T, 1e-10).coefficients
    after = left(c, coefficients)
    assert len(coefficients) <= most
    assert (after > 0).all()


def test_centers_on_a_line_lose_nothing():
    c = np.outer(np.array([-2.0, -0.5, 0.7, 1.8]), np.ones(10))
    coefficients = centers.low_rank(c @ c.T, 1e-10).coefficients
    after = left(c, coefficients)
    assert len(coefficients) == 0
    np.testing.assert_allclose(after, np.linalg.norm(c, axis=1))


@pytest.mark.parametrize(("features", "seed"), [(80, 7002), (80, 7017), (80, 7000), (40, 9015)])
def test_uncorrelated_centers_keep_their_capacity_at_few_features(features, seed):
    rng = np.random.default_rng(seed)
    points, spread = (30, 0.6) if features == 80 else (20, 0.6)
    X = rng.standard_normal((20, features, 1)) + spread * rng.standard_normal((20, features, points))
    removed, kept = analyze(X), analyze(X, remove_centers=False)
    assert removed.center_norm.min() > 0.5
    assert removed.summary()["capacity"] > 0.94 * kept.summary()["capacity"]


def test_random_centers_lose_less_than_one_time_in_three():
    # By the definition of chance about one set in six should; 40 sets: three binomial errors are 18 %.
    lost = 0
    for seed in range(40):
        c = np.random.default_rng(seed).standard_normal((20, 60))
        c -= c.mean(0)
        lost += len(centers.low_rank(c @ c.T, 1e-10)[0]) > 0
    assert lost <= 13


def test_a_planted_direction_is_removed_for_all_but_chance():
    for seed in range(10):
        c, _ = problem(np.random.default_rng(seed), manifolds=20, rank=2, strength=1.0)
        coefficients = centers.low_rank(c @ c.T, 1e-10).coefficients
        after = left(c, coefficients)
        assert len(coefficients) >= 2
        assert not centers.vanishes(after / np.linalg.norm(c, axis=1))


@pytest.mark.parametrize("manifolds", [3, 4, 5])
def test_of_five_manifolds_or_fewer_nothing_is_removed_but_what_is_given(manifolds):
    rng = np.random.default_rng(3)
    X = rng.standard_normal((manifolds, 40, 1)) + 0.5 * rng.standard_normal((manifolds, 40, 20))
    with pytest.raises(GeometryError, match=f"what {manifolds} manifolds share"):
        analyze(X)
    assert analyze(X, remove_centers=False).removed_rank == 0
    assert analyze(X, directions=np.eye(40)[:2]).removed_rank == 2


@pytest.mark.parametrize(
    ("kind", "strength", "manifolds", "features"),
    [
        ("uncorrelated", 0.0, 8, 40),
        ("uncorrelated", 0.0, 20, 60),
        ("hierarchical", 0.6, 8, 24),
        ("hierarchical", 0.6, 20, 60),
    ],
)
def test_theory_after_removal_meets_simulation(kind, strength, manifolds, features):
    # The part of benchmarks/capacity.py that holds, on seeds that it does not use.
    theory, simulated, error = [], [], []
    for seed in (700, 701):
        X = generated.clouds(
            manifolds, features, 10, 0.6, seed, generated.centers(manifolds, features, kind, strength, seed)
        )
        s = simulated_capacity(X, n_dichotomies=20)
        theory.append(analyze(X).summary()["capacity"])
        simulated.append(s.capacity)
        error.append(s.stderr)
    off = np.mean(theory) / np.mean(simulated) - 1
    assert abs(off) < max(0.08, np.linalg.norm(error) / np.mean(simulated)), off


def random_shares(p, size, sets):
    """The shares (sets,) of the mean |cosine| that removal leaves of p random centers in as many dimensions."""
    shares = []
    for k in range(sets):
        random = np.random.default_rng([*b"chance", p, size, k]).standard_normal((p, size))
        random -= random.mean(0)
        gram = random @ random.T
        search = Search(pivoted_cholesky(gram, 1e-12 * float(np.diag(gram).max()))[0])
        left = centers._scan(search, centers.most_directions(gram), 1)[1]
        shares.append(min(left, default=centers.correlation(gram)) / centers.correlation(gram))
    return np.array(shares)


def test_the_table_of_chance_is_what_the_search_leaves_of_random_centers():
    for p, size in ((8, 12), (20, 10), (20, 50), (35, 35)):
        shares = random_shares(p, size, 30)
        at = np.interp(
            np.log(size / p), np.log(centers.DIMENSIONS_EACH), centers.RANDOM_SHARES[centers.RANDOM_CENTERS.index(p)]
        )
        assert min(1.0, shares.mean() - shares.std(ddof=1)) == pytest.approx(at, abs=0.04)


class Scored:
    """A search over thirty centers that leaves the given mean |cosine| at each rank."""

    def __init__(self, scores):
        self.scores, self.gram, self.centers = scores, np.eye(30), np.eye(30)

    def next_rank(self, previous, rng, starts, more):
        return np.zeros((len(previous) + more, 30))

    def norms(self, directions):
        return np.ones(30)

    def cosines(self, directions):
        return self.scores[len(directions) - 1]


def test_the_search_ends_after_three_ranks_in_a_row_that_are_worse_once_past_four():
    scores = [0.5, 0.6, 0.7, 0.8, 0.4, 0.41, 0.42, 0.3, 0.31, 0.32, 0.33, 0.2]
    assert centers._scan(Scored(scores), 12, 1)[1] == scores[:11]  # up to the third after rank 8
    assert centers._scan(Scored([0.5, 0.6, 0.7, 0.8, 0.9, 0.1]), 6, 1)[1] == [0.5, 0.6, 0.7, 0.8, 0.9]
    assert centers._scan(Scored(scores), 6, 1, rank=12)[1] == scores  # a rank asked for is reached


def test_a_few_opposite_pairs_do_not_pass_for_few_dimensions():
    c = np.random.default_rng(0).standard_normal((20, 200))
    chance = centers.chance(c @ c.T)
    c[[1, 3]] = -c[[0, 2]]
    assert centers.chance(c @ c.T) == pytest.approx(chance, abs=0.01)


def test_the_cap_on_the_rank_is_the_authors():
    # Their code: the place, from 0, of the last cumulative share below .95, plus 11.
    for values in ([1.0] * 10, [8.0, 1.0, 0.5, 0.5], [99.0, 1.0]):
        shares = np.cumsum(values) / np.sum(values)
        expected = np.argmax([t if t < 0.95 else 0 for t in shares]) + 11
        assert centers.most_directions(np.diag(values)) == expected


def test_with_unequal_points_the_origin_of_centers_is_their_mean():
    # `center_correlation` of the authors' code on this input is .1004.
    rng = np.random.default_rng(13)
    c = rng.standard_normal((80, 20))
    X = [c[:, i, None] + 0.6 * rng.standard_normal((80, m)) for i, m in enumerate([200] + [10] * 19)]
    means = np.stack([x.mean(1) for x in X])
    g = analyze(X)
    assert g.center_correlation == pytest.approx(np.float64(0.1004), abs=5e-5)
    about = means - means.mean(0)
    assert g.center_correlation == pytest.approx(centers.correlation(about @ about.T), rel=1e-9)


@pytest.mark.parametrize("rank", [2, 5, 9])
def test_pymanopt_finds_nothing_lower_nearby(rank):
    pymanopt = pytest.importorskip("pymanopt")
    rng = np.random.default_rng(10)
    c, _ = problem(rng, manifolds=30, rank=6, strength=1.0)
    c *= np.linspace(0.3, 3.0, 30)[:, None]
    search = Search(pivoted_cholesky(c @ c.T, 1e-10)[0])
    gram, coordinates = search.gram, search.centers[: len(c)]
    V = np.zeros((0, coordinates.shape[1]))
    for _ in range(rank):
        V = search.next_rank(V, rng, 1)
    V = search.polish(V)
    ours = objective(gram, coordinates, V)
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
    theirs = optimizer.run(problem_, initial_point=V.T.copy()).cost
    assert ours <= theirs * (1 + 1e-3)  # what is left to gain along a flat valley
