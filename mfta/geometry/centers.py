"""Correlations of the manifolds' centres, and the few directions that carry them.

The capacity theory assumes centres in random directions. Real centres share a low-dimensional part; it is
found and projected away before anchors are taken (Cohen, Chung, Lee & Sompolinsky, Nat. Commun. 11:746,
2020, Methods).
"""

import numpy as np

from .blocks import inner_products
from .coordinates import pivoted_cholesky
from .subspace import VANISHED, Search, left_over


def correlation(center_gram: np.ndarray) -> float:
    """Mean |cosine| over pairs of centres from their Gram matrix (P, P)."""
    norms = np.sqrt(np.diag(center_gram))
    cosines = np.abs(center_gram / norms[:, None] / norms[None, :])
    p = len(norms)
    return float((cosines.sum() - np.trace(cosines)) / (p * (p - 1)))


def low_rank(center_gram: np.ndarray, tolerance: float) -> tuple[np.ndarray, np.ndarray]:
    """Which directions to remove from centres with Gram matrix (P, P).

    Ranks 1, 2, … are tried, each from the one before; the rank whose mean |cosine| of what is left is
    smallest is taken, and the search ends after three ranks in a row without improvement once past four. At
    least one direction of the centres' span is left, so two manifolds lose none.

    The starts are fixed, so that the answer depends on the centres alone.
    Returns coefficients (K, P), with which the rows of the centres combine to orthonormal directions, and
    the norm of each centre afterwards (P,).
    """
    p = center_gram.shape[0]
    centers, pivots = pivoted_cholesky(center_gram, tolerance)
    r = centers.shape[1]
    most = min(p - 2, r - 1)
    nothing = np.zeros((0, r))
    if most < 1:
        return np.zeros((0, p)), np.sqrt(np.diag(center_gram))
    search = Search(center_gram, centers)
    rng = np.random.default_rng([*b"centers"])
    V, best, best_score, worse = nothing, nothing, np.inf, 0
    for k in range(1, most + 1):
        V = search.next_rank(V, rng)
        rest = left_over(centers, V)
        if _vanished(rest, center_gram):
            break
        score = correlation(inner_products(rest, rest))
        worse = worse + 1 if score >= best_score else 0
        if score < best_score:
            best, best_score = V, score
        if worse >= 3 and k > 4:
            break
    if len(best):
        polished = search.polish(best, rng)
        if not _vanished(left_over(centers, polished), center_gram):
            best = polished
    coefficients = np.zeros((len(best), p))
    for j in range(r - 1, -1, -1):  # back substitution against the triangular rows of the pivots
        known = (coefficients[:, pivots[j + 1 :]] * centers[pivots[j + 1 :], j]).sum(1)
        coefficients[:, pivots[j]] = (best[:, j] - known) / centers[pivots[j], j]
    return coefficients, np.sqrt(np.square(left_over(centers, best)).sum(1))


def _vanished(rest: np.ndarray, center_gram: np.ndarray) -> bool:
    """Whether nothing but rounding is left of some centre."""
    return bool((np.square(rest).sum(1) <= VANISHED * np.diag(center_gram)).any())
