"""Gram blocks: the same numbers as a plain product, for any layout, without the memory."""

import subprocess
import sys

import numpy as np
import pytest

from mfta.geometry import grams


@pytest.mark.parametrize("features", [1, 7, 512, 1300])
@pytest.mark.parametrize("points", [1, 3, 4, 50])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_means_grams_and_products(points, features, dtype):
    rng = np.random.default_rng([points, features])
    x = (rng.standard_normal((features, points)) + 5).astype(dtype)
    y = x.astype(np.float64)
    y -= y.mean(1, keepdims=True)
    directions = rng.standard_normal((3, features))
    for layout in (x, np.asfortranarray(x), np.repeat(x, 2, axis=1)[:, ::2]):
        means, gram = grams.mean_and_gram(layout, "x")
        np.testing.assert_allclose(means, x.mean(1, dtype=np.float64), rtol=1e-13)
        np.testing.assert_allclose(gram, y.T @ y, atol=1e-11 * features)
        np.testing.assert_allclose(
            grams.products(layout, means, directions), y.T @ directions.T, atol=1e-11 * features
        )
    np.testing.assert_allclose(grams.gram_of_rows(y), y @ y.T, atol=1e-11 * points * features)
    coefficients = rng.standard_normal((3, points))
    np.testing.assert_allclose(grams.combine(coefficients, y.T.copy()), coefficients @ y.T, atol=1e-12 * features)


def test_tensors_on_a_device_have_the_same_grams():
    torch = pytest.importorskip("torch")
    rng = np.random.default_rng(0)
    x = (rng.standard_normal((9000, 12)) + 3).astype(np.float32)
    means, gram = grams.mean_and_gram(x, "x")
    directions = rng.standard_normal((2, 9000))
    tensor = torch.from_numpy(x)  # the same path that a GPU's tensors take
    assert grams.is_tensor(tensor)
    device_means, device_gram = grams.mean_and_gram(tensor, "x")
    np.testing.assert_allclose(device_means, means, rtol=1e-12)
    np.testing.assert_allclose(device_gram, gram, rtol=1e-10, atol=1e-8)
    np.testing.assert_allclose(
        grams.products(tensor, means, directions), grams.products(x, means, directions), atol=1e-8
    )


MEMORY = """
import resource, numpy as np
from mfta.geometry import analyze
rng = np.random.default_rng(0)
analyze(rng.standard_normal((6, 30, 8), dtype=np.float32))
x = np.empty((40 * 50, 65536), np.float32)
for row in x:
    row[:] = rng.standard_normal(65536, dtype=np.float32)
peak = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
before = peak()
analyze(x.reshape(40, 50, 65536).transpose(0, 2, 1), n_draws=20).check()
print(peak() - before)
"""


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="ru_maxrss is in other units elsewhere")
def test_a_wide_layer_is_not_copied():
    out = subprocess.run([sys.executable, "-c", MEMORY], capture_output=True, text=True, check=True)
    assert float(out.stdout) < 200  # MB above an input of 500 MB; it grows as the number of manifolds
