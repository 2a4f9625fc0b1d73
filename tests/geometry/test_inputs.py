"""Number types and degenerate input: each has an answer, or an error that names what is wrong."""

from functools import partial

import numpy as np
import pytest
import scipy.sparse

from mfta.geometry import (
    GeometryError,
    analyze,
    analyze_point_cloud,
    exact,
    manifolds,
    simulated_capacity,
)

from .clouds import clouds, measures


def test_float32_far_from_the_origin_loses_nothing():
    X = clouds(np.random.default_rng(10))
    far = (X + 1000.0).astype(np.float32)
    np.testing.assert_allclose(measures(analyze(far)), measures(analyze(far.astype(np.float64))), rtol=1e-9)
    np.testing.assert_allclose(measures(analyze(far)), measures(analyze(X)), rtol=2e-3)


@pytest.mark.parametrize("dtype", [np.float16, np.int64, np.uint8, ">f8"])
def test_other_types_are_read_as_the_numbers_they_hold(dtype):
    X = np.round(10 * clouds(np.random.default_rng(11))) + 100
    np.testing.assert_allclose(measures(analyze(X.astype(dtype))), measures(analyze(X)), rtol=1e-9)


def test_a_single_point_is_a_point():
    X = [*clouds(np.random.default_rng(12)), np.random.default_rng(13).standard_normal((80, 1))]
    g = analyze(X, n_draws=20_000, kappa=0.5).check()
    assert g.radius[-1] == 0
    assert np.isnan(g.dimension[-1])
    assert (g.points[-1], g.rank[-1]) == (1, 0)
    assert abs(g.capacity[-1] - exact.point_capacity(0.5)) < 4 * g.capacity_stderr[-1]
    assert np.isfinite(g.dimension[:-1]).all()


def test_a_point_repeated_throughout_is_a_point_and_a_repeated_point_is_nothing():
    X = clouds(np.random.default_rng(14), features=70)
    X[3] = X[3, :, :1] + 0.1
    g = analyze(X).check()
    assert g.rank[3] == 0
    assert np.isnan(g.dimension[3])
    assert g.radius[3] == 0
    others = [*X[:3], *X[4:]]
    twice = analyze([np.hstack([x, x]) for x in others]).check()
    assert (twice.rank == 14).all()
    np.testing.assert_allclose(twice.capacity, analyze(others).capacity, rtol=1e-8)


def test_rank_deficient_and_narrow_manifolds_have_their_rank():
    rng = np.random.default_rng(15)
    X = clouds(rng)
    X[2] = X[2].mean(1, keepdims=True) + rng.standard_normal((80, 3)) @ rng.standard_normal((3, 15))
    assert analyze(X).check().rank[2] == 3
    narrow = rng.standard_normal((9, 6, 1)) + 0.5 * rng.standard_normal((9, 6, 40))
    g = analyze(narrow, remove_centers=False).check()
    assert (g.rank == 6).all()
    assert (g.dimension <= 6).all()
    constant = np.concatenate([X, np.full((12, 5, 15), 3.0)], axis=1)
    np.testing.assert_allclose(measures(analyze(constant)), measures(analyze(X)), rtol=1e-6)


def test_unequal_numbers_of_points_are_allowed():
    X = [x[:, : 5 + i] for i, x in enumerate(clouds(np.random.default_rng(16)))]
    g = analyze(X).check()
    np.testing.assert_array_equal(g.points, np.arange(5, 17).clip(max=15))
    np.testing.assert_array_equal(g.rank, g.points - 1)


def test_distances_are_from_the_mean_of_all_points_however_many_a_manifold_has():
    rng = np.random.default_rng(33)
    X = [3 * rng.standard_normal((30, 1)) + rng.standard_normal((30, m)) for m in (5, 40, 12, 7, 9, 20)]
    origin = np.concatenate(X, axis=1).mean(1)
    expected = [np.linalg.norm(x.mean(1) - origin) for x in X]
    np.testing.assert_allclose(analyze(X, remove_centers=False).center_distance, expected)


def test_two_manifolds_lose_no_direction():
    g = analyze(clouds(np.random.default_rng(17), manifolds=2)).check()
    assert g.removed_rank == 0
    np.testing.assert_array_equal(g.center_norm, 1.0)


