"""Gaussian draws → anchor points: one projection onto a cone for each draw.

A manifold enters through the Gram matrix G of its centered, normalised points alone. For a draw t with
overlaps b = S₊ᵀt + κ, the anchor's weights are

    a = argmin over a ≥ 0 of ½ aᵀKa − aᵀb,   K = G + 11ᵀ,

(Chung, Lee & Sompolinsky, Phys. Rev. X 8, 031003, eqs. 16–17, in the dual). Optimality means a ≥ 0, Ka − b
≥ 0 and equality where a > 0; it is checked for every draw.
"""

import numpy as np

from .blocks import FAST, kernel

INTERIOR, SOLVED, FAILED = 0, 1, 2
VIOLATION = 1e-11  # relative to max |b|: smaller violations are rounding
DOUBTFUL = 1e-9  # a larger residual sends a draw to the one-at-a-time method
ACCEPTED = 1e-6  # and what is larger still after that is a failure
DEPENDENT = 1e-15  # a smaller pivot, relative to the diagonal, is rounding; its point, left out, has a slack ≤ 3e-8


@kernel(fastmath=FAST)
def _factor_and_solve(K, b, chosen, count, work, values):  # type: ignore[no-untyped-def]
    """Solve K[F, F] x = b[F] for the F in chosen[:count] by a Cholesky factor; False if K[F, F] is not definite.

    The factor is kept as rows of its transpose, b beside it as one more column, so that every inner loop
    runs along a row; four earlier rows are taken at a time.
    """
    for j in range(count):
        row = K[chosen[j]]
        for i in range(j, count):
            work[j, i] = row[chosen[i]]
        work[j, count] = b[chosen[j]]
        k = 0
        while k + 4 <= j:
            u0, u1, u2, u3 = work[k, j], work[k + 1, j], work[k + 2, j], work[k + 3, j]
            for i in range(j, count + 1):
                work[j, i] -= u0 * work[k, i] + u1 * work[k + 1, i] + u2 * work[k + 2, i] + u3 * work[k + 3, i]
            k += 4
        while k < j:
            u0 = work[k, j]
            for i in range(j, count + 1):
                work[j, i] -= u0 * work[k, i]
            k += 1
        if not work[j, j] > DEPENDENT * row[chosen[j]]:
            return False
        scale = 1.0 / np.sqrt(work[j, j])
        for i in range(j, count + 1):
            work[j, i] *= scale
    for j in range(count - 1, -1, -1):
        value = work[j, count]
        for i in range(j + 1, count):
            value -= work[j, i] * values[i]
        values[j] = value / work[j, j]
    return True


@kernel(fastmath=FAST)
def _slack(K, b, chosen, count, values, slack):  # type: ignore[no-untyped-def]
    """Ka − b for the weights `values` on chosen[:count]."""
    m = b.shape[0]
    for j in range(m):
        slack[j] = -b[j]
    k = 0
    while k + 4 <= count:
        r0, r1, r2, r3 = K[chosen[k]], K[chosen[k + 1]], K[chosen[k + 2]], K[chosen[k + 3]]
        v0, v1, v2, v3 = values[k], values[k + 1], values[k + 2], values[k + 3]
        for j in range(m):
            slack[j] += v0 * r0[j] + v1 * r1[j] + v2 * r2[j] + v3 * r3[j]
        k += 4
    while k < count:
        r0 = K[chosen[k]]
        v0 = values[k]
        for j in range(m):
            slack[j] += v0 * r0[j]
        k += 1


@kernel(fastmath=FAST)
def _first_guess(b, inverse, common, inside):  # type: ignore[no-untyped-def]
    """The anchors if K were diag(1 / inverse) + common·11ᵀ: those whose overlap stands above the water level."""
    m = b.shape[0]
    level = 0.0
    for _ in range(50):
        weighted, total = 0.0, 0.0
        for i in range(m):
            if b[i] > level:
                weighted += b[i] * inverse[i]
                total += inverse[i]
        new = common * weighted / (1.0 + common * total)
        if new <= level * (1.0 + 1e-12):
            break
        level = new
    for i in range(m):
        inside[i] = b[i] > level


@kernel(fastmath=FAST)
def _block_pivoting(K, b, scale, limit, inside, chosen, work, values, slack):  # type: ignore[no-untyped-def]
    """Exchange all violated points at once (Júdice & Pires 1994); the number of anchors, or −1 if it fails."""
    m = b.shape[0]
    fewest, patience = m + 1, 3
    for _ in range(5 * m + 20):
        count = np.int64(0)
        for i in range(m):
            if inside[i]:
                chosen[count] = i
                count += 1
        if count > limit or not _factor_and_solve(K, b, chosen, count, work, values):
            return -1
        _slack(K, b, chosen, count, values, slack)
        violated, last = 0, -1
        for k in range(count):
            if values[k] < 0.0:
                violated += 1
                last = chosen[k]
            slack[chosen[k]] = 0.0
        for j in range(m):
            if slack[j] < -VIOLATION * scale:
                violated += 1
                last = max(last, j)
        if violated == 0:
            return count
        if violated < fewest:
            fewest, patience = violated, 3
        elif patience > 0:
            patience -= 1
        else:  # Murty's rule: one at a time, always the last one, cannot cycle
            inside[last] = not inside[last]
            continue
        for k in range(count):
            if values[k] < 0.0:
                inside[chosen[k]] = False
        for j in range(m):
            if slack[j] < -VIOLATION * scale:
                inside[j] = True
    return -1


