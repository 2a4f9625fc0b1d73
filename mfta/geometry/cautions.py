"""Where the theory of `analyze` does not hold, said as a warning: it makes no number, and none is changed."""

import warnings
from collections.abc import Callable

import numpy as np
from scipy.special import betaincinv

from .errors import GeometryError
from .separation import separable

# Cosines beyond leave theory 10 % and more from simulation (`benchmarks/capacity.py`): of opposite centers, and of
# similar ones that come in twos, as what larger groups share is found and removed.
CLOSE = 0.6
BY_CHANCE = 0.01  # of random centers so many at most may have an opposite one
FEWEST, SHARE = 6, 0.5  # centers that must have one: of ten classes of trained digits five were seen to
AWAY, LEAST = 1.3, 1.15  # times the features that theory needs: with these most dichotomies are to be separable
MAJORITY = 5  # of up to nine dichotomies; where theory is right, few in a hundred contradict it by chance
WORK = 3e7  # points × features² beyond which it would take more than tenths of a second


def of_capacity(
    capacity: float,
    centers: tuple[np.ndarray, ...],
    counts: np.ndarray,
    features: int,
    random_features: Callable[[np.ndarray], np.ndarray],
    seed: int,
    cross_check: bool,
) -> None:
    """Warn where centers come in pairs, and else where a few dichotomies of few manifolds contradict the capacity.

    centers: their Gram matrices (P, P), before removal and after it, as removal from few can make pairs by itself.
    counts: points of each. random_features: (K, N) to the points' inner products with its rows (all points, K).
    """
    if _of_pairs(*centers) or not cross_check:
        return
    p, owner = len(counts), np.repeat(np.arange(len(counts)), counts)
    n = min(int(np.ceil(AWAY * p / capacity)), features)
    if p == 2 or n < LEAST * p / capacity or len(owner) * n * max(n, features / 100) > WORK:
        return
    rng, separated = np.random.default_rng([seed, *b"cautions"]), [0, 0]
    # Of many features the dichotomies share twice as many random ones as each takes, whose span is as random as any.
    wide = random_features(rng.standard_normal((2 * n, features)) if 2 * n < features else np.eye(features))
    while max(separated) < MAJORITY:
        points = (wide @ rng.standard_normal((wide.shape[1], n))).T * rng.choice([-1.0, 1.0], p)[owner]
        try:
            separated[separable(points)] += 1
        except GeometryError:  # of nearly repeated points, which theory bears
            return
    if separated[False] == MAJORITY:
        warnings.warn(
            f"a capacity of {capacity:.2g} seems a quarter or more too high: {p} manifolds would need"
            f" {p / capacity:.0f} features, but with {n} random ones {MAJORITY} of {sum(separated)} dichotomies are"
            " not separable; compare with simulated_capacity and effective_geometry(..., 'random')",
            stacklevel=3,
        )


def _of_pairs(*center_grams: np.ndarray) -> bool:
    """Warn where half of the centers or more come in pairs, opposite or similar, in all their Gram matrices."""
    paired = np.all([_paired(gram) for gram in center_grams], axis=0)
    found = bool(paired.sum() >= max(min(FEWEST, len(paired) - 2), SHARE * len(paired)))
    if found:
        warnings.warn(
            f"{paired.sum()} of {len(paired)} manifolds have one whose center is opposite to theirs, or much like it;"
            " the theory knows no such pairs and can be 10 to 80 % too high: subtract the mean of all points and"
            " compare with effective_geometry(..., 'random')",
            stacklevel=4,
        )
    return found


def _paired(gram: np.ndarray) -> np.ndarray:
    """Which centers (P,) have an opposite one, or a single similar one, beyond chance: of as many random centers in
    as many dimensions as give the median squared cosine, `BY_CHANCE` have one."""
    p = len(gram)
    norms = np.sqrt(np.diag(gram))
    cosines = gram / norms[:, None] / norms[None, :]
    typical = np.median(np.square(cosines[~np.eye(p, dtype=bool)]))
    # The median of a squared cosine is about .455 over the dimensions; of exact pairs it can be zero.
    dimensions = max(0.455 / max(float(typical), 1e-9), 2.0)
    chance = np.sqrt(betaincinv(0.5, (dimensions - 1.0) / 2.0, 1.0 - 2.0 * BY_CHANCE / (p - 1)))
    close = max(CLOSE, float(chance))
    similar = (cosines > close).sum(0) == 2  # itself and one other
    return np.asarray(((cosines.min(0) < -close) | similar) & (p > 2))
