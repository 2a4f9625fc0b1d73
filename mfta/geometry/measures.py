"""Anchor points → capacity, radius and dimension of one manifold, each with its standard error over draws.

With s the anchor of a draw T, ŝ and T̂ unit vectors and ⟨⟩ the mean over draws (Phys. Rev. X 8, 031003,
eqs. 16, 28, 29):

    1/α = ⟨F⟩, F = aᵀKa        R² = ⟨‖s − ⟨s⟩‖²⟩        D_M = D ⟨T̂·ŝ⟩², D the rank of the points

All are found from the Gram matrix: s itself is never formed.
"""

import numpy as np

from .anchors import INTERIOR
from .blocks import FAST, kernel


@kernel(fastmath=FAST)
def measures(
    gram: np.ndarray,
    overlaps: np.ndarray,
    offsets: np.ndarray,
    lengths: np.ndarray,
    rank: int,
    weights: np.ndarray,
    state: np.ndarray,
) -> np.ndarray:
    """Capacity, radius, dimension, and the standard errors of the three over draws, in this order.

    gram: (M, M), G = SᵀS. overlaps: (n, M), b. offsets: (n,), what b holds beside SᵀT_s: T's last coordinate plus κ.
    lengths: (n,), ‖T_s‖ within the span of the points. weights: (n, M) and state: (n,), from anchors.solve_draws.

    Capacity is infinite if every draw was interior; dimension is NaN for a single point, which has no
    directions. Errors: that of capacity through 1/α, those of radius and dimension by the delta method.
    """
    n, m = overlaps.shape
    mean = np.zeros(m)
    norms, costs, cosines = np.zeros(n), np.zeros(n), np.zeros(n)
    cross, spread = np.zeros(n), np.zeros(n)
    chosen, share = np.zeros(m, np.int64), np.zeros(m)
    for draw in range(n):
        count, total = 0, 0.0
        if state[draw] == INTERIOR:  # the anchor is the point furthest along T
            chosen[0], share[0], count = np.argmax(overlaps[draw]), 1.0, 1
        else:
            for i in range(m):
                if weights[draw, i] > 0.0:
                    chosen[count], share[count] = i, weights[draw, i]
                    total += weights[draw, i]
                    count += 1
            for k in range(count):
                share[k] /= total
        square, along = 0.0, 0.0
        for k in range(count):
            row, partial = gram[chosen[k]], 0.0
            for i in range(k):
                partial += row[chosen[i]] * share[i]
            square += share[k] * (2.0 * partial + row[chosen[k]] * share[k])
            along += share[k] * (overlaps[draw, chosen[k]] - offsets[draw])
            mean[chosen[k]] += share[k] / n
        norms[draw] = max(square, 0.0)
        costs[draw] = total * total * (1.0 + norms[draw])
        if norms[draw] > 0.0:  # an anchor exactly at the center points nowhere: its cosine averages to zero
            cosines[draw] = along / (lengths[draw] * np.sqrt(norms[draw]))
    pull = np.zeros(m)
    for i in range(m):
        for j in range(m):
            pull[i] += gram[i, j] * mean[j]
    center = 0.0
    for i in range(m):
        center += pull[i] * mean[i]
    for draw in range(n):
        if state[draw] == INTERIOR:
            cross[draw] = pull[np.argmax(overlaps[draw])]
        else:
            total = 0.0
            for i in range(m):
                cross[draw] += pull[i] * weights[draw, i]
                total += weights[draw, i]
            cross[draw] /= total
        spread[draw] = norms[draw] - 2.0 * cross[draw] + center

    out = np.empty(6)
    out[2] = out[5] = np.nan
    cost, error = _mean(costs)
    out[0] = 1.0 / cost if cost > 0.0 else np.inf
    out[3] = error / cost**2 if cost > 0.0 else np.nan
    square, error = _mean(spread)
    out[1] = np.sqrt(max(square, 0.0))
    out[4] = error / (2.0 * out[1]) if out[1] > 0.0 else 0.0
    if rank > 0:
        cosine, error = _mean(cosines)
        out[2] = rank * cosine**2
        out[5] = 2.0 * rank * abs(cosine) * error
    return out


@kernel()
def _mean(values):  # type: ignore[no-untyped-def]
    """Mean and its standard error."""
    n = values.shape[0]
    mean, square = 0.0, 0.0
    for i in range(n):
        mean += values[i] / n
    for i in range(n):
        square += (values[i] - mean) ** 2
    return mean, np.sqrt(square / (n - 1) / n)
