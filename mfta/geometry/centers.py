"""Correlations of the manifolds' centers, and the few directions that carry them.

The capacity theory assumes centers in random directions. Real centers share a low-dimensional part; it is found and
projected away before anchors are taken (Cohen, Chung, Lee & Sompolinsky, Nat. Commun. 11:746, 2020, Methods).
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from .coordinates import pivoted_cholesky
from .descent import VANISHED
from .subspace import MANY, Search

FEWEST = 6  # manifolds; of fewer it cannot be told what their centers share (`benchmarks/capacity.py`)
STARTS = 10  # at each rank, as in the authors' code; fewer where the search is large
SINGLY, TOGETHER = 8, 4  # beyond MANY centers directions are added one by one up to 8, then four at a time
CERTAIN = 0.6  # chance has not been seen to leave less of the mean |cosine| than this

RANDOM_CENTERS = (6, 8, 12, 20, 35, 60, 100)
DIMENSIONS_EACH = (0.15, 0.3, 0.5, 0.75, 0.9, 1.0, 1.2, 1.5, 2.5, 5.0)
RANDOM_SHARES = np.array(
    [
        (1, 1, 0.93, 0.76, 0.66, 0.68, 0.71, 0.81, 0.97, 1),  # 6
        (1, 1, 0.88, 0.74, 0.69, 0.71, 0.74, 0.79, 0.9, 1),  # 8
        (1, 0.98, 0.87, 0.77, 0.7, 0.71, 0.74, 0.79, 0.89, 1.0),  # 12
        (1, 0.98, 0.9, 0.82, 0.74, 0.73, 0.75, 0.81, 0.9, 0.99),  # 20
        (1, 0.98, 0.91, 0.84, 0.78, 0.76, 0.79, 0.81, 0.91, 0.98),  # 35
        (1, 0.98, 0.93, 0.86, 0.79, 0.76, 0.79, 0.83, 0.93, 0.99),  # 60
        (1, 0.98, 0.94, 0.86, 0.8, 0.77, 0.8, 0.84, 0.93, 1.0),  # 100
    ]
)
"""Shares that removal leaves of random centers (the tests make them), mean less one standard deviation over 20 to
200 sets, at most 1: a row a number of centers, a column a number of dimensions each. From 100 centers and 5
dimensions each on nothing changes."""


class Shared(NamedTuple):
    """What centers share."""

    coefficients: np.ndarray
    """(K, P): with them the rows of the centers combine to orthonormal directions."""
    curve: np.ndarray
    """Mean |cosine| by rank, from 0 (nothing removed) to the last tried; on straight lines where some are skipped."""


def correlation(center_gram: np.ndarray) -> float:
    """Mean |cosine| over pairs of centers from their Gram matrix (P, P)."""
    norms = np.sqrt(np.diag(center_gram))
    cosines = np.abs(center_gram / norms[:, None] / norms[None, :])
    p = len(norms)
    return float((cosines.sum() - np.trace(cosines)) / (p * (p - 1)))


def low_rank(
    center_gram: np.ndarray, tolerance: float, rank: int | None = None, authors: bool = False, each: Callable = map
) -> Shared:
    """Which directions to remove from centers, about their mean, with Gram matrix (P, P).

    The authors' rule: ranks 1, 2, … are tried, each from the one before, up to ten more than the directions that
    together hold less than 95 % of the centers' variance; of several minima at a rank the one is kept whose smallest
    center norm, relative to before, is largest; the search ends after three ranks in a row that are each worse than
    the last, once past four; the rank with the smallest mean |cosine| is taken. At least one direction of the
    centers' span is left. Of more than 200 centers only every fourth rank past the eighth is tried, for the sake of
    time, and the search ends after two of these in a row that are each worse than the last.

    Beyond the authors: the mean |cosine| must fall. Where more than 60 % of it is left, it must fall by more
    than chance (`chance`), and no center may be made to vanish (`vanishes`); else nothing is removed.

    rank: the one to take whatever the rule says, or the last that can be had. authors: their rule alone, which always
    removes at least one direction. The starts are fixed, so that the answer depends on the centers alone. each: map,
    or what maps on several threads.
    """
    p = center_gram.shape[0]
    start = correlation(center_gram)
    nothing = np.zeros((0, p))
    centers, pivots = pivoted_cholesky(center_gram, tolerance)
    search = Search(centers, each)
    found, scores = _scan(search, most_directions(center_gram), STARTS, rank)
    ranks = [0, *map(len, found)]
    curve = np.interp(np.arange(ranks[-1] + 1), ranks, [start, *scores])
    if not found:
        return Shared(nothing, curve)
    best = found[-1 if rank is not None else int(np.argmin(scores))]
    doubtful = min(scores) > CERTAIN * start and not authors and rank is None
    if rank is None and not authors and not min(scores) < (chance(center_gram) if doubtful else 1.0) * start:
        return Shared(nothing, curve)
    polished = search.polish(best)
    if search.norms(polished).min() > 0.5 * search.norms(best).min():
        best = polished
    if doubtful and vanishes(search.norms(best)):
        return Shared(nothing, curve)
    coefficients = np.zeros((len(best), p))
    for j in range(centers.shape[1] - 1, -1, -1):  # back substitution against the triangular rows of the pivots
        known = (coefficients[:, pivots[j + 1 :]] * centers[pivots[j + 1 :], j]).sum(1)
        coefficients[:, pivots[j]] = (best[:, j] - known) / centers[pivots[j], j]
    return Shared(coefficients, curve)


def vanishes(norms: np.ndarray) -> bool:
    """Whether a center was made to vanish, from norms (P,) after removal over those before: less than a tenth is left
    of it, and less than a tenth of what most keep. Where classes share nearly everything all keep little."""
    return bool(norms.min() < 0.1 * min(1.0, float(np.median(norms))))


def most_directions(center_gram: np.ndarray) -> int:
    """The largest rank that the authors' code tries: from the spectrum of the centers about their mean."""
    values = np.linalg.eigvalsh(center_gram)[::-1]
    held = np.cumsum(values) / values.sum()
    return max(int((held < 0.95).sum()) - 1, 0) + 11


