"""The descent of the search for shared directions (subspace.py has the formulas): L-BFGS over subspaces, compiled."""

import numpy as np

from .blocks import FAST, add_products, corner, kernel, padded

MEMORY = 6  # pairs of steps kept
TOLERANCE = 1e-10  # relative change of f; three smaller ones in a row end a descent
VANISHED = 1e-14  # squared norm of a center, relative to before, below which no direction is left


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
    """The part (P, r) of the centers (P, r) orthogonal to the orthonormal rows of directions (K, r)."""
    rest = corner(centers, centers.shape[0], centers.shape[1])
    for _ in range(2):  # twice: what rounding leaves the first time may be large beside a small rest
        for mu in range(rest.shape[0]):
            for k in range(directions.shape[0]):
                _subtract_along(rest[mu], directions[k])
    return rest


@kernel(fastmath=FAST)
def objective(gram, centers, transposed, V, k, gradient):  # type: ignore[no-untyped-def]
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
def orthonormalise(V: np.ndarray, k: int) -> None:
    """The first k rows of V (≥ k, r) made orthonormal, in place."""
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
def descend(gram, centers, transposed, V, k, scales, steps):  # type: ignore[no-untyped-def]
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
            orthonormalise(trial, k)
        new = objective(gram, centers, transposed, trial, k, new_gradient)
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
