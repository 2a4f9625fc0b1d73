"""The whole analysis: the authors' own numbers, invariances, and where the evidence goes."""

import dataclasses
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from mfta.geometry import GeometryError, ManifoldGeometry, analyze, analyze_point_cloud, exact

from .clouds import centered_cloud, clouds, measures

REFERENCE = np.load(Path(__file__).parent / "data" / "mftma_reference.npz")


def identical(a, b):
    return all(
        np.array_equal(getattr(a, f.name), getattr(b, f.name), equal_nan=True)
        for f in dataclasses.fields(ManifoldGeometry)
    )


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


SAME_BITS = """
import hashlib, numpy as np
from mfta.geometry import analyze
g = analyze(np.random.default_rng(0).standard_normal((20, 300, 40)))
print(hashlib.sha256(np.stack([g.capacity, g.radius, g.dimension, g.residual]).tobytes()).hexdigest())
"""


@pytest.mark.slow
def test_the_process_that_compiles_and_those_that_load_the_cache_have_the_same_bits(tmp_path):
    environment = {**os.environ, "NUMBA_CACHE_DIR": str(tmp_path)}
    first, second = (
        subprocess.run([sys.executable, "-c", SAME_BITS], capture_output=True, text=True, check=True, env=environment)
        for _ in range(2)
    )
    assert first.stdout == second.stdout


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


@pytest.mark.slow
def test_a_process_that_can_write_nowhere_still_computes(tmp_path):
    # What Numba raises where neither the installation nor a home can be written to.
    code = """
import numba.core.caching as caching
caching.CacheImpl._locator_classes = []
import numpy as np
from mfta.geometry.blocks import inner_products
print(inner_products(np.eye(3), np.eye(3)).sum())
"""
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=tmp_path)
    assert out.stdout.strip() == "3.0"


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


def test_the_error_of_mean_capacity_covers_the_exact_value():
    # Segments of known radius: 1,000 repetitions, so that three binomial standard errors are 2 %.
    rng = np.random.default_rng(23)
    centers, axes = rng.standard_normal((2, 6, 20))
    radii = np.linspace(0.2, 2.0, 6)
    axes *= (radii * np.linalg.norm(centers - centers.mean(0), axis=1) / np.linalg.norm(axes, axis=1))[:, None]
    X = np.stack([centers - axes, centers + axes], axis=2)
    for kappa in (0.0, 0.5):
        limit = 6 / sum(1 / exact.segment_capacity(radius, kappa) for radius in radii)
        runs = [analyze(X, kappa, 100, seed, remove_centers=False, threads=1).summary() for seed in range(1000)]
        covered = np.mean([abs(s["capacity"] - limit) < 2 * s["capacity_stderr_draws"] for s in runs])
        assert 0.93 <= covered <= 0.98, covered


@pytest.mark.parametrize("manifolds", [4, 30])
def test_the_error_of_means_covers_the_limit_once_the_radius_bias_is_taken_off(manifolds):
    # 400 repetitions: three binomial standard errors are 3 %.
    X = clouds(np.random.default_rng(21), manifolds=manifolds, spread=0.4)
    limit = analyze(X, n_draws=40_000, seed=10**6, remove_centers=False).summary()
    runs = [analyze(X, 0.0, 50, seed, remove_centers=False, threads=1).summary() for seed in range(400)]

    def covered(name, bias):
        of = [s[name] - (s["radius_bias"] if bias else 0.0) - limit[name] for s in runs]
        return np.mean(np.abs(of) < 2 * np.array([s[f"{name}_stderr_draws"] for s in runs]))

    assert 0.92 <= covered("capacity", False) <= 0.985
    assert 0.92 <= covered("dimension", False) <= 0.985
    assert 0.92 <= covered("radius", True) <= 0.985
    if manifolds == 30:
        assert covered("radius", False) < 0.85  # the bias is real: it does not average out over manifolds


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
