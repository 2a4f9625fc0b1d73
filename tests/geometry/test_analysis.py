"""The whole analysis: the authors' own numbers, invariances, odd input, and where the evidence goes."""

import dataclasses
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from mfta.geometry import GeometryError, ManifoldGeometry, analyze, analyze_point_cloud, exact

from .clouds import centered_cloud, clouds

REFERENCE = np.load(Path(__file__).parent / "data" / "mftma_reference.npz")


def identical(a, b):
    return all(
        np.array_equal(getattr(a, f.name), getattr(b, f.name), equal_nan=True)
        for f in dataclasses.fields(ManifoldGeometry)
    )


def measures(g):
    return np.stack([g.capacity, g.radius, g.dimension])


# --- the authors' code ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("case", ["single_small", "single_margin", "single_wide", "single_large_radius"])
def test_one_manifold_with_given_draws_is_the_authors(case):
    g = analyze_point_cloud(
        REFERENCE[f"{case}/points"], REFERENCE[f"{case}/t"], float(REFERENCE[f"{case}/kappa"])
    ).check()
    for name in ("capacity", "radius", "dimension"):
        assert getattr(g, name)[0] == pytest.approx(float(REFERENCE[f"{case}/{name}"]), rel=1e-6)


@pytest.mark.parametrize("seed", [0, 1, 2])
@pytest.mark.parametrize("case", ["full_weak", "full_correlated"])
def test_the_whole_analysis_is_the_authors_within_the_noise_of_draws(case, seed):
    g = analyze(
        REFERENCE[f"{case}/X"], float(REFERENCE[f"{case}/kappa"]), REFERENCE[f"{case}/t"].shape[2], seed
    ).check()
    assert g.center_correlation == pytest.approx(float(REFERENCE[f"{case}/center_correlation"]), rel=1e-6)
    assert g.removed_rank == int(REFERENCE[f"{case}/K"])
    s = g.summary()
    theirs = {
        "capacity": 1 / np.mean(1 / REFERENCE[f"{case}/capacity"]),
        "radius": REFERENCE[f"{case}/radius"].mean(),
        "dimension": REFERENCE[f"{case}/dimension"].mean(),
    }
    for name, value in theirs.items():
        error = np.sqrt(2) * s[f"{name}_stderr_draws"]  # both sides draw
        assert abs(s[name] - value) < 3 * error, name


def test_random_clouds_are_the_authors_readme_case():
    s = analyze(np.random.default_rng(0).standard_normal((100, 5000, 50)), remove_centers=False).check().summary()
    assert s["capacity"] == pytest.approx(0.040, abs=5e-4)
    assert s["radius"] == pytest.approx(1.47, abs=0.01)
    assert s["dimension"] == pytest.approx(36.2, abs=0.3)


# --- invariances ---------------------------------------------------------------------------------------------


def test_rotation_of_points_and_draws_changes_nothing():
    rng = np.random.default_rng(1)
    cloud, draws = centered_cloud(rng, 20, 8, 0.9), rng.standard_normal((9, 200))
    turn = np.eye(9)
    turn[:8, :8] = np.linalg.qr(rng.standard_normal((8, 8)))[0]
    turned = turn @ cloud
    turned[-1] = 1.0
    np.testing.assert_allclose(
        measures(analyze_point_cloud(turned, turn @ draws)),
        measures(analyze_point_cloud(cloud, draws)),
        rtol=1e-9,
    )


def test_order_of_points_copies_of_points_and_empty_coordinates_change_nothing():
    rng = np.random.default_rng(2)
    cloud, draws = centered_cloud(rng, 20, 8, 0.9), rng.standard_normal((9, 200))
    plain = measures(analyze_point_cloud(cloud, draws, 0.3))
    for points in (cloud[:, ::-1], np.hstack([cloud, cloud[:, :7]])):
        np.testing.assert_allclose(measures(analyze_point_cloud(points, draws, 0.3)), plain, rtol=1e-9)
    wider = np.vstack([cloud[:-1], np.zeros((4, 20)), cloud[-1:]])
    more = np.vstack([draws[:-1], rng.standard_normal((4, 200)), draws[-1:]])
    np.testing.assert_allclose(measures(analyze_point_cloud(wider, more, 0.3)), plain, rtol=1e-9)


