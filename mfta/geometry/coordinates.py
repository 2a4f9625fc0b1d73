"""Points in a basis of their own span, and what draws in that basis see of them."""

import numpy as np

from .blocks import FAST, add_products, corner, kernel, padded, put


def rank_floor(gram: np.ndarray, rounding: float = 0.0) -> float:
    """The squared length below which a direction of points with Gram matrix (M, M) is taken for rounding.

    rounding: what the numbers' own type makes of it, squared, where that is more.
    """
    return len(gram) * max(2.0**-52 * float(np.diag(gram).max()), rounding)


@kernel(fastmath=FAST)
def pivoted_cholesky(gram: np.ndarray, tolerance: float) -> tuple[np.ndarray, np.ndarray]:
    """Coordinates (M, D) of M points in a basis of their span, D their rank, from their Gram matrix (M, M).

    Directions whose squared length falls below `tolerance` are left out. The second array names the D
    points, in order, on which the basis is built: their rows of the coordinates are triangular.
    """
    m = gram.shape[0]
    coordinates = np.zeros((m, m))
    pivots = np.zeros(m, np.int64)
    left = np.empty(m)
    for i in range(m):
        left[i] = gram[i, i]
    rank = 0
    while rank < m:
        pivot = int(np.argmax(left))
        for i in range(pivot):
            # The last two points of a centered manifold tie exactly. The first of a tie is taken, or rounding would
            # choose the basis, and with it the meaning of a draw.
            if left[i] >= left[pivot] * (1.0 - 1e-6):
                pivot = i
                break
        if not left[pivot] > tolerance:
            break
        scale = 1.0 / np.sqrt(left[pivot])
        for i in range(m):
            if left[i] > 0.0:
                value = gram[i, pivot]
                for k in range(rank):
                    value -= coordinates[i, k] * coordinates[pivot, k]
                coordinates[i, rank] = value * scale
        for i in range(m):
            left[i] -= coordinates[i, rank] ** 2
        left[pivot] = -1.0
        pivots[rank] = pivot
        rank += 1
    return corner(coordinates, m, rank), pivots[:rank]


@kernel(fastmath=FAST)
def gram_and_overlaps(coordinates: np.ndarray, draws: np.ndarray, kappa: float) -> tuple[np.ndarray, np.ndarray]:
    """G (M, M) and b (n, M) of points (M, D) and draws (n, D + 1), whose last column belongs to the center.

    G is formed anew from the coordinates, so that it is semidefinite to the last digit where the rank is deficient.
    """
    m, d = coordinates.shape
    n = draws.shape[0]
    points, normals = padded(m, d), padded(n, d)
    put(coordinates, points)
    put(draws, normals)
    gram, overlaps = padded(m, points.shape[0]), padded(n, points.shape[0])
    add_products(points, points, np.bool_(False), gram)
    add_products(normals, points, np.bool_(False), overlaps)
    for i in range(n):
        for j in range(m):
            overlaps[i, j] += draws[i, d] + kappa
    return corner(gram, m, m), corner(overlaps, n, m)
