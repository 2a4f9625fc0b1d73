"""GLUE: the papers' formulas written out, known limits, recovery of what was made, simulation."""

import dataclasses
import doctest
import warnings

import numpy as np
import pytest
from scipy.optimize import nnls

from mfta.geometry import GeometryError, analyze, effective, effective_geometry, manifolds, simulated_capacity
from mfta.geometry.coordinates import pivoted_cholesky
from mfta.geometry.dichotomies import signs
from mfta.geometry.effective_result import MEASURES
from mfta.geometry.inputs import by_label

WORDS = ("balanced", "one-versus-rest", "random", "pairwise")


def made(p=6, n=60, m=8, radius=0.9, dimension=3, seed=0):
    return manifolds.balls(p, n, m, radius, dimension, seed)


def values(g):
    return np.array([getattr(g, name) for name in MEASURES])


def by_the_formulas(points, owner, y, t):
    """The seven measures as the papers write them, one draw after the other; points (m, r), draws t (n, r)."""
    p = y.shape[1]
    S = np.zeros((len(t), p, points.shape[1]))
    for k in range(len(t)):
        a, _ = nnls((points * y[k][owner, None]).T, t[k], maxiter=10_000)
        for i in range(p):
            mass = a[owner == i].sum()
            S[k, i] = a[owner == i] @ points[owner == i] / mass if mass > 0 else 0.0
    S0 = S.mean(0)
    a, b, c, axes, crossed = np.zeros((5, len(t)))
    away = ~np.eye(p, dtype=bool)
    unit0 = S0 / np.linalg.norm(S0, axis=1, keepdims=True)
    for k in range(len(t)):
        S1, signed = S[k] - S0, y[k][:, None]
        x = signed * S[k] @ t[k]
        x1 = (signed * S1) @ t[k]
        a[k] = (signed * S[k] @ t[k]) @ np.linalg.pinv((signed * S[k]) @ (signed * S[k]).T, 1e-10) @ x
        b[k] = x1 @ np.linalg.pinv((signed * S1) @ (signed * S1).T, 1e-10) @ x1
        c[k] = x1 @ np.linalg.pinv((signed * S0) @ (signed * S0).T + (signed * S1) @ (signed * S1).T, 1e-10) @ x1
        unit1 = S1 / np.linalg.norm(S1, axis=1, keepdims=True)
        axes[k] = np.abs(unit1 @ unit1.T)[away].mean()
        crossed[k] = np.abs(unit0 @ unit1.T)[away].mean()
    radius = np.sqrt(c.mean() / (b - c).mean())
    between = np.abs(unit0 @ unit0.T)[away].mean()
    return [p / a.mean(), b.mean() / p, radius, c.mean() / a.mean(), between, axes.mean(), crossed.mean()]


@pytest.mark.parametrize("kind", ["balanced", "one-versus-rest"])
def test_the_measures_are_the_formulas(kind):
    X = [x[:, : 5 + i] * 10.0**i for i, x in enumerate(made(5, 30, 9, seed=3))]  # unequal in number and in scale
    points = np.concatenate([x.T for x in X])
    owner = np.repeat(np.arange(5), [x.shape[1] for x in X])
    lengths = np.linalg.norm(points, axis=1)
    unit, _ = pivoted_cholesky(points @ points.T / np.outer(lengths, lengths), 1e-12)
    y = signs(kind, 5, 40, np.random.default_rng(1))
    got, errors, evidence = effective._measured(points @ points.T, owner, 1e-12, y, np.random.default_rng(2), 1)
    t = np.random.default_rng(2).standard_normal((40, unit.shape[1]))
    # the package takes −y for y with −t: the same cone
    expected = by_the_formulas(unit * lengths[:, None], owner, y, t)
    np.testing.assert_allclose(got, expected, rtol=1e-8)
    assert (errors > 0).all()
    assert evidence[1] == 0


@pytest.mark.parametrize("dichotomies", [*WORDS, [1, 1, 1, -1, -1, -1]])
@pytest.mark.parametrize("kind", ["balls", "points", "wide", "near", "float32"])
def test_capacity_is_utility_times_radius_over_dimension(dichotomies, kind):
    X = {
        "balls": made(),
        "points": made(m=1),
        "wide": made(n=4, m=30),  # far more points than features
        "near": made(radius=1e-5),
        "float32": (made() + 3.0).astype(np.float32),
    }[kind]
    g = effective_geometry(X, dichotomies, n_draws=30).check()
    np.testing.assert_allclose(g.capacity, g.utility * (1 + g.radius**-2.0) / g.dimension, rtol=1e-9)
    s = g.summary()
    assert s["capacity"] == pytest.approx(s["utility"] * (1 + s["radius"] ** -2) / s["dimension"], rel=1e-9)
    assert ((values(g)[4:] >= 0) & (values(g)[4:] <= 1 + 1e-9)).all()


