"""Which manifolds are told from which: rows of signs, one a draw or a simulation."""

from typing import Any

import numpy as np

from .errors import GeometryError

Dichotomies = Any  # "balanced", "one-versus-rest", "random", or an array (K, P) or (P,) of −1 and 1


def signs(dichotomies: Dichotomies, manifolds: int, count: int, rng: np.random.Generator) -> np.ndarray:
    """`count` dichotomies of P manifolds: (count, P), of −1 and 1.

    "balanced": half of the manifolds, at random, are +1; of an odd number, (P ± 1)/2. "one-versus-rest": one is +1,
    each in turn from a random order. "random": fair coins. An array: its rows in turn.

    Raises GeometryError for another word, and for an array that is not (K, P) or holds other numbers.
    """
    p = manifolds
    if isinstance(dichotomies, str):
        if dichotomies == "random":
            return rng.choice([-1.0, 1.0], (count, p))
        if dichotomies == "one-versus-rest":
            return 2.0 * np.eye(p)[rng.permutation(p)[np.arange(count) % p]] - 1.0
        if dichotomies == "balanced":
            one = np.where(np.arange(p) < p // 2, 1.0, -1.0)
            rows = rng.permuted(np.tile(one, (count, 1)), axis=1)
            return rows * rng.choice([-1.0, 1.0], (count, 1)) if p % 2 else rows
    given = np.atleast_2d(np.asarray(dichotomies))
    if given.dtype.kind not in "fiu":
        raise GeometryError(
            f"dichotomies is {dichotomies!r:.60}; expected 'balanced', 'one-versus-rest', 'random' or rows of −1, 1 "
            "(effective_geometry takes 'pairwise' too)"
        )
    if given.ndim != 2 or given.shape[1] != p or not len(given) or not (np.abs(given) == 1).all():
        raise GeometryError(
            f"dichotomies has shape {np.shape(dichotomies)}; expected (K, {p}) of −1 and 1, a column a manifold "
            "(class labels go by name: labels=y)"
        )
    return given[np.arange(count) % len(given)].astype(float)