def test_a_nearly_vanished_center_is_seen_and_its_radius_is_large():
    X = clouds(np.random.default_rng(18))
    everyone = X.mean((0, 2))
    X[4] += (everyone - X[4].mean(1))[:, None] * 1.08
    s = analyze(X, remove_centers=False)
    assert s.radius[4] > 10 * np.median(s.radius)
    assert s.summary()["radius"] > s.summary()["radius_median"]
    removed = analyze(X)
    assert (removed.center_norm <= 1).all()
    assert (removed.center_norm > 0).all()


def samples(rng, counts=(7, 9, 8), features=30):
    y = rng.permutation(np.repeat(["a", "b", "c"], counts))
    return rng.standard_normal((len(y), features)) + 2.0 * rng.standard_normal((3, features))[
        np.unique(y, return_inverse=True)[1]
    ], y


measured = partial(analyze, remove_centers=False)  # three classes are too few to remove what they share


def test_labels_make_manifolds_of_equal_size_drawn_by_the_seed():
    X, y = samples(np.random.default_rng(30))
    g = measured(X, labels=y, points=5).check()
    assert (g.points == 5).all()
    assert g.names == ("a", "b", "c")
    assert not np.allclose(measures(g), measures(measured(X, labels=y, points=5, seed=1)))
    whole = measured(X, labels=y)
    assert (whole.points == 7).all()
    equal = np.concatenate([np.flatnonzero(y == c)[:7] for c in "abc"])
    by_hand = measured({c: X[equal][y[equal] == c].T for c in "abc"})
    np.testing.assert_array_equal(measures(by_hand), measures(measured(X[equal], labels=y[equal])))
    np.testing.assert_array_equal(measures(measured([X[equal][y[equal] == c].T for c in "abc"])), measures(by_hand))


def test_a_table_has_a_row_a_manifold_with_its_class():
    X, y = samples(np.random.default_rng(31))
    g = measured(X, labels=y)
    table = g.to_frame()
    assert list(table["manifold"]) == ["a", "b", "c"]
    np.testing.assert_array_equal(table[["capacity", "radius", "dimension"]].to_numpy().T, measures(g))


def test_exchanged_points_and_features_are_hinted_at():
    X = clouds(np.random.default_rng(32), manifolds=6, features=90, points=20)
    assert "points come first" not in repr(analyze(X))
    assert "points come first" in repr(analyze(X.transpose(0, 2, 1), remove_centers=False))


def test_a_single_point_among_others_leaves_the_mean_dimension_of_the_others():
    X = [*clouds(np.random.default_rng(12)), np.random.default_rng(13).standard_normal((80, 1))]
    g = analyze(X)
    assert g.summary()["dimension"] == pytest.approx(g.dimension[:-1].mean(), rel=1e-12)
    assert g.summary()["undefined"] == 1


@pytest.mark.parametrize("aspect", [1e-6, 3e-7, 1e-7, 3e-8, 1e-8])
def test_nearly_collinear_points_converge(aspect):
    for seed in range(6):
        rng = np.random.default_rng(seed)
        x = np.vstack([rng.standard_normal(30), aspect * rng.standard_normal(30)])
        x -= x.mean(1, keepdims=True)
        draws = rng.standard_normal((3, 500))
        g = analyze_point_cloud(np.vstack([0.3 * x, np.ones(30)]), draws, 0.3).check()
        line = analyze_point_cloud(np.vstack([0.3 * x[:1], np.ones(30)]), draws[[0, 2]], 0.3)
        assert g.capacity[0] == pytest.approx(line.capacity[0], rel=1e-5)


def test_both_doors_take_the_same_rank():
    rng = np.random.default_rng(40)
    turn, other = (np.linalg.qr(rng.standard_normal((n, n)))[0] for n in (40, 30))
    x = turn[:, :20] * np.logspace(0, -12, 20) @ other[:20]
    x -= x.mean(1, keepdims=True)
    cloud = analyze_point_cloud(np.vstack([x, np.ones(30)]), rng.standard_normal((41, 50)))
    far = 10.0 * rng.standard_normal((40, 1))
    whole = analyze([x + far, rng.standard_normal((40, 30)) - far], remove_centers=False)
    assert abs(cloud.rank[0] - whole.rank[0]) <= 1
    assert 11 <= cloud.rank[0] <= 14  # what lies under about √(30·2⁻⁵²) of the longest is rounding