def test_an_interior_point_changes_nothing():
    rng = np.random.default_rng(3)
    cloud, draws = centered_cloud(rng, 20, 8, 0.9), rng.standard_normal((9, 200))
    inside = cloud @ rng.dirichlet(np.ones(20), size=3).T
    inside[-1] = 1.0
    np.testing.assert_allclose(
        measures(analyze_point_cloud(np.hstack([cloud, inside]), draws)),
        measures(analyze_point_cloud(cloud, draws)),
        rtol=1e-8,
    )


def test_more_points_and_larger_margins_never_raise_capacity():
    rng = np.random.default_rng(4)
    cloud, draws = centered_cloud(rng, 30, 8, 0.9), rng.standard_normal((9, 300))
    by_points = [analyze_point_cloud(cloud[:, :m], draws).capacity[0] for m in (2, 5, 10, 20, 30)]
    by_margin = [analyze_point_cloud(cloud, draws, kappa).capacity[0] for kappa in (0.0, 0.1, 0.5, 1.0, 3.0)]
    assert (np.diff(by_points) <= 1e-12).all()
    assert (np.diff(by_margin) < 0).all()


@pytest.mark.parametrize("remove", [False, True])
def test_scaling_shifting_and_turning_everything(remove):
    rng = np.random.default_rng(5)
    X = clouds(rng)
    g = analyze(X, remove_centers=remove)
    turn = np.linalg.qr(rng.standard_normal((80, 80)))[0]
    for Y in (1e4 * X, 1e-4 * X, X + 7.0, np.einsum("ij,pjm->pim", turn, X)):
        h = analyze(Y, remove_centers=remove)
        np.testing.assert_allclose(measures(h), measures(g), rtol=1e-5)
        assert h.center_correlation == pytest.approx(g.center_correlation, rel=1e-9)
        assert h.removed_rank == g.removed_rank


def test_order_of_manifolds_and_of_points_only_moves_the_draws():
    rng = np.random.default_rng(6)
    X = clouds(rng)
    g, errors = analyze(X, n_draws=2000), None
    order = rng.permutation(len(X))
    for Y, back in ((X[order], np.argsort(order)), (X[:, :, ::-1], np.arange(len(X)))):
        h = analyze(Y, n_draws=2000)
        assert h.center_correlation == pytest.approx(g.center_correlation, rel=1e-9)
        assert h.removed_rank == g.removed_rank
        errors = np.hypot(h.capacity_stderr[back], g.capacity_stderr)
        assert (np.abs(h.capacity[back] - g.capacity) < 4.5 * errors).all()


# --- the same bits ---------------------------------------------------------------------------------------------


def test_threads_and_layout_do_not_change_a_bit():
    X = clouds(np.random.default_rng(7), features=700)
    g = analyze(X, threads=1)
    rows = np.ascontiguousarray(X.transpose(0, 2, 1)).reshape(-1, 700)  # (P·M, N), as activations come
    view = rows.reshape(12, 15, 700).transpose(0, 2, 1)
    assert np.shares_memory(view, rows)
    assert identical(g, analyze(X, threads=2))
    assert identical(g, analyze(X, threads=5))
    assert identical(g, analyze(list(X)))
    h = analyze(view)
    np.testing.assert_allclose(measures(h), measures(g), rtol=1e-6)
    assert identical(h, analyze(view, threads=1))
    frozen = X.copy()
    frozen.flags.writeable = False
    assert identical(g, analyze(frozen))
    assert identical(g, analyze(np.asfortranarray(X)[:, ::1]))


