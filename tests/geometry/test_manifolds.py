"""Made manifolds have the geometry that their documentation says."""

import numpy as np
import pytest

from mfta.geometry import GeometryError, analyze, exact, manifolds


def correlations(c):
    unit = c / np.linalg.norm(c, axis=1, keepdims=True)
    return unit @ unit.T


def test_centers_are_correlated_as_said():
    make = lambda kind, s=0.6: manifolds.centers(20, 20_000, kind, s)  # noqa: E731
    for kind in ("uncorrelated", "low-rank", "hierarchical", "antipodal", "chain"):
        assert np.square(make(kind)).sum(1).mean() == pytest.approx(1, abs=0.45 if kind == "low-rank" else 0.03)
    apart = np.abs(np.subtract.outer(np.arange(20), np.arange(20)))
    np.testing.assert_allclose(correlations(make("chain")), 0.6**apart, atol=0.04)
    group = np.arange(20) // 5
    np.testing.assert_allclose(
        correlations(make("hierarchical")), np.where(group == group[:, None], np.where(apart, 0.6, 1.0), 0), atol=0.04
    )
    np.testing.assert_allclose(correlations(make("antipodal"))[::2, 1::2].diagonal(), -0.6, atol=0.04)
    assert np.linalg.matrix_rank(make("low-rank", 1.0)) == 2
    np.testing.assert_allclose(correlations(make("uncorrelated")), np.eye(20), atol=0.04)


def test_ellipsoids_lie_on_their_surface():
    radii = [2.0, 1.0, 0.5]
    about = manifolds.centers(3, 50, seed=4)
    X = manifolds.ellipsoids(3, 50, 40, radii, 4, about) - about[:, :, None]
    for x in X:
        spread, lengths, _ = np.linalg.svd(x, full_matrices=False)
        assert (lengths > 1e-9).sum() == 3
        inner = np.linalg.inv(np.cov(spread[:, :3].T @ x, bias=True)) / 3  # near diag(1 / radii²) in the true axes
        assert np.trace(np.linalg.inv(inner)) == pytest.approx(np.square(radii).sum(), rel=0.35)
    balls = manifolds.balls(3, 50, 40, 0.7, 4, 4, about) - about[:, :, None]
    np.testing.assert_allclose(np.linalg.norm(balls, axis=1), 0.7, rtol=1e-12)
    assert [np.linalg.matrix_rank(x) for x in balls] == [4, 4, 4]


def test_segments_meet_their_capacity():
    g = analyze(manifolds.segments(30, 3000, 0.8), n_draws=2000, remove_centers=False).summary()
    assert abs(g["capacity"] / exact.segment_capacity(0.8) - 1) < 0.03


def test_clouds_have_their_spread():
    about = manifolds.centers(2, 30_000, seed=1)
    X = manifolds.clouds(2, 30_000, 12, 0.6, 1, about) - about[:, :, None]
    np.testing.assert_allclose(np.square(X).sum(1), 0.36, rtol=0.05)


def test_the_seed_makes_the_same_and_more_points_keep_centers_and_axes():
    np.testing.assert_array_equal(manifolds.balls(3, 9, 4, 1.0, 2, seed=7), manifolds.balls(3, 9, 4, 1.0, 2, seed=7))
    few, more = manifolds.balls(3, 9, 4, 1.0, 2, seed=7), manifolds.balls(3, 9, 6, 1.0, 2, seed=7)
    np.testing.assert_allclose(few, more[:, :, :4], rtol=1e-12, atol=1e-12)


def test_every_manifold_has_axes_and_every_seed_points_of_its_own():
    about = np.zeros((3, 400))
    balls = manifolds.balls(3, 400, 50, 1.0, 2, about=about)
    planes = [np.linalg.svd(ball, full_matrices=False)[0][:, :2] for ball in balls]
    overlaps = [np.linalg.svd(planes[i].T @ planes[j], compute_uv=False).max() for i, j in ((0, 1), (0, 2), (1, 2))]
    assert max(overlaps) < 0.3  # random planes in 400 dimensions are nearly orthogonal
    for make in (lambda s: manifolds.clouds(3, 400, 5, 1.0, s, about), lambda s: manifolds.centers(3, 400, seed=s)):
        one, other = (make(seed).ravel() for seed in (0, 1))
        assert abs(np.corrcoef(one, other)[0, 1]) < 0.2


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (lambda: manifolds.centers(3, 9, "round"), "kind is 'round'"),
        (lambda: manifolds.centers(3, 9, "chain", 1.5), "strength is 1.5"),
        (lambda: manifolds.balls(3, 9, 4, -1.0, 2), "each 0 or more"),
        (lambda: manifolds.balls(3, 9, 4, 1.0, 2.5), "dimension is 2.5"),
        (lambda: manifolds.balls(3, 9, 4, 1.0, 10), "10 half-axes given; expected 1 to 9"),
        (lambda: manifolds.ellipsoids(3, 9, 4, [1.0], about=np.ones((2, 9))), "about has shape"),
        (lambda: manifolds.segments(0, 9, 1.0), "manifolds is 0"),
    ],
)
def test_what_cannot_be_made_is_refused(call, says):
    with pytest.raises(GeometryError, match=says):
        call()