@pytest.mark.parametrize("p", [2, 7, 20])
def test_single_points_have_capacity_two_and_are_their_own_axis(p):
    g = effective_geometry(np.random.default_rng(p).standard_normal((p, 2000, 1)), n_draws=500)
    s = g.summary()
    assert abs(s["capacity"] - 2) < 4 * s["capacity_stderr"]
    assert s["capacity_stderr"] < 0.15
    for name in ("dimension", "radius", "utility"):
        assert abs(s[name] - 1) < 4 * s[f"{name}_stderr"] + 0.01


def test_known_radius_dimension_and_correlation_are_recovered_in_order():
    def measured(radius, dimension, correlation):
        about = manifolds.centers(2, 1000, "chain", correlation, seed=1)
        return effective_geometry(manifolds.balls(2, 1000, 200, radius, dimension, 1, about), n_draws=100).summary()

    by_dimension = [measured(1.0, d, 0.0)["dimension"] for d in (2, 6, 10)]
    np.testing.assert_allclose(by_dimension, [2.2, 5.6, 8.2], rtol=0.12)
    by_radius = [measured(r, 4, 0.0)["radius"] for r in (0.8, 1.4, 2.0)]
    np.testing.assert_allclose(by_radius, [0.87, 1.34, 1.77], rtol=0.12)
    correlated = [measured(1.0, 4, rho) for rho in (0.0, 0.4, 0.8)]
    np.testing.assert_allclose([s["center_alignment"] for s in correlated], [0, 0.4, 0.8], atol=0.08)
    np.testing.assert_allclose([s["dimension"] for s in correlated], 4.0, rtol=0.12)
    assert correlated[0]["capacity"] > correlated[1]["capacity"] > correlated[2]["capacity"]


@pytest.mark.parametrize("dichotomies", ["balanced", "one-versus-rest", [1, 1, 1, 1, -1, 1, 1, -1, 1, 1]])
def test_capacity_is_what_a_simulation_of_the_same_dichotomies_finds(dichotomies):
    about = manifolds.centers(10, 80, "hierarchical", 0.7, seed=2)
    X = manifolds.balls(10, 80, 8, 0.8, 3, 2, about)
    theory = effective_geometry(X, dichotomies, n_draws=400).summary()
    simulated = simulated_capacity(X, 40, dichotomies=dichotomies, center=False)
    error = np.hypot(theory["capacity_stderr"], simulated.stderr)
    assert abs(theory["capacity"] / simulated.capacity - 1) < 0.05 + 2 * error / theory["capacity"]


def test_errors_are_the_spread_over_seeds():
    X = made(4, 40, 8)
    runs = [effective_geometry(X, n_draws=60, seed=s, threads=1) for s in range(60)]
    spread = np.std([values(g)[:, 0] for g in runs], axis=0)
    stated = np.sqrt(np.mean([g.stderr[:, 0] ** 2 for g in runs], axis=0))
    assert ((stated / spread > 0.6) & (stated / spread < 1.6)).all()


def test_a_manifold_apart_changes_nothing_in_pairs_and_each_pair_stands_alone():
    X = made(4)
    g = effective_geometry(X, "pairwise", n_draws=40)
    assert g.sets == ((0, 1), (0, 2), (0, 3), (1, 2), (1, 3), (2, 3))
    fewer = effective_geometry(X[:3], "pairwise", n_draws=40)
    np.testing.assert_array_equal(values(fewer), values(g)[:, [0, 1, 3]])
    assert list(g.to_frame()["manifolds"])[:2] == ["0 1", "0 2"]
    assert g.summary()["capacity"] == pytest.approx(1 / np.mean(1 / g.capacity), rel=1e-12)


def test_the_error_of_pairs_together_is_that_of_leaving_each_pair_out():
    g = effective_geometry(made(5), "pairwise", n_draws=30)
    left = [1 / np.mean(np.delete(1 / g.capacity, pair)) for pair in range(10)]
    s = g.summary()
    assert s["capacity_stderr"] == pytest.approx(np.sqrt(0.9 * np.square(left - np.mean(left)).sum()), rel=1e-9)
    means = [np.mean(np.delete(g.center_alignment, pair)) for pair in range(10)]
    error = np.sqrt(0.9 * np.square(means - np.mean(means)).sum())
    assert s["center_alignment_stderr"] == pytest.approx(error, rel=1e-9)


def test_check_passes_what_is_sound_and_raises_for_a_residual_or_a_draw_that_did_not_converge():
    g = effective_geometry(made(3), n_draws=10)
    assert g.check() is g
    for wrong in ({"residual": np.array([2e-3])}, {"unconverged": np.array([4])}, {"residual": np.array([np.nan])}):
        with pytest.raises(GeometryError, match="of 10 draws did not converge"):
            dataclasses.replace(g, **wrong).check()


