"""The search for the directions that manifolds' centres share.

With V (K, r) orthonormal rows and C (P, r) the centres, Q = CCᵀ − (CVᵀ)(CVᵀ)ᵀ is what removal leaves. V
minimises

    f(V) = Σ_μν Q_μν² / (Q_μμ Q_νν),

which depends on the span of V alone, so the search runs over subspaces: quasi-Newton steps (L-BFGS) in the
tangent space, each followed by orthonormalisation. The gradient is analytic: with W = 2Q/(qqᵀ) off the
diagonal, q the diagonal of Q, and W_μμ = −(2/q_μ) Σ_{ν≠μ} Q_μν²/(q_μ q_ν), df/dV = −2 (CVᵀ)ᵀ W C.
"""

import math
from collections import deque
from collections.abc import Sequence

import numpy as np

from .blocks import FAST, add_products, corner, inner_products, kernel, padded
from .grams import combine

MEMORY = 6  # pairs of steps kept
STEPS = 20  # for each rank that is tried; the next one goes on from there
ROUNDS, POLISH = 3, 60  # for the rank taken; each round takes its scales anew
FEWER = ((500, 10), (5000, 3), (math.inf, 1))  # up to this rank times centres, so many starts
POWER = 8  # iterations towards the direction that the centres left share most; it only starts a descent
TOLERANCE = 1e-10  # relative change of f; three smaller ones in a row end a descent
VANISHED = 1e-14  # squared norm of a centre, relative to before, below which no direction is left


@kernel(fastmath=FAST)
def _dot(a, b):  # type: ignore[no-untyped-def]
    total = 0.0
    for i in range(a.shape[0]):
        for j in range(a.shape[1]):
            total += a[i, j] * b[i, j]
    return total


@kernel(fastmath=FAST)
def _add(a, scale, b):  # type: ignore[no-untyped-def]
    """a += scale·b."""
    for i in range(a.shape[0]):
        for j in range(a.shape[1]):
            a[i, j] += scale * b[i, j]


@kernel(fastmath=FAST)
def _subtract_along(row, direction):  # type: ignore[no-untyped-def]
    """row −= (row·direction) direction."""
    total = 0.0
    for j in range(row.shape[0]):
        total += row[j] * direction[j]
    for j in range(row.shape[0]):
        row[j] -= total * direction[j]


@kernel(fastmath=FAST)
def left_over(centers: np.ndarray, directions: np.ndarray) -> np.ndarray:
    """The part (P, r) of the centres (P, r) orthogonal to the orthonormal rows of directions (K, r)."""
    rest = corner(centers, centers.shape[0], centers.shape[1])
    for _ in range(2):  # twice: what rounding leaves the first time may be large beside a small rest
        for mu in range(rest.shape[0]):
            for k in range(directions.shape[0]):
                _subtract_along(rest[mu], directions[k])
    return rest


@kernel(fastmath=FAST)
def _objective(gram, centers, transposed, V, k, gradient):  # type: ignore[no-untyped-def]
    """f(V); its gradient on subspaces goes to `gradient` (≥ K, r)."""
    p, r = gram.shape[0], V.shape[1]
    weights = padded(p, p)
    along = padded(p, V.shape[0])
    add_products(centers, V, np.bool_(False), along)
    removed = padded(p, centers.shape[0])
    add_products(along, along, np.bool_(True), removed)
    inverse = np.zeros(p)
    for mu in range(p):
        inverse[mu] = 1.0 / max(gram[mu, mu] - removed[mu, mu], VANISHED * gram[mu, mu])
    value = float(p)
    for mu in range(p):
        for nu in range(mu):
            q = gram[mu, nu] - removed[mu, nu]
            w = q * inverse[mu] * inverse[nu]
            value += 2.0 * q * w
            weights[mu, mu] += q * w
            weights[nu, nu] += q * w
            weights[mu, nu] = weights[nu, mu] = 2.0 * w
    for mu in range(p):
        weights[mu, mu] *= -2.0 * inverse[mu]
    pulled = padded(V.shape[0], weights.shape[0])
    turned = np.zeros((along.shape[1], p))
    for i in range(along.shape[1]):
        for mu in range(p):
            turned[i, mu] = along[mu, i]
    add_products(turned, weights, np.bool_(False), pulled)
    wide = padded(V.shape[0], transposed.shape[0])
    add_products(corner(pulled, V.shape[0], weights.shape[0]), transposed, np.bool_(False), wide)
    for i in range(k):
        for j in range(r):
            gradient[i, j] = -2.0 * wide[i, j]
    _make_tangent(V, k, gradient)
    return value


