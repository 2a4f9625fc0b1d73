"""Where the theory of `analyze` does not hold, said as a warning: it makes no number, and none is changed."""

import warnings

import numpy as np
from scipy.special import betaincinv

# Cosines beyond leave theory 10 % and more from simulation (`benchmarks/capacity.py`): of opposite centers, and of
# similar ones that come in twos, as what larger groups share is found and removed.
CLOSE = 0.6
BY_CHANCE = 0.01  # of random centers so many at most may have an opposite one
FEWEST, SHARE = 6, 0.5  # centers that must have one: of ten classes of trained digits five were seen to


def of_pairs(*center_grams: np.ndarray) -> None:
    """Warn where half of the centers or more come in pairs, opposite or similar, in all their Gram matrices (P, P).

    Given are those before removal and after it, as removal from few centers can make pairs by itself.
    """
    paired = np.all([_paired(gram) for gram in center_grams], axis=0)
    if paired.sum() >= max(min(FEWEST, len(paired) - 2), SHARE * len(paired)):
        warnings.warn(
            f"{paired.sum()} of {len(paired)} manifolds have one whose center is opposite to theirs, or much like it;"
            " the theory knows no such pairs and can be 10 to 80 % too high: subtract the mean of all points and"
            " compare with effective_geometry(..., 'random')",
            stacklevel=3,
        )


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
