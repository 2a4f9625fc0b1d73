"""Correlations of the manifolds' centres, and the few directions that carry them.

The capacity theory assumes centres in random directions. Real centres share a low-dimensional part; it is
found and projected away before anchors are taken (Cohen, Chung, Lee & Sompolinsky, Nat. Commun. 11:746,
2020, Methods).
"""

import numpy as np

from .blocks import inner_products
from .coordinates import pivoted_cholesky
from .subspace import VANISHED, Search, left_over

FEWEST = 3  # so many manifolds, or fewer, lose nothing
STARTS = 10  # at each rank, as in the authors' code; fewer where the search is large
CERTAIN = 0.6  # chance has not been seen to leave less of the mean |cosine| than this
SETS, ENOUGH = 20, 100


def correlation(center_gram: np.ndarray) -> float:
    """Mean |cosine| over pairs of centres from their Gram matrix (P, P)."""
    norms = np.sqrt(np.diag(center_gram))
    cosines = np.abs(center_gram / norms[:, None] / norms[None, :])
    p = len(norms)
    return float((cosines.sum() - np.trace(cosines)) / (p * (p - 1)))


def low_rank(center_gram: np.ndarray, tolerance: float, authors: bool = False) -> tuple[np.ndarray, np.ndarray]:
    """Which directions to remove from centres, about their mean, with Gram matrix (P, P).

    The authors' rule: ranks 1, 2, … are tried, each from the one before, up to ten more than the directions
    that together hold less than 95 % of the centres' variance; of several minima at a rank the one is kept
    whose smallest centre norm, relative to before, is largest; the search ends after three ranks in a row
    that are each worse than the last, once past four; the rank with the smallest mean |cosine| is taken. At
    least one direction of the centres' span is left.

    Beyond the authors: the mean |cosine| must fall. Where more than 60 % of it is left, it must fall by more
    than chance (`chance`), and no centre may be made to vanish (`vanishes`); else nothing is removed. Three
    manifolds lose nothing, as any direction leaves their centres on a line. For four and five the rule was chosen
    on sets with one shared direction (.607 and .567 with removal, 1.065 and .950 without, .59 and .57 ± .03
    simulated); on other kinds of so few it is up to a third too high, and `benchmarks/capacity.py` shows it.

    authors: their rule alone, which always removes at least one direction.
    The starts are fixed, so that the answer depends on the centres alone.
    Returns coefficients (K, P), with which the rows of the centres combine to orthonormal directions, and
    the norm of each centre afterwards (P,).
    """
    p = center_gram.shape[0]
    before = np.sqrt(np.diag(center_gram))
    if p <= FEWEST and not authors:
        return np.zeros((0, p)), before
    centers, pivots = pivoted_cholesky(center_gram, tolerance)
    search = Search(center_gram, centers)
    best, score = _scan(search, center_gram, STARTS)
    start = correlation(center_gram)
    doubtful = score > CERTAIN * start and not authors
    if not len(best) or not (authors or score < start) or (doubtful and score >= chance(center_gram) * start):
        return np.zeros((0, p)), before
    polished = search.polish(best)
    if search.norms(polished).min() > 0.5 * search.norms(best).min():
        best = polished
    if doubtful and vanishes(search.norms(best)):
        return np.zeros((0, p)), before
    coefficients = np.zeros((len(best), p))
    for j in range(centers.shape[1] - 1, -1, -1):  # back substitution against the triangular rows of the pivots
        known = (coefficients[:, pivots[j + 1 :]] * centers[pivots[j + 1 :], j]).sum(1)
        coefficients[:, pivots[j]] = (best[:, j] - known) / centers[pivots[j], j]
    return coefficients, np.sqrt(np.square(left_over(centers, best)).sum(1))


def vanishes(norms: np.ndarray) -> bool:
    """Whether a centre was made to vanish, from norms (P,) after removal over those before: less than a tenth
    is left of it, and less than a tenth of what most keep. Where classes share nearly everything all keep
    little."""
    return bool(norms.min() < 0.1 * min(1.0, float(np.median(norms))))


def most_directions(center_gram: np.ndarray) -> int:
    """The largest rank that the authors' code tries: from the spectrum of the centres about their mean."""
    values = np.linalg.eigvalsh(center_gram)[::-1]
    held = np.cumsum(values) / values.sum()
    return max(int((held < 0.95).sum()) - 1, 0) + 11


def chance(center_gram: np.ndarray) -> float:
    """The share of its mean |cosine| that removal leaves of random centres: mean less one standard deviation.

    Random centres have independent normal coordinates, the norms of these P centres, and as many dimensions
    as give them the same mean squared cosine (one over it) or mean |cosine| (√(2/(π·dimensions))), whichever are
    more: a few opposite pairs must not pass for few dimensions. Twenty such sets are searched in the same way. From
    a hundred centres on the share depends on the dimensions per centre alone, so that never more are searched.
    """
    norms = np.sqrt(np.diag(center_gram))
    p = len(norms)
    squares = np.square(center_gram / norms[:, None] / norms[None, :])
    dimensions = max(p * (p - 1) / (squares.sum() - p), 2.0 / (np.pi * correlation(center_gram) ** 2))
    count = min(p, ENOUGH)
    size = max(2, round(dimensions * count / p))
    shares = []
    for k in range(SETS if p <= ENOUGH // 2 else SETS // 4):
        random = np.random.default_rng([*b"chance", k]).standard_normal((count, size))
        random *= (norms[:: p // count][:count] / np.sqrt(np.square(random).sum(1)))[:, None]
        random -= random.mean(0)
        gram = inner_products(random, random)
        coordinates, _ = pivoted_cholesky(gram, 1e-12 * float(np.diag(gram).max()))
        shares.append(_scan(Search(gram, coordinates), gram, 1)[1] / correlation(gram))
    return float(np.mean(shares) - np.std(shares, ddof=1))


def _scan(search: Search, center_gram: np.ndarray, starts: int) -> tuple[np.ndarray, float]:
    """The directions (K, r), K ≥ 1, with the smallest mean |cosine| over ranks, and that."""
    p, r = center_gram.shape[0], search.coordinates.shape[0]
    rng = np.random.default_rng([*b"centers"])
    V = best = np.zeros((0, r))
    scores: list[float] = []
    least = np.inf
    for k in range(1, min(p - 2, r - 1, most_directions(center_gram)) + 1):
        V = search.next_rank(V, rng, starts)
        if search.norms(V).min() <= VANISHED**0.5:
            break
        rest = left_over(search.centers[:p], V)
        scores.append(correlation(inner_products(rest, rest)))
        if scores[-1] < least:
            best, least = V, scores[-1]
        if k > 4 and scores[-1] > scores[-2] > scores[-3] > scores[-4]:
            break
    return best, least