@kernel(fastmath=FAST)
def _make_tangent(V, k, x):  # type: ignore[no-untyped-def]
    overlap = np.zeros((V.shape[0], V.shape[0]))
    add_products(x, V, np.bool_(False), overlap)
    for i in range(k):
        for j in range(k):
            for c in range(V.shape[1]):
                x[i, c] -= overlap[i, j] * V[j, c]


@kernel(fastmath=FAST)
def _orthonormalise(V, k):  # type: ignore[no-untyped-def]
    for i in range(k):
        for j in range(i):
            _subtract_along(V[i], V[j])
        total = 0.0
        for c in range(V.shape[1]):
            total += V[i, c] ** 2
        for c in range(V.shape[1]):
            V[i, c] /= np.sqrt(total)


def _newton_direction(
    gradient: np.ndarray, pairs: Sequence[tuple[np.ndarray, np.ndarray, float]], scales: np.ndarray
) -> np.ndarray:
    """The inverse Hessian of L-BFGS times the gradient; pairs: moves, changes of the gradient, their
    products."""
    direction = gradient.copy()
    parts = []
    for move, change, product in reversed(pairs):
        parts.append(_dot(move, direction) / product)
        _add(direction, -parts[-1], change)
    direction *= scales
    if pairs:
        _, change, product = pairs[-1]
        direction *= product / _dot(change, change * scales)
    for (move, change, product), part in zip(pairs, reversed(parts), strict=True):
        _add(direction, part - _dot(change, direction) / product, move)
    return direction


