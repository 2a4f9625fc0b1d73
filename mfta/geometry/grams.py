"""Gram matrices of a layer of any width, in one pass over features and without a copy of the input.

Features are taken in blocks: each block of a manifold is centered, turned to points × features and
multiplied with itself while it lies in cache. Everything is summed in float64 and in an order that depends
on nothing but the input, so results are the same bit for bit whatever the number of threads; a BLAS does
not promise that, and its threads would multiply with ours.
"""

from typing import Any

import numpy as np

from .blocks import FAST, add_products, corner, kernel, padded
from .errors import GeometryError
from .inputs import is_tensor

BLOCK = 512  # features; 50 points then take 200 kB, which a second-level cache holds
TENSOR_BLOCK = 8192


@kernel(fastmath=FAST)
def _fill(x, points_first, start, panel, means, find_means):  # type: ignore[no-untyped-def]
    """panel (≥ M, block) := features start, start + 1, … of x, less their means (M terms each)."""
    block = panel.shape[1]
    stop = min(start + block, means.shape[0])
    width = stop - start
    if points_first:
        m = x.shape[0]
        if find_means:
            for k in range(width):
                means[start + k] = 0.0
            for i in range(m):
                for k in range(width):
                    means[start + k] += x[i, start + k]
            for k in range(width):
                means[start + k] /= m
        for i in range(m):
            for k in range(width):
                panel[i, k] = x[i, start + k] - means[start + k]
    else:
        m = x.shape[1]
        if find_means:
            for k in range(width):
                total = 0.0
                for i in range(m):
                    total += x[start + k, i]
                means[start + k] = total / m
        for k0 in range(0, width, 8):  # tiles, so that the turn to points × features stays in the nearest cache
            k1 = min(k0 + 8, width)
            for i in range(m):
                for k in range(k0, k1):
                    panel[i, k] = x[start + k, i] - means[start + k]
    if width < block:
        for i in range(panel.shape[0]):
            for k in range(width, block):
                panel[i, k] = 0.0


@kernel()
def _centered_gram(x, points_first, means, find_means):  # type: ignore[no-untyped-def]
    m = x.shape[0] if points_first else x.shape[1]
    panel = padded(m, BLOCK)
    total = padded(m, panel.shape[0])
    for start in range(0, means.shape[0], BLOCK):
        _fill(x, points_first, start, panel, means, find_means)
        add_products(panel, panel, np.bool_(True), total)
    gram = np.empty((m, m))
    for i in range(m):
        for j in range(i + 1):
            gram[i, j] = gram[j, i] = total[i, j]
    return gram


@kernel()
def _centered_products(x, points_first, means, directions):  # type: ignore[no-untyped-def]
    m = x.shape[0] if points_first else x.shape[1]
    k = directions.shape[0]
    nothing = np.zeros(means.shape[0])
    panel, other = padded(m, BLOCK), padded(k, BLOCK)
    total = padded(m, other.shape[0])
    for start in range(0, means.shape[0], BLOCK):
        _fill(x, points_first, start, panel, means, np.bool_(False))
        _fill(directions, np.bool_(True), start, other, nothing, np.bool_(False))
        add_products(panel, other, np.bool_(False), total)
    return corner(total, m, k)


def _readable(x: np.ndarray) -> tuple[np.ndarray, bool]:
    """x (N, M) as a C-contiguous float32 or float64 array, and whether its points come first.

    Free for both contiguous layouts; other strides and types cost a copy of this one manifold.
    """
    if x.dtype not in (np.float32, np.float64) or not x.dtype.isnative:
        x = x.astype(np.float32 if x.dtype.kind == "f" and x.dtype.itemsize <= 4 else np.float64)
    points_first = x.T.flags.c_contiguous
    view = (x.T if points_first else np.ascontiguousarray(x)).view()
    view.flags.writeable = False  # numba compiles anew for read-only arrays; here all are
    return view, points_first


def mean_and_gram(x: Any, name: str) -> tuple[np.ndarray, np.ndarray]:
    """Mean over points (N,) and Gram matrix of the centered points (M, M), float64, of one manifold x (N, M)."""
    if is_tensor(x):
        means, gram = _tensor_mean_and_gram(x)
    else:
        values, points_first = _readable(x)
        means = np.empty(x.shape[0])
        gram = _centered_gram(values, points_first, means, True)
    if not np.isfinite(gram).all():
        finite = bool(x.double().isfinite().all()) if is_tensor(x) else bool(np.isfinite(x).all())
        if not finite:
            raise GeometryError(f"{name} holds NaN or infinity; remove those points or see what made them")
        gram[:] = np.inf  # too large to square
    return means, gram


def gram_of_rows(rows: np.ndarray) -> np.ndarray:
    """rows rowsᵀ for a float64 array (P, N), not centered."""
    values, points_first = _readable(rows.T)
    return np.asarray(_centered_gram(values, points_first, np.zeros(rows.shape[1]), False))


@kernel(fastmath=FAST)
def combine(coefficients: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """coefficients (K, P) times rows (P, N), summed in a fixed order."""
    out = np.zeros((coefficients.shape[0], rows.shape[1]))
    for start in range(0, rows.shape[1], BLOCK):
        stop = min(start + BLOCK, rows.shape[1])
        for k in range(coefficients.shape[0]):
            for p in range(rows.shape[0]):
                c = coefficients[k, p]
                for i in range(start, stop):
                    out[k, i] += c * rows[p, i]
    return out


def products(x: Any, means: np.ndarray, directions: np.ndarray) -> np.ndarray:
    """Inner products (M, K) of the centered points of x (N, M) with the rows of directions (K, N)."""
    if is_tensor(x):
        return _tensor_products(x, means, directions)
    values, points_first = _readable(x)
    return np.asarray(_centered_products(values, points_first, means, _readable(directions.T)[0]))


def _tensor_mean_and_gram(x: Any) -> tuple[np.ndarray, np.ndarray]:
    means, gram = [], 0.0
    for start in range(0, x.shape[0], TENSOR_BLOCK):
        block = x[start : start + TENSOR_BLOCK].double()
        mean = block.mean(1)
        block = block - mean[:, None]
        gram = gram + block.T @ block
        means.append(mean.cpu().numpy())
    return np.concatenate(means), gram.cpu().numpy()  # type: ignore[attr-defined]


def _tensor_products(x: Any, means: np.ndarray, directions: np.ndarray) -> np.ndarray:
    total = 0.0
    for start in range(0, x.shape[0], TENSOR_BLOCK):
        rows = slice(start, start + TENSOR_BLOCK)
        block = x[rows].double()
        mean, other = (block.new_tensor(np.ascontiguousarray(v)) for v in (means[rows], directions[:, rows]))
        total = total + (block - mean[:, None]).T @ other.T
    return np.asarray(total.cpu().numpy())  # type: ignore[attr-defined]
