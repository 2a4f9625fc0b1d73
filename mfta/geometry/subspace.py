"""The search for the directions that manifolds' centres share.

With V (K, r) orthonormal rows and C (P, r) the centres, each of length one, Q = CCᵀ − (CVᵀ)(CVᵀ)ᵀ is what removal
leaves. V minimises

    f(V) = Σ_μν Q_μν² / (Q_μμ Q_νν),

which depends on the span of V and the directions of the centres alone, so the search runs over subspaces:
quasi-Newton steps (L-BFGS) in the tangent space, each followed by orthonormalisation. The gradient is analytic:
with W = 2Q/(qqᵀ) off the diagonal, q the diagonal of Q, and W_μμ = −(2/q_μ) Σ_{ν≠μ} Q_μν²/(q_μ q_ν), df/dV = −2
(CVᵀ)ᵀ W C.
"""

import math
from collections.abc import Callable

import numpy as np

from .blocks import FAST, add_products, corner, inner_products, kernel, padded
from .grams import combine

MEMORY = 6  # pairs of steps kept
STEPS, FEW_STEPS, MANY = (
    20,
    10,
    200,
)  # for each rank that is tried, the next one going on from there; beyond MANY centres
ROUNDS, POLISH = 3, 60  # for the rank taken; each round takes its scales anew
FEWER = ((500, 10), (5000, 3), (math.inf, 1))  # up to this rank times centres, so many starts
POWER = 8  # iterations towards the direction that the centres left share most; it only starts a descent
TOLERANCE = 1e-10  # relative change of f; three smaller ones in a row end a descent
VANISHED = 1e-14  # squared norm of a centre, relative to before, below which no direction is left
DIGITS = 2.0**30  # centres are rounded to this: rounding of the data must not choose between minima


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
    along, turned = padded(p, V.shape[0]), padded(V.shape[0], centers.shape[0])
    weights = padded(p, centers.shape[0])
    pulled, wide = padded(p, V.shape[0]), padded(V.shape[0], transposed.shape[0])
    inverse, sums = np.zeros(p), np.zeros(p)
    value = float(p)
    for stage in range(4):  # one call in a loop: each call in the text would be compiled once more
        left, right, out = centers, V, along
        if stage == 1:  # what V removes of the Gram matrix, in the lower blocks alone
            left, right, out = along, along, weights
        elif stage == 2:
            left, right, out = weights, turned, pulled
        elif stage == 3:
            left, right, out = turned, transposed, wide
        add_products(left, right, stage == 1, out)
        if stage == 1:
            for mu in range(p):
                inverse[mu] = 1.0 / max(gram[mu, mu] - weights[mu, mu], VANISHED * gram[mu, mu])
            for mu in range(p):
                total = 0.0
                for nu in range(mu):
                    q = gram[mu, nu] - weights[mu, nu]
                    w = q * inverse[mu] * inverse[nu]
                    total += q * w
                    sums[nu] += q * w
                    weights[mu, nu] = 2.0 * w
                sums[mu] += total
                value += 2.0 * total
            for mu in range(p):
                weights[mu, mu] = -2.0 * inverse[mu] * sums[mu]
            for start in range(0, p, 16):  # the upper half, by tiles
                for other in range(start, p, 16):
                    for nu in range(start, min(start + 16, p)):
                        for mu in range(max(other, nu + 1), min(other + 16, p)):
                            weights[nu, mu] = weights[mu, nu]
        source = along if stage == 1 else pulled
        if stage == 1 or stage == 2:
            for mu in range(p):
                for i in range(k):
                    turned[i, mu] = source[mu, i]
    for i in range(k):
        for j in range(r):
            gradient[i, j] = -2.0 * wide[i, j]
    _make_tangent(V, k, gradient)
    return value


@kernel(fastmath=FAST)
def _make_tangent(V, k, x):  # type: ignore[no-untyped-def]
    parts = np.zeros(k)
    for i in range(k):
        for j in range(k):
            parts[j] = 0.0
            for c in range(V.shape[1]):
                parts[j] += x[i, c] * V[j, c]
        for j in range(k):
            for c in range(V.shape[1]):
                x[i, c] -= parts[j] * V[j, c]


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


@kernel(fastmath=FAST)
def _newton_direction(gradient, moves, changes, kept, pairs, scales, direction):  # type: ignore[no-untyped-def]
    """direction := the inverse Hessian of L-BFGS times the gradient, from the last `pairs` of moves and changes of
    the gradient, numbered round and round."""
    parts = np.zeros(MEMORY)
    for i in range(direction.shape[0]):
        for j in range(direction.shape[1]):
            direction[i, j] = gradient[i, j]
    for back in range(pairs):
        n = (kept - 1 - back) % MEMORY
        parts[n] = _dot(moves[n], direction) / _dot(moves[n], changes[n])
        _add(direction, -parts[n], changes[n])
    factor = 1.0
    if pairs > 0:
        change, weighted = changes[(kept - 1) % MEMORY], 0.0
        for i in range(change.shape[0]):
            for j in range(change.shape[1]):
                weighted += change[i, j] ** 2 * scales[i, j]
        factor = _dot(moves[(kept - 1) % MEMORY], change) / weighted
    for i in range(direction.shape[0]):
        for j in range(direction.shape[1]):
            direction[i, j] *= factor * scales[i, j]
    for back in range(pairs - 1, -1, -1):
        n = (kept - 1 - back) % MEMORY
        _add(direction, parts[n] - _dot(changes[n], direction) / _dot(moves[n], changes[n]), moves[n])