@pytest.mark.parametrize("scale", [1e-300, 1e-200, 1e-160, 17.3, 1e160, 1e200, 1e300])
def test_no_scale_needs_care(scale):
    X = clouds(np.random.default_rng(41)) / 10
    g, h = analyze(X), analyze(scale * X)
    np.testing.assert_allclose(measures(h), measures(g), rtol=1e-9)
    np.testing.assert_allclose(h.center_distance / scale, g.center_distance, rtol=1e-9)


def test_scale_with_removal_is_free_to_nine_digits():
    rng = np.random.default_rng(42)
    X = clouds(rng) + 2.0 * rng.standard_normal((12, 1, 1)) * rng.standard_normal((80, 1))
    g, h = analyze(X), analyze(17.3 * X)
    assert g.removed_rank > 0
    np.testing.assert_allclose(measures(h), measures(g), rtol=1e-9)


def test_tensors_that_autograd_or_conjugation_hold_are_read():
    torch = pytest.importorskip("torch")
    X, y = samples(np.random.default_rng(46))
    y = np.unique(y, return_inverse=True)[1]
    g = measures(measured(X, labels=y))
    rows = [torch.tensor(row, requires_grad=True) for row in X]
    turned = torch.complex(torch.zeros(X.shape, dtype=torch.float64), -torch.from_numpy(X)).conj().imag
    assert turned.is_neg()
    for same in (torch.tensor(X, requires_grad=True), rows, turned):
        np.testing.assert_array_equal(measures(measured(same, labels=torch.from_numpy(y).bfloat16())), g)


def test_tables_and_lists_are_samples_too():
    pandas = pytest.importorskip("pandas")
    X, y = samples(np.random.default_rng(45))
    g = measured(X, labels=y)
    for same in (pandas.DataFrame(X), X.tolist()):
        np.testing.assert_array_equal(measures(measured(same, labels=pandas.Series(y))), measures(g))
    missing = pandas.Series(np.unique(y, return_inverse=True)[1], dtype="Int64").where(y != "a")
    with pytest.raises(GeometryError, match="labels has 7 missing value"):
        measured(X, labels=missing)


GOOD = clouds(np.random.default_rng(19), manifolds=4, features=20, points=6)