class Search:
    """Minimises f over subspaces of one set of centres (P, r)."""

    def __init__(self, gram: np.ndarray, centers: np.ndarray) -> None:
        """Centres (P, r) and their Gram matrix (P, P)."""
        p, r = centers.shape
        self.gram = gram
        self.centers = padded(p, r)
        self.centers[:p] = centers
        self.transposed = padded(r, len(self.centers))
        self.transposed[:r] = self.centers.T
        self.coordinates = np.ascontiguousarray(centers.T)

    def descend(self, start: np.ndarray, steps: int) -> tuple[np.ndarray, float]:
        """The subspace (k, r) reached from `start`, and its f.

        f curves by about 2(m_i − m_j) when the i-th direction of V turns to direction j outside, m the
        eigenvalues of CᵀWC as for principal components. They span orders of magnitude, and scaling by them
        saves most steps.
        """
        k = len(start)
        V = padded(*start.shape)
        V[:k] = start
        _orthonormalise(V, k)
        outside, inside = self._curvature(V[:k])
        m, turn = np.linalg.eigh(inside)
        V[:k] = combine(np.ascontiguousarray(turn.T), V[:k])
        _orthonormalise(V, k)
        least = 0.2 * np.abs(m)[:, None] + 1e-3 * np.abs(m).max()
        scales = np.zeros(V.shape)
        scales[:k] = 0.5 / np.maximum(m[:, None] - outside[None, :], least)
        return self._descend(V, k, scales, steps)

    def _descend(self, V: np.ndarray, k: int, scales: np.ndarray, steps: int) -> tuple[np.ndarray, float]:
        """L-BFGS over subspaces from V (≥ k, r); scales: of its shape, the first inverse Hessian."""
        pairs: deque[tuple[np.ndarray, np.ndarray, float]] = deque(maxlen=MEMORY)
        value, gradient = self._objective(V, k)
        small = 0
        for _ in range(steps):
            direction = _newton_direction(gradient, pairs, scales)
            _make_tangent(V, k, direction)
            steepest = _dot(gradient, gradient)
            slope = -_dot(gradient, direction)
            if not slope < -1e-10 * steepest:
                direction, slope = gradient, -steepest
                pairs.clear()
            length = math.sqrt(_dot(direction, direction))
            if not length > 0.0:
                break
            step = min(1.0, (1.5 if pairs else 0.3) / length)
            for _ in range(25):
                trial = V.copy()
                _add(trial, -step, direction)
                _orthonormalise(trial, k)
                new, new_gradient = self._objective(trial, k)
                if new <= value + 1e-4 * step * slope:
                    break
                step *= min(0.5, max(0.1, -0.5 * slope * step / (new - value - slope * step)))
            if not new < value:
                break
            move, change = trial - V, new_gradient - gradient
            product = _dot(move, change)
            if product > 1e-12 * _dot(move, move):
                pairs.append((move, change, product))
            small = small + 1 if value - new <= TOLERANCE * value else 0
            V, gradient, value = trial, new_gradient, new
            if small >= 3:
                break
        return V[:k].copy(), value

    def _objective(self, V: np.ndarray, k: int) -> tuple[float, np.ndarray]:
        gradient = np.zeros(V.shape)
        return _objective(self.gram, self.centers, self.transposed, V, k, gradient), gradient

    def _curvature(self, V: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The diagonal of CᵀWC (r,), and its part within V, V CᵀWC Vᵀ (k, k)."""
        along = inner_products(self.centers[: len(self.gram)], V)
        q = self.gram - inner_products(along, along)
        inverse = 1.0 / np.maximum(np.diag(q), VANISHED * np.diag(self.gram))
        weights = q * inverse[:, None] * inverse[None, :]
        np.fill_diagonal(weights, 0.0)
        np.fill_diagonal(weights, -(weights * q).sum(1) * inverse)
        weights *= 2.0
        outside = (inner_products(self.coordinates, weights) * self.coordinates).sum(1)
        turned = np.ascontiguousarray(along.T)
        return outside, inner_products(inner_products(turned, weights), turned)

    def norms(self, V: np.ndarray) -> np.ndarray:
        """Norms (P,) of the centres without their parts along V (k, r), over those before."""
        rest = left_over(self.centers[: len(self.gram)], V)
        return np.asarray(np.sqrt(np.square(rest).sum(1) / np.diag(self.gram)))

    def next_rank(self, previous: np.ndarray, rng: np.random.Generator, starts: int) -> np.ndarray:
        """One direction more than `previous` (k − 1, r), and all k then turned together.

        The first start adds the direction that the centres left share most, the others a random mixture of
        centres; of what they reach, that which leaves the smallest centre norm largest.
        """
        size = (len(previous) + 1) * len(self.gram)
        starts = min(starts, next(most for limit, most in FEWER if size <= limit))
        added = [self._shared(previous, rng)]
        for _ in range(starts - 1):
            mixture = rng.standard_normal((1, len(self.gram)))
            added.append(inner_products(mixture, self.coordinates))
        found = [self.descend(np.vstack([previous, more]), STEPS)[0] for more in added]
        return max(found, key=lambda reached: float(self.norms(reached).min()))

    def polish(self, V: np.ndarray) -> np.ndarray:
        """V (k, r) led to convergence."""
        for _ in range(ROUNDS):
            V, _ = self.descend(V, POLISH)
        return V

    def _shared(self, V: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """About the first principal direction (1, r) of what V leaves of the centres, each of unit length."""
        rest = left_over(self.centers[: len(self.gram)], V)
        rest /= np.sqrt(np.square(rest).sum(1, keepdims=True))
        direction = rng.standard_normal((1, rest.shape[1]))
        for _ in range(POWER):
            direction = combine(combine(direction, np.ascontiguousarray(rest.T)), rest)
            direction /= np.sqrt(np.square(direction).sum())
        return direction