def chance(center_gram: np.ndarray) -> float:
    """The share of its mean |cosine| that removal leaves of as many random centers: mean less one standard deviation.

    They have as many dimensions as give them the mean squared cosine of these (one over it) or the mean |cosine|
    (√(2/(π·dimensions))), whichever are more: a few opposite pairs must not pass for few dimensions.
    """
    norms = np.sqrt(np.diag(center_gram))
    p = len(norms)
    squares = np.square(center_gram / norms[:, None] / norms[None, :])
    dimensions = max(p * (p - 1) / (squares.sum() - p), 2.0 / (np.pi * correlation(center_gram) ** 2))
    at = np.log(dimensions / p)
    by_count = [np.interp(at, np.log(DIMENSIONS_EACH), row) for row in RANDOM_SHARES]
    return float(np.interp(np.log(p), np.log(RANDOM_CENTERS), by_count))


def _scan(search: Search, most: int, starts: int, rank: int | None = None) -> tuple[list[np.ndarray], list[float]]:
    """By rank from 1 on, of those tried, the directions (K, r) and the mean |cosine| that they leave."""
    p, r = len(search.gram), search.centers.shape[1]
    rng = np.random.default_rng([*b"centers"])
    found, scores = [np.zeros((0, r))], []
    last = min(p - 2, r - 1, most if rank is None else rank)
    while (k := len(found[-1])) < last:
        more = min(last - k, TOGETHER if p > MANY and k >= SINGLY else 1)
        V = search.next_rank(found[-1], rng, starts, more)
        if search.norms(V).min() <= VANISHED**0.5:
            break
        found.append(V)
        scores.append(search.cosines(V))
        if rank is None and k >= 4 and scores[-1] > scores[-2] > scores[-3] and (more > 1 or scores[-3] > scores[-4]):
            break
    return found[1:], scores