@kernel(fastmath=FAST)
def _descend(gram, centers, transposed, V, k, scales, steps):  # type: ignore[no-untyped-def]
    """L-BFGS over subspaces from V (≥ K, r), which is moved; scales: of its shape, the first inverse Hessian."""
    moves = np.zeros((MEMORY, V.shape[0], V.shape[1]))
    changes, trial, new_gradient = np.zeros_like(moves), np.zeros_like(V), np.zeros_like(V)
    gradient, direction = np.zeros_like(V), np.zeros_like(V)
    value, slope, step = np.inf, 0.0, 0.0
    kept, pairs, small, done, halved = np.int64(0), np.int64(0), 0, 0, 0
    while True:
        for i in range(k):
            for j in range(V.shape[1]):
                trial[i, j] = V[i, j] - step * direction[i, j]
        if step > 0.0:
            _orthonormalise(trial, k)
        new = _objective(gram, centers, transposed, trial, k, new_gradient)
        if not new <= value + 1e-4 * step * slope and halved < 24:
            step *= min(0.5, max(0.1, -0.5 * slope * step / (new - value - slope * step)))
            halved += 1
            continue
        if not new < value:
            return value
        n = kept % MEMORY
        for i in range(k):
            for j in range(V.shape[1]):
                moves[n, i, j] = trial[i, j] - V[i, j]
                changes[n, i, j] = new_gradient[i, j] - gradient[i, j]
                V[i, j], gradient[i, j] = trial[i, j], new_gradient[i, j]
        if step > 0.0 and _dot(moves[n], changes[n]) > 1e-12 * _dot(moves[n], moves[n]):
            kept += 1
            pairs = min(pairs + 1, MEMORY)
        small = small + 1 if value - new <= TOLERANCE * new else 0
        value = new
        if done == steps or small >= 3:
            return value
        done += 1
        _newton_direction(gradient, moves, changes, kept, pairs, scales, direction)
        _make_tangent(V, k, direction)
        steepest, slope = _dot(gradient, gradient), -_dot(gradient, direction)
        if not slope < -1e-10 * steepest:
            for i in range(k):
                for j in range(V.shape[1]):
                    direction[i, j] = gradient[i, j]
            slope, pairs = -steepest, np.int64(0)
        length = np.sqrt(_dot(direction, direction))
        if not length > 0.0:
            return value
        step, halved = min(1.0, (1.5 if pairs > 0 else 0.3) / length), 0


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
    """Minimises f over subspaces of one set of centres (P, r)."""

    def __init__(self, centers: np.ndarray, each: Callable = map) -> None:
        """Centres (P, r) in coordinates of their span; each: map, or what maps on several threads."""
        p, r = centers.shape
        self.each = each
        self.centers = padded(p, r)
        self.centers[:p] = np.round(centers / np.sqrt(np.square(centers).sum(1, keepdims=True)) * DIGITS) / DIGITS
        self.transposed = padded(r, len(self.centers))
        self.transposed[:r] = self.centers.T
        self.gram = inner_products(self.centers[:p], self.centers[:p])

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
        value = _descend(self.gram, self.centers, self.transposed, V, k, scales, steps)
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
        """Mean |cosine| over pairs of centres without their parts along V (k, r)."""
        along = inner_products(self.centers[: len(self.gram)], V)
        q = np.abs(self.gram - inner_products(along, along))
        inverse = 1.0 / np.sqrt(np.maximum(np.diag(q), VANISHED))
        p = len(q)
        return float(((q * inverse[:, None] * inverse[None, :]).sum() - p) / (p * (p - 1)))

    def norms(self, V: np.ndarray) -> np.ndarray:
        """Norms (P,) of the centres without their parts along V (k, r), over those before."""
        along = inner_products(self.centers[: len(self.gram)], V)
        return np.asarray(np.sqrt(np.maximum(np.diag(self.gram) - np.square(along).sum(1), 0.0)))

    def next_rank(self, previous: np.ndarray, rng: np.random.Generator, starts: int) -> np.ndarray:
        """One direction more than `previous` (k − 1, r), and all k then turned together.

        The first start adds the direction that the centres left share most, the others a random mixture of
        centres; of what they reach, that which leaves the smallest centre norm largest.
        """
        p = len(self.gram)
        starts = min(starts, next(most for limit, most in FEWER if (len(previous) + 1) * p <= limit))
        direction = rng.standard_normal(self.centers.shape[1])
        _shared(left_over(self.centers[:p], previous), direction)
        mixtures = combine(rng.standard_normal((starts - 1, p)), self.centers[:p])
        steps = STEPS if p <= MANY else FEW_STEPS
        found = self.each(lambda more: self.descend(np.vstack([previous, more]), steps)[0], [direction, *mixtures])
        return max(found, key=lambda reached: float(self.norms(reached).min()))

    def polish(self, V: np.ndarray) -> np.ndarray:
        """V (k, r) led to convergence."""
        for _ in range(ROUNDS):
            V, _ = self.descend(V, POLISH)
        return V