@kernel(fastmath=FAST)
def _one_at_a_time(K, b, scale, inside, chosen, work, values, slack):  # type: ignore[no-untyped-def]
    """Lawson & Hanson's active sets; a point that depends linearly on the anchors is passed over.

    Slower than exchanging blocks, but it neither cycles nor needs K[F, F] to be definite. Returns (count, ended).
    """
    m = b.shape[0]
    weights = np.zeros(m)
    passed = np.zeros(m, np.bool_)
    count = np.int64(0)
    for i in range(m):
        slack[i] = -b[i]
        inside[i] = False
    for _ in range(30 * m + 100):
        entering = -1
        for j in range(m):
            waiting = not inside[j] and not passed[j] and slack[j] < -VIOLATION * scale
            if waiting and (entering < 0 or slack[j] < slack[entering]):
                entering = j
        if entering < 0:
            return count, True
        chosen[count] = entering
        solved = _factor_and_solve(K, b, chosen, count + 1, work, values)
        if not solved or values[count] <= 0.0:
            passed[entering] = True  # rounding only: in exact arithmetic an entering point gets weight
            continue
        count += 1
        inside[entering] = True
        weights[entering] = 0.0
        while True:  # go to the solution, or to the first weight that reaches zero on the way, which leaves
            step, leaving = 1.0, -1
            for k in range(count):
                if values[k] <= 0.0:
                    old = weights[chosen[k]]
                    if leaving < 0 or old < step * (old - values[k]):
                        step, leaving = old / (old - values[k]), k
            kept = np.int64(0)
            for k in range(count):
                i = chosen[k]
                weights[i] = values[k] if leaving < 0 else weights[i] + step * (values[k] - weights[i])
                if k == leaving or (leaving >= 0 and weights[i] <= 0.0):
                    weights[i] = 0.0
                    inside[i] = False
                else:
                    chosen[kept] = i
                    kept += 1
            if leaving < 0:
                break
            count = kept
            if not _factor_and_solve(K, b, chosen, count, work, values):
                for k in range(count):
                    values[k] = weights[chosen[k]]
                return count, False
        for k in range(count):
            values[k] = weights[chosen[k]]
        _slack(K, b, chosen, count, values, slack)
        for j in range(m):
            passed[j] = False
    return count, False


@kernel(fastmath=FAST)
def _residual(K, b, scale, inside, chosen, count, values, slack):  # type: ignore[no-untyped-def]
    """The largest violation of the optimality conditions, relative to `scale`, from the weights."""
    _slack(K, b, chosen, count, values, slack)
    worst = 0.0
    for j in range(b.shape[0]):
        worst = max(worst, abs(slack[j]) if inside[j] else -slack[j])
    return worst / scale


@kernel(fastmath=FAST)
def solve_draws(gram: np.ndarray, overlaps: np.ndarray, rank: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Weights of the anchors for all draws of one manifold.

    gram: (M, M), G = SᵀS. overlaps: (n, M), the b of each draw, κ included. rank: of the points.
    Returns weights (n, M), all zero for an interior draw; state (n,), INTERIOR, SOLVED or FAILED; residual
    (n,), relative to the draw's largest overlap, or to a usual one where that is larger.
    """
    n, m = overlaps.shape
    K = np.empty((m, m))
    trace, total = 0.0, 0.0
    for i in range(m):
        for j in range(m):
            K[i, j] = gram[i, j] + 1.0
            total += K[i, j]
        trace += K[i, i]
    weights = np.zeros((n, m))
    state = np.zeros(n, np.int8)
    residual = np.zeros(n)
    inside = np.zeros(m, np.bool_)
    chosen = np.zeros(m, np.int64)
    values, slack, inverse = np.zeros(m), np.zeros(m), np.zeros(m)
    most = min(m, rank + 1)
    work = np.zeros((most + 1, most + 2))

    # The mean of K off its diagonal, taken as common to all pairs, and what is left on the diagonal.
    common = max(0.0, (total - trace) / max(1, m * (m - 1)))
    for i in range(m):
        inverse[i] = 1.0 / max(K[i, i] - common, 1e-6 * K[i, i])

    for draw in range(n):
        b = overlaps[draw]
        scale, highest, usual = 0.0, -np.inf, 0.0
        for i in range(m):
            scale = max(scale, abs(b[i]))
            usual = max(usual, np.sqrt(K[i, i]))  # of overlaps, over draws
            highest = max(highest, b[i])
        if highest <= 0.0:
            continue
        count = -1
        if m <= 2 * most:  # far more points than dimensions: nearly dependent blocks, so one at a time from the start
            _first_guess(b, inverse, common, inside)
            count = _block_pivoting(K, b, scale, most, inside, chosen, work, values, slack)
        ended = count >= 0
        if ended:
            residual[draw] = _residual(K, b, max(scale, usual), inside, chosen, count, values, slack)
        if not ended or not residual[draw] <= DOUBTFUL:
            count, ended = _one_at_a_time(K, b, scale, inside, chosen, work, values, slack)
            residual[draw] = _residual(K, b, max(scale, usual), inside, chosen, count, values, slack)
        state[draw] = SOLVED if ended and residual[draw] <= ACCEPTED else FAILED
        for k in range(count):
            weights[draw, chosen[k]] = values[k]
    return weights, state, residual