def test_points_of_samples_are_drawn_by_the_seed():
    X = made(3, 20, 12)
    samples, y = np.concatenate([x.T for x in X]), np.repeat([0, 1, 2], 12)
    for seed in (0, 1):
        drawn = by_label(samples, y, 4, seed)
        assert all(len(np.unique(x, axis=1).T) == 4 for x in drawn.values())
        of_samples = effective_geometry(samples, n_draws=10, seed=seed, labels=y, points=4)
        np.testing.assert_array_equal(values(of_samples), values(effective_geometry(drawn, n_draws=10, seed=seed)))


def test_results_depend_on_seed_but_on_neither_threads_layout_rotation_nor_scale():
    X = made()
    g = effective_geometry(X, n_draws=40)
    for same in (
        effective_geometry(X, n_draws=40, threads=1),
        effective_geometry(np.asfortranarray(X), n_draws=40),
        effective_geometry(dict(enumerate(X)), n_draws=40),
    ):
        np.testing.assert_array_equal(values(same), values(g))
    turn = np.linalg.qr(np.random.default_rng(0).standard_normal((60, 60)))[0]
    np.testing.assert_allclose(values(effective_geometry(1e-3 * turn @ X, n_draws=40)), values(g), rtol=1e-6)
    assert not np.allclose(values(effective_geometry(X, n_draws=40, seed=1)), values(g))


def test_labels_name_the_sets_and_points_at_the_origin_are_left_out():
    X = made(3, 20, 6)
    samples, y = np.concatenate([x.T for x in X]), np.repeat(["a", "b", "c"], 6)
    g = effective_geometry(samples, "pairwise", 30, labels=y, points=4)
    assert g.sets == (("a", "b"), ("a", "c"), ("b", "c"))
    np.testing.assert_array_equal(g.points, 4)
    with_zero = [np.hstack([X[0], np.zeros((20, 2))]), *X[1:]]
    np.testing.assert_array_equal(values(effective_geometry(with_zero)), values(effective_geometry(X)))


def test_the_example_holds():
    found = doctest.run_docstring_examples, doctest.DocTestFinder().find(effective_geometry, "effective_geometry")
    failed = [doctest.DocTestRunner(verbose=False).run(test).failed for test in found[1]]
    assert failed == [0]


GOOD = made(4, 20, 5)


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (lambda: effective_geometry(GOOD[0]), "shape"),
        (lambda: effective_geometry(GOOD[:1]), "at least 2"),
        (lambda: effective_geometry(GOOD * np.nan), "manifold 0 holds NaN"),
        (lambda: effective_geometry(GOOD * 1e200), "too large"),
        (lambda: effective_geometry([GOOD[0], GOOD[1] * 0.0]), "manifold 1 has all its points at the origin"),
        (lambda: effective_geometry(GOOD, n_draws=1), "n_draws is 1"),
        (lambda: effective_geometry(GOOD, seed=-1), "seed is -1"),
        (lambda: effective_geometry(GOOD, threads=0), "threads is 0"),
        (lambda: effective_geometry(GOOD, points=3), "labels"),
        (lambda: effective_geometry(GOOD, "pairs"), "'pairwise'"),
        (lambda: effective_geometry(GOOD, np.arange(20)), "labels=y"),
        (lambda: analyze(GOOD, kappa=np.ones(4)), "labels=y"),
    ],
)
def test_what_cannot_be_analysed_is_refused_by_name(call, says):
    with pytest.raises(GeometryError, match=says) as caught:
        call()
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("features", [16, 8])
def test_manifolds_that_no_plane_separates_are_said(features):
    """All of space is then their cone, and capacity P over the features whatever they are; else nothing is said."""
    X = manifolds.clouds(10, features, 50, 1.5)
    with pytest.warns(UserWarning, match=r"no plane through the origin separates"):
        g = effective_geometry(X, n_draws=100)
    assert g.capacity[0] == pytest.approx(10 / features, rel=0.1)
    assert simulated_capacity(X, 4).bound == "<"
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        effective_geometry(manifolds.clouds(10, 10 * features, 5, 0.5), n_draws=100)


@pytest.mark.parametrize(("kind", "level"), [("float32", 1e6), ("float64", 1e9)])
def test_what_lies_too_far_from_the_origin_for_its_type_is_refused(kind, level):
    X = np.concatenate([manifolds.clouds(10, 60, 12, 0.5), np.full((10, 1, 12), level)], axis=1)
    with pytest.raises(GeometryError, match=r"rounding decides; subtract"):
        effective_geometry(X.astype(kind))


def test_the_error_of_a_radius_is_unknown_where_one_draw_alone_is_left():
    # A single draw lies at its own mean, so that no spread is left; that is no reason to warn.
    summary = effective_geometry(made(), n_draws=2).summary()
    assert np.isfinite(summary["radius"])
    assert np.isnan(summary["radius_stderr"])
