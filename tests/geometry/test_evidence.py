"""What a result says of the removal, given directions, neighbouring ranks, and several subsets of points."""

import dataclasses
import warnings

import numpy as np
import pytest

from mfta.geometry import GeometryError, analyze, centers, manifolds
from mfta.geometry.result import averaged

from .clouds import measures


def shared(rng, manifolds=16, features=60, points=12, rank=2):
    """(P, N, M) whose centers share `rank` directions."""
    c = rng.standard_normal((manifolds, features))
    c += 4.0 * rng.standard_normal((manifolds, rank)) @ rng.standard_normal((rank, features)) / np.sqrt(rank)
    return c[:, :, None] + 0.5 * rng.standard_normal((manifolds, features, points))


X = shared(np.random.default_rng(0))


def test_the_removal_leaves_its_evidence():
    g = analyze(X)
    means = X.mean(2) - X.mean((0, 2))
    np.testing.assert_allclose(g.directions @ g.directions.T, np.eye(g.removed_rank), atol=1e-12)
    rest = means - means @ g.directions.T @ g.directions
    np.testing.assert_allclose(g.center_distance, np.linalg.norm(means, axis=1))
    np.testing.assert_allclose(g.center_norm, np.linalg.norm(rest, axis=1) / g.center_distance, rtol=1e-9)
    assert g.center_correlation_after == pytest.approx(centers.correlation(rest @ rest.T), rel=1e-9)
    assert g.curve[0] == g.center_correlation
    assert g.curve.argmin() == g.removed_rank
    s = g.summary()
    assert s["center_correlation_after"] < 0.6 * s["center_correlation"]
    assert np.isnan(s["capacity_rank_spread"])
    assert "curve" not in g.to_frame()


def test_given_directions_are_removed_as_if_they_had_been_found():
    g = analyze(X)
    h = analyze(X, directions=g.directions)
    np.testing.assert_array_equal(measures(h), measures(g))
    skew = np.random.default_rng(1).standard_normal((g.removed_rank, g.removed_rank))
    np.testing.assert_allclose(measures(analyze(X, directions=skew @ g.directions)), measures(g), rtol=1e-9)
    np.testing.assert_array_equal(
        measures(analyze(X, directions=g.directions[:0])), measures(analyze(X, remove_centers=False))
    )
    by_hand = X - np.einsum("kn,km,pmi->pni", g.directions, g.directions, X)
    np.testing.assert_allclose(measures(analyze(by_hand, remove_centers=False))[:, 0], measures(g)[:, 0], rtol=0.2)
    for wrong in (np.ones((2, 59)), np.ones((2, 60)), np.full((1, 60), np.nan), np.eye(60)):
        with pytest.raises(GeometryError, match="directions"):
            analyze(X, directions=wrong)


def test_neighbouring_ranks_are_measured_as_any_other():
    g = analyze(X, neighbours=1)
    assert list(g.capacity_at[:, 0]) == [g.removed_rank - 1, g.removed_rank, g.removed_rank + 1]
    s = g.summary()
    assert g.capacity_at[1, 1] == pytest.approx(s["capacity"], rel=1e-12)
    assert s["capacity_rank_spread"] == pytest.approx(np.ptp(g.capacity_at[:, 1]) / 2)
    assert g.capacity_at[0, 1] > g.capacity_at[1, 1]  # a shared direction left in lets centers stand out
    np.testing.assert_array_equal(measures(g), measures(analyze(X)))


def test_repeats_are_means_over_subsets_drawn_by_the_seeds():
    rng = np.random.default_rng(2)
    samples, y = X.transpose(0, 2, 1).reshape(-1, 60), np.repeat(np.arange(16), 12)
    order = rng.permutation(len(y))
    samples, y = samples[order], y[order]
    g = analyze(samples, labels=y, points=6, repeats=3, seed=5)
    each = [analyze(samples, labels=y, points=6, seed=5 + i) for i in range(3)]
    np.testing.assert_allclose(1 / g.capacity, np.mean([1 / h.capacity for h in each], axis=0))
    np.testing.assert_allclose(g.radius, np.mean([h.radius for h in each], axis=0))
    s = g.summary()
    assert s["capacity_spread_points"] == pytest.approx(np.std([h.summary()["capacity"] for h in each], ddof=1))
    assert s["capacity"] == pytest.approx(3 / sum(1 / h.summary()["capacity"] for h in each))
    assert s["n_draws"] == 600
    assert s["radius_bias"] == pytest.approx(
        np.mean([h.summary()["radius_bias"] for h in each])
    )  # it does not average out
    assert g.names == tuple(range(16))
    g.check()
    with pytest.raises(GeometryError, match="labels"):
        analyze(X, repeats=3)