def test_a_manifolds_draws_depend_on_the_seed_and_its_place_alone():
    X = clouds(np.random.default_rng(8))
    g = analyze(X, remove_centers=False)
    shift = X[5:].mean((0, 2))[:, None] - X[5:].mean((0, 2))[:, None]
    Y = X.copy()
    Y[6], Y[7] = X[7] + shift, X[6]  # the mean of all points stays
    h = analyze(Y, remove_centers=False)
    np.testing.assert_allclose(measures(h)[:, :6], measures(g)[:, :6], rtol=1e-9)
    assert not np.allclose(measures(h)[:, 6], measures(g)[:, 6])
    assert not np.allclose(measures(analyze(X, seed=1, remove_centers=False)), measures(g), rtol=1e-6)


def test_tensors_are_taken_as_they_come():
    torch = pytest.importorskip("torch")
    X = clouds(np.random.default_rng(9)).astype(np.float32)
    g = analyze(X)
    assert identical(g, analyze(torch.from_numpy(X)))
    assert identical(g, analyze([torch.from_numpy(x).requires_grad_() for x in X]))
    assert np.isfinite(analyze(torch.from_numpy(X).bfloat16()).capacity).all()


def test_neither_torch_nor_matplotlib_is_imported():
    code = "import sys, mfta.geometry; print(sorted({'torch', 'matplotlib', 'pandas', 'sklearn'} & set(sys.modules)))"
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout.strip() == "[]"
    assert out.stderr == ""


# --- number types and degenerate input -----------------------------------------------------------------------


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
    twice = analyze([np.hstack([x, x]) for x in X[:3]] + list(X[4:])).check()
    assert (twice.rank == 14).all()


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
        (lambda: analyze(changed(1e200)), "manifold 2 holds numbers too large"),
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


# --- evidence ------------------------------------------------------------------------------------------------


def test_summary_follows_its_definitions():
    g = analyze(clouds(np.random.default_rng(20)))
    s = g.summary()
    assert s["capacity"] == pytest.approx(1 / np.mean(1 / g.capacity))
    assert s["radius"] == pytest.approx(np.mean(g.radius))
    assert s["radius_median"] == np.median(g.radius)
    assert s["radius_stderr"] == pytest.approx(np.std(g.radius, ddof=1) / np.sqrt(12))
    assert s["radius_stderr_draws"] == pytest.approx(np.sqrt(np.sum(g.radius_stderr**2)) / 12)
    assert s["capacity_stderr"] == pytest.approx(s["capacity"] ** 2 * np.std(1 / g.capacity, ddof=1) / np.sqrt(12))
    assert s["interior"] == g.interior.sum()
    assert s["n_draws"] == 200


def test_the_means_own_error_over_draws_is_calibrated():
    X = clouds(np.random.default_rng(21), manifolds=4)
    limit = analyze(X, n_draws=100_000, seed=10**6).summary()
    runs = [analyze(X, n_draws=200, seed=seed).summary() for seed in range(200)]
    for name in ("capacity", "radius", "dimension"):
        covered = np.mean([abs(s[name] - limit[name]) < 2 * s[f"{name}_stderr_draws"] for s in runs])
        assert 0.88 <= covered <= 0.99, (name, covered)


def test_check_passes_what_is_sound_and_raises_with_the_numbers():
    g = analyze(clouds(np.random.default_rng(22)))
    assert g.check() is g
    residual = g.residual.copy()
    residual[3] = 2e-3
    with pytest.raises(GeometryError, match=r"2.0e-03 at manifold 3"):
        dataclasses.replace(g, residual=residual).check()
    residual[3] = np.nan
    with pytest.raises(GeometryError):
        dataclasses.replace(g, residual=residual).check()
    unconverged = g.unconverged.copy()
    unconverged[0] = 5
    with pytest.raises(GeometryError, match="5 of 2400 draws"):
        dataclasses.replace(g, unconverged=unconverged).check()
    with pytest.raises(GeometryError):
        g.check(tol=0.0)