def changed(value):
    X = GOOD.copy()
    X[2, 3, 4] = value
    return X


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (lambda: analyze(changed(np.nan)), "manifold 2 holds NaN"),
        (lambda: analyze(changed(np.inf)), "manifold 2 holds NaN or inf"),
        (lambda: analyze(GOOD), "what 4 manifolds share"),
        (lambda: analyze(GOOD[:1]), "at least 2"),
        (lambda: analyze([]), "at least 2"),
        (lambda: analyze(GOOD[0]), "shape"),
        (lambda: analyze([GOOD[0], GOOD[1][:, 0]]), "manifold 1 has shape"),
        (lambda: analyze([GOOD[0], GOOD[1][:-1]]), "manifold 1 has 19 features"),
        (lambda: analyze([GOOD[0], GOOD[1][:, :0]]), "manifold 1 is empty"),
        (lambda: analyze(GOOD.astype(complex)), "real numbers"),
        (lambda: analyze(np.full((2, 3, 4), "a")), "real numbers"),
        (lambda: analyze(7), "expected an array"),
        (lambda: analyze(np.ones((3, 4, 5))), "manifold 0 has its center"),
        (lambda: analyze(GOOD - GOOD.mean(2, keepdims=True)), "center at the mean of all points"),
        (lambda: analyze(GOOD, kappa=-0.1), "kappa is -0.1"),
        (lambda: analyze(GOOD, kappa=float("nan")), "kappa"),
        (lambda: analyze(GOOD, kappa="a"), "kappa is 'a'"),
        (lambda: analyze(GOOD[0], np.arange(20)), "labels=y"),
        (lambda: analyze(GOOD[0], labels=np.arange(19)), "one label for each row"),
        (lambda: analyze(GOOD[0], labels=np.repeat(["x", "y"], [4, 16]), points=5), "class 'x' has 4"),
        (lambda: analyze(GOOD, points=5), "labels"),
        (lambda: analyze(np.ma.masked_less(GOOD, 0.0)), "masked"),
        (lambda: analyze([scipy.sparse.csr_array(x) for x in GOOD]), "sparse"),
        (lambda: analyze(scipy.sparse.csr_array(GOOD[0]), labels=np.arange(20)), "X is sparse"),
        (lambda: analyze(np.ma.masked_less(GOOD[0], 0.0), labels=np.arange(20)), "X is masked"),
        (lambda: analyze({"cat": GOOD[0], "dog": changed(np.nan)[2]}), "manifold 'dog' holds NaN"),
        (lambda: analyze(dict(zip("ab", (GOOD[0], GOOD[1][:-1]), strict=True))), "manifold 'b' has 19 features"),
        (lambda: analyze(GOOD[0], labels=np.ma.masked_less(np.arange(20), 3)), "labels is masked"),
        (lambda: analyze(GOOD[0], labels=[*"xy" * 9, "y", np.nan]), "labels has 1 missing"),
        (lambda: analyze(GOOD[0], labels=np.array([*"xy" * 9, None, None], dtype=object)), "2 missing"),
        (lambda: analyze(GOOD[0], labels=[0.0, np.nan] * 10), "10 missing"),
        (lambda: analyze(GOOD[0], labels=np.array([*"xy" * 9, 1, 2], dtype=object)), "without a common order"),
        (lambda: analyze(GOOD[0], labels=np.array([*"xy" * 10], dtype=object), points=11), "class 'x' has 10"),
        (lambda: analyze(np.zeros((0, 5)), labels=[]), "one label for each row"),
        (lambda: analyze([[1.0, 2.0], [3.0]], labels=[0, 1]), "X cannot be read as an array"),
        (lambda: analyze(GOOD, directions="auto"), "directions cannot be read as an array"),
        (lambda: analyze(GOOD, directions=np.eye(20)[:1], neighbours=1), "give one of the two"),
        (lambda: analyze(GOOD, neighbours=-1), "neighbours is -1"),
        (lambda: analyze(GOOD[0], labels=[*"xy" * 9, "y", "z"]), "class 'z' has a single point, and so would all"),
        (lambda: analyze(GOOD, labels=[*"abcd"]), r"has a single point.* pass a dict class → array"),
        (lambda: analyze(GOOD[0], labels=[*"xy" * 10], repeats=3), "same points each time"),
        (lambda: analyze(GOOD[0], labels=[*"xy" * 10], points=10, repeats=3), "same points each time"),
        (lambda: analyze(GOOD[0], labels=np.array(["x", 1] * 10, dtype=object), repeats=3), "common order"),
        (lambda: exact.ball_capacity([1, 2], [1, 2, 3]), r"shapes \(2,\), \(3,\), \(\)"),
        (lambda: analyze(GOOD, remove_centers="no"), "remove_centers is 'no'"),
        (lambda: simulated_capacity(GOOD[0], np.arange(20)), "n_dichotomies is an array; class labels go by name"),
        (lambda: analyze(GOOD, neighbours=1.5), "neighbours is 1.5"),
        (lambda: manifolds.clouds(4, 20, 6, np.nan), "spread is nan"),
        (lambda: manifolds.clouds(4, 20, 6, 1.0, about=np.ones((1, 20))), r"about has shape \(1, 20\)"),
        (lambda: simulated_capacity(GOOD, points=5), "simulated_capacity"),
        (lambda: analyze(GOOD, n_draws=1), "n_draws is 1"),
        (lambda: analyze(GOOD, n_draws=20.0), "n_draws is 20.0"),
        (lambda: analyze(GOOD, seed=-1), "seed is -1"),
        (lambda: analyze(GOOD, threads=0), "threads is 0"),
        (lambda: analyze_point_cloud(np.ones((3, 4)), np.ones((2, 5))), "must be"),
        (lambda: analyze_point_cloud(np.zeros((3, 4)), np.ones((3, 5))), "last row"),
        (lambda: analyze_point_cloud(np.ones((3, 4)), np.full((3, 5), np.nan)), "NaN"),
    ],
)
def test_what_cannot_be_analysed_is_refused_by_name(call, says):
    with pytest.raises(GeometryError, match=says) as caught:
        call()
    assert "\n" not in str(caught.value)
    assert isinstance(caught.value, ValueError)
