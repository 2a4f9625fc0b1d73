"""The dimension of all data together, from the eigenvalues of their covariance."""

from typing import Any

import numpy as np

from .errors import GeometryError
from .inputs import Manifolds, as_views, is_tensor

BLOCK = 1024  # features


def spectrum(manifolds: Manifolds) -> np.ndarray:
    """Eigenvalues of the covariance of all points, largest first: min(N, all points) of them.

    manifolds: as for analyze; one is enough. The smaller of the two Gram matrices is formed, points ×
    points or features × features, from blocks of the input; it is what takes memory. Divisor: the number of
    points. Raises GeometryError as analyze does.
    """
    views = as_views(manifolds, fewest=1)
    total, features = sum(int(x.shape[1]) for x in views), int(views[0].shape[0])
    if total <= features:
        gram = np.zeros((total, total))
        for start in range(0, features, BLOCK):
            panel = np.concatenate([_host(x[start : start + BLOCK]) for x in views], axis=1)
            panel -= panel.mean(1, keepdims=True)
            gram += panel.T @ panel
    else:
        gram, sums = np.zeros((features, features)), np.zeros(features)
        shift = _host(views[0]).mean(1, keepdims=True)  # near enough to the mean to keep the sums accurate
        for x in views:
            panel = _host(x) - shift
            sums += panel.sum(1)
            gram += panel @ panel.T
        gram -= np.outer(sums, sums) / total
    if not np.isfinite(gram).all():
        raise GeometryError("the points hold NaN or infinity; remove those points or see what made them")
    return np.maximum(np.linalg.eigvalsh(gram)[::-1] / total, 0.0)


def participation_ratio(manifolds: Manifolds) -> float:
    """(Σλ)² / Σλ² over the covariance's eigenvalues: between 1 and min(N, points − 1); NaN if all points
    are equal.

    manifolds: as for analyze; one is enough.
    """
    values = spectrum(manifolds)
    return float(values.sum() ** 2 / np.square(values).sum()) if values.sum() > 0 else float("nan")


def explained_variance_dimension(manifolds: Manifolds, fraction: float = 0.9) -> int:
    """The least number of principal components that hold `fraction` (0 < fraction ≤ 1) of the variance.

    manifolds: as for analyze; one is enough. 0 if all points are equal.
    """
    if not 0.0 < fraction <= 1.0:
        raise GeometryError(f"fraction is {fraction!r}; expected a number above 0 and up to 1")
    values = spectrum(manifolds)
    held = np.cumsum(values)
    return int(np.searchsorted(held, fraction * held[-1] * (1.0 - 1e-12)) + 1) if held[-1] > 0 else 0


def _host(x: Any) -> np.ndarray:
    return np.asarray(x.double().cpu().numpy() if is_tensor(x) else x, dtype=float)
