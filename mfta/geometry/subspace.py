"""The search for the directions that manifolds' centers share.

With V (K, r) orthonormal rows and C (P, r) the centers, each of length one, Q = CCᵀ − (CVᵀ)(CVᵀ)ᵀ is what removal
leaves. V minimises

    f(V) = Σ_μν Q_μν² / (Q_μμ Q_νν),

which depends on the span of V and the directions of the centers alone, so the search runs over subspaces:
quasi-Newton steps (L-BFGS) in the tangent space, each followed by orthonormalisation. The gradient is analytic:
with W = 2Q/(qqᵀ) off the diagonal, q the diagonal of Q, and W_μμ = −(2/q_μ) Σ_{ν≠μ} Q_μν²/(q_μ q_ν), df/dV = −2
(CVᵀ)ᵀ W C.
"""

import math
from collections.abc import Callable

import numpy as np

from .blocks import FAST, inner_products, kernel, padded
from .descent import VANISHED, descend, left_over, orthonormalise
from .grams import combine

STEPS = 20  # for each rank that is tried, the next one going on from there
MANY, FEW_STEPS, STEPS_TOGETHER = 200, 10, 25  # beyond so many centers: for one direction more, and for several
ROUNDS, POLISH = 3, 60  # for the rank taken; each round takes its scales anew; one round beyond MANY centers
FEWER = ((500, 10), (5000, 3), (math.inf, 1))  # up to this rank times centers, so many starts
POWER = 8  # iterations towards the direction that the centers left share most; it only starts a descent
DIGITS = 2.0**30  # centers are rounded to this: rounding of the data must not choose between minima


@kernel(fastmath=FAST)
def _shared(rest, direction):  # type: ignore[no-untyped-def]
    """direction (r,) := about the first principal direction of the rows of rest, each taken of unit length."""
    inverse = np.zeros(rest.shape[0])
    for mu in range(rest.shape[0]):
        for j in range(rest.shape[1]):
            inverse[mu] += rest[mu, j] ** 2
        inverse[mu] = 1.0 / inverse[mu]
    for _ in range(POWER):
        new, square = np.zeros_like(direction), 0.0
        for mu in range(rest.shape[0]):
            total = 0.0
            for j in range(rest.shape[1]):
                total += rest[mu, j] * direction[j]
            for j in range(rest.shape[1]):
                new[j] += total * inverse[mu] * rest[mu, j]
        for j in range(rest.shape[1]):
            square += new[j] ** 2
        for j in range(rest.shape[1]):
            direction[j] = new[j] / np.sqrt(square)


class Search:
    """Minimises f over subspaces of one set of centers (P, r)."""

    def __init__(self, centers: np.ndarray, each: Callable = map) -> None:
        """Centers (P, r) in coordinates of their span; each: map, or what maps on several threads."""
        p, r = centers.shape
        self.each = each
        self.centers = padded(p, r)
        self.centers[:p] = np.round(centers / np.sqrt(np.square(centers).sum(1, keepdims=True)) * DIGITS) / DIGITS
        self.transposed = padded(r, len(self.centers))
        self.transposed[:r] = self.centers.T
        self.gram = inner_products(self.centers[:p], self.centers[:p])

    def descend(self, start: np.ndarray, steps: int) -> tuple[np.ndarray, float]:
        """The subspace (k, r) reached from `start`, and its f.

        f curves by about 2(m_i − m_j) when the i-th direction of V turns to direction j outside, m the eigenvalues of
        CᵀWC as for principal components. They span orders of magnitude, and scaling by them saves most steps.
        """
        k = len(start)
        V = padded(*start.shape)
        V[:k] = start
        orthonormalise(V, k)
        outside, inside = self._curvature(V[:k])
        m, turn = np.linalg.eigh(inside)
        V[:k] = combine(np.ascontiguousarray(turn.T), V[:k])
        orthonormalise(V, k)
        least = 0.2 * np.abs(m)[:, None] + 1e-3 * np.abs(m).max()
        scales = np.zeros(V.shape)
        scales[:k] = 0.5 / np.maximum(m[:, None] - outside[None, :], least)
        value = descend(self.gram, self.centers, self.transposed, V, k, scales, steps)
        return V[:k].copy(), value

    def _curvature(self, V: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The diagonal of CᵀWC (r,), and its part within V, V CᵀWC Vᵀ (k, k)."""
        along = inner_products(self.centers[: len(self.gram)], V)
        q = self.gram - inner_products(along, along)
        inverse = 1.0 / np.maximum(np.diag(q), VANISHED)
        weights = q * inverse[:, None] * inverse[None, :]
        np.fill_diagonal(weights, 0.0)
        np.fill_diagonal(weights, -(weights * q).sum(1) * inverse)
        weights *= 2.0
        rows = self.transposed[: V.shape[1], : len(self.gram)]
        outside = (inner_products(rows, weights) * rows).sum(1)
        turned = np.ascontiguousarray(along.T)
        return outside, inner_products(inner_products(turned, weights), turned)

    def cosines(self, V: np.ndarray) -> float:
        """Mean |cosine| over pairs of centers without their parts along V (k, r)."""
        along = inner_products(self.centers[: len(self.gram)], V)
        q = np.abs(self.gram - inner_products(along, along))
        inverse = 1.0 / np.sqrt(np.maximum(np.diag(q), VANISHED))
        p = len(q)
        return float(((q * inverse[:, None] * inverse[None, :]).sum() - p) / (p * (p - 1)))

    def norms(self, V: np.ndarray) -> np.ndarray:
        """Norms (P,) of the centers without their parts along V (k, r), over those before."""
        along = inner_products(self.centers[: len(self.gram)], V)
        return np.asarray(np.sqrt(np.maximum(np.diag(self.gram) - np.square(along).sum(1), 0.0)))

    def next_rank(self, previous: np.ndarray, rng: np.random.Generator, starts: int, more: int = 1) -> np.ndarray:
        """One direction more than `previous` (k − 1, r), or so many `more`, and all then turned together.

        The first start adds the direction that the centers left share most, the others a random mixture of
        centers; of what they reach, that which leaves the smallest center norm largest. Of several more, all but the
        last are for every start what the centers left share most, one after the other.
        """
        p = len(self.gram)
        starts = min(starts, next(most for limit, most in FEWER if (len(previous) + more) * p <= limit))
        direction = rng.standard_normal(self.centers.shape[1])
        rest = left_over(self.centers[:p], previous)
        _shared(rest, direction)
        for _ in range(more - 1):
            previous, rest = np.vstack([previous, direction]), left_over(rest, direction[None])
            direction = rng.standard_normal(len(direction))
            _shared(rest, direction)
        mixtures = combine(rng.standard_normal((starts - 1, p)), self.centers[:p])
        steps = STEPS if p <= MANY else FEW_STEPS if more == 1 else STEPS_TOGETHER
        found = self.each(lambda last: self.descend(np.vstack([previous, last]), steps)[0], [direction, *mixtures])
        return max(found, key=lambda reached: float(self.norms(reached).min()))

    def polish(self, V: np.ndarray) -> np.ndarray:
        """V (k, r) led to convergence."""
        for _ in range(ROUNDS if len(self.gram) <= MANY else 1):
            V, _ = self.descend(V, POLISH)
        return V