def test_evidence_of_several_subsets_hides_nothing_of_any():
    """Counts are sums, residuals the largest, ranks removed the median; errors are those of a mean of three."""
    each = [analyze(X, n_draws=20, seed=seed) for seed in range(3)]
    changed = [
        {"removed_rank": 1, "residual": each[0].residual * 0 + 1e-9, "unconverged": np.full(16, 1)},
        {"removed_rank": 7, "residual": each[0].residual * 0 + 1e-3, "unconverged": np.full(16, 5)},
        {"removed_rank": 3, "residual": each[0].residual * 0 + 1e-9, "unconverged": np.full(16, 0)},
    ]
    each = [dataclasses.replace(g, **of) for g, of in zip(each, changed, strict=True)]
    g = averaged(each)
    assert g.removed_rank == 3
    assert (g.residual == 1e-3).all()
    assert (g.unconverged == 6).all()
    np.testing.assert_array_equal(g.interior, sum(h.interior for h in each))
    for name in ("radius", "dimension"):
        errors = [getattr(h, f"{name}_stderr") for h in each]
        np.testing.assert_allclose(getattr(g, f"{name}_stderr"), np.sqrt(np.square(errors).sum(0)) / 3)
    of_costs = [h.capacity_stderr / h.capacity**2 for h in each]
    np.testing.assert_allclose(g.capacity_stderr / g.capacity**2, np.sqrt(np.square(of_costs).sum(0)) / 3)
    assert g.center_correlation == pytest.approx(np.mean([h.center_correlation for h in each]))
    assert g.summary()["center_norm_min"] == g.center_norm.min()
    with pytest.raises(GeometryError, match="96 of 960 draws did not converge"):
        g.check()


def test_exactly_opposite_centers_are_said_and_nothing_else():
    about = np.kron(np.eye(4, 60), [[1.0], [-1.0]])  # squared cosines of zero and one alone
    x = np.repeat(about[:, :, None], 3, axis=2)
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        analyze(x, n_draws=2, remove_centers=False)
    assert ["opposite" in str(one.message) for one in said] == [True]


@pytest.mark.parametrize("p", [12, 20])
def test_similar_centers_in_twos_are_said(p):
    """Theory is 30 % and more above simulation there, as it is where they are opposite."""
    rng = np.random.default_rng(1)
    own, shared = rng.standard_normal((p, 5 * p)), rng.standard_normal((p, 5 * p))[np.arange(p) // 2]
    about = (np.sqrt(0.9) * shared + np.sqrt(0.1) * own) / np.sqrt(5 * p)
    with pytest.warns(UserWarning, match=r"or much like it; the theory knows no such pairs"):
        analyze(manifolds.clouds(p, 5 * p, 5, 0.4, about=about), n_draws=2)


def clouds_about(kind, p, per, seed, strength):
    about = manifolds.centers(p, per * p, kind, strength, seed)
    return manifolds.clouds(p, per * p, 10, 0.6, seed, about)


@pytest.mark.parametrize(("p", "per"), [(8, 10), (12, 3), (20, 3), (20, 10)])
def test_opposite_centers_are_said_and_there_alone(p, per):
    """In pairs theory is far above simulation; a group, a shared plane or nothing shared says nothing."""
    for seed in (0, 1):
        with pytest.warns(UserWarning, match=r"opposite .* effective_geometry"):
            analyze(clouds_about("antipodal", p, per, seed, 0.92), n_draws=2)
        for kind, strength in {"uncorrelated": 0.0, "hierarchical": 0.6, "low-rank": 0.9}.items():
            with warnings.catch_warnings(record=True) as said:
                warnings.simplefilter("always")
                analyze(clouds_about(kind, p, per, seed, strength), n_draws=2)
            assert not [one for one in said if "opposite" in str(one.message)], kind
