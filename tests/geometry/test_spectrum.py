"""The dimension of all data, against numpy's covariance."""

import numpy as np
import pytest

from mfta.geometry import GeometryError
from mfta.geometry.spectrum import explained_variance_dimension, participation_ratio, spectrum

from .clouds import clouds


@pytest.mark.parametrize("features", [20, 2100])
def test_spectrum_is_that_of_the_covariance(features):
    X = 100.0 + clouds(np.random.default_rng(0), features=features)
    X[:, :5] *= 4.0
    data = np.concatenate(list(X), axis=1)
    values = np.linalg.svd(data - data.mean(1, keepdims=True), compute_uv=False) ** 2 / data.shape[1]
    got = spectrum(X)
    assert len(got) == min(data.shape)
    np.testing.assert_allclose(got, values, atol=1e-7 * values[0])
    assert participation_ratio(X) == pytest.approx(values.sum() ** 2 / (values**2).sum())
    for fraction in (0.5, 0.9, 1.0):
        k = explained_variance_dimension(list(X), fraction)
        assert values[:k].sum() >= (fraction - 1e-9) * values.sum()
        assert k == 1 or values[: k - 1].sum() < fraction * values.sum()


def test_known_dimensions():
    rng = np.random.default_rng(1)
    isotropic = np.linalg.qr(rng.standard_normal((300, 41)) - 0.0)[0][:, :40].T
    isotropic = isotropic - isotropic.mean(1, keepdims=True)
    assert participation_ratio(isotropic[None]) == pytest.approx(40, rel=0.02)
    line = np.outer(rng.standard_normal(30), rng.standard_normal(50))
    assert participation_ratio([line]) == pytest.approx(1)
    assert explained_variance_dimension([line]) == 1


def test_no_variance_has_no_participation_ratio():
    assert np.isnan(participation_ratio(np.ones((2, 3, 4))))
    assert explained_variance_dimension(np.ones((2, 3, 4))) == 0
    with pytest.raises(GeometryError, match="fraction"):
        explained_variance_dimension(np.ones((2, 3, 4)), 1.5)
    with pytest.raises(GeometryError, match="NaN"):
        spectrum([np.full((3, 4), np.nan)])
