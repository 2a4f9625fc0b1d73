"""Whether a plane through the origin has all points on one side, and how far from it they can be.

Both are answered by the point of their hull that is nearest to the origin (the dual of a support vector machine),
p = Σ aᵢxᵢ / Σ aᵢ, where a ≥ 0 minimises ½‖Σ aᵢxᵢ‖² + ½(Σ aᵢ − 1)²: Lawson & Hanson's active sets, with a triangular
factor that grows and shrinks by one point at a time.
"""

import numpy as np

from .blocks import FAST, kernel
from .errors import GeometryError

MARGIN = 1e-9  # of points of length one; what is smaller is rounding
ORIGIN = 1e-12  # a point of the hull that is as near to the origin is the origin
SLACK = -1e-11  # of the optimality conditions, whose scale is one; smaller violations are rounding
DEPENDENT = 1e-15  # a smaller pivot is rounding


def separable(points: np.ndarray) -> bool:
    """Whether some w has w·x > 0 for every column x of points (n, m): labels are multiplied in.

    Exact, but for margins under 1e-6 of the points' length: they may count as none. A point at zero makes it False.
    """
    lengths = np.linalg.norm(points, axis=0)
    return bool(lengths.all() and _margin(points / lengths, MARGIN) > MARGIN)


def widest(points: np.ndarray) -> float:
    """The largest margin of a plane over columns (n, m), labels multiplied in; 0 if none separates them."""
    scale = np.linalg.norm(points, axis=0).max()
    return float(scale * _margin(points / scale, np.inf))


def _margin(points: np.ndarray, enough: float) -> float:
    """The largest margin over columns of length one or less, or one that is enough; 0 if there is none."""
    rows = np.ascontiguousarray(points.T)
    nearest, ended = _nearest(rows, enough)
    if not ended:
        raise GeometryError("one dichotomy could not be decided: nearly repeated points cause this")
    length = np.linalg.norm(nearest)
    return max(0.0, (rows @ nearest).min() / length) if length > ORIGIN else 0.0


@kernel(fastmath=FAST)
def _nearest(points: np.ndarray, enough: float) -> tuple[np.ndarray, bool]:
    """The nearest point (n,) of the hull of points (m, n), and whether it was found.

    enough: what is found is returned as soon as its plane has this margin for points of length one; inf: not before.
    """
    m, n = points.shape
    most = min(m, n + 1)
    factor = np.zeros((most, most))  # F, lower triangle, of the chosen points' FFᵀ = XXᵀ + 11ᵀ
    half = np.zeros(most)  # F⁻¹1
    weights, solution, nearest = np.zeros(most), np.zeros(most), np.zeros(n)
    chosen, count = np.zeros(most, np.int64), 0
    inside, passed = np.zeros(m, np.bool_), np.zeros(m, np.bool_)
    for _ in range(30 * m + 100):
        total, length, lowest, slack, entering = 0.0, 0.0, np.inf, SLACK, -1
        for k in range(count):
            total += weights[k]
        for j in range(n):
            nearest[j] = 0.0
        for k in range(count):
            for j in range(n):
                nearest[j] += weights[k] / total * points[chosen[k], j]
        for j in range(n):
            length += nearest[j] ** 2
        for i in range(m):
            along = 0.0
            for j in range(n):
                along += nearest[j] * points[i, j]
            lowest = min(lowest, along)
            if not inside[i] and not passed[i] and total * (along + 1.0) - 1.0 < slack:
                slack, entering = total * (along + 1.0) - 1.0, i
        if entering < 0 or count == most or (count > 0 and lowest > enough * np.sqrt(length)):
            return nearest, True
        pivot, rest = 1.0, 1.0
        for j in range(n):
            pivot += points[entering, j] ** 2
        usual = pivot
        for k in range(count):
            value = 1.0
            for j in range(n):
                value += points[entering, j] * points[chosen[k], j]
            for i in range(k):
                value -= factor[k, i] * factor[count, i]
            value /= factor[k, k]
            factor[count, k] = value
            pivot -= value * value
            rest -= value * half[k]
        if not (pivot > DEPENDENT * usual and rest > 0.0):
            passed[entering] = True  # rounding only: in exact arithmetic an entering point gets weight
            continue
        factor[count, count] = np.sqrt(pivot)
        half[count] = rest / factor[count, count]
        chosen[count], weights[count], inside[entering] = entering, 0.0, True
        count += 1
        while True:  # go to the solution, or to the first weight that reaches zero on the way, which leaves
            for k in range(count):
                solution[k] = half[k]
            step, leaving = 1.0, -1
            for k in range(count - 1, -1, -1):
                solution[k] /= factor[k, k]
                for i in range(k):
                    solution[i] -= solution[k] * factor[k, i]
                if solution[k] <= 0.0 and weights[k] <= step * (weights[k] - solution[k]):
                    step, leaving = weights[k] / (weights[k] - solution[k]), k
            for k in range(count):
                weights[k] += step * (solution[k] - weights[k])
            if leaving < 0:
                break
            inside[chosen[leaving]] = False
            count -= 1
            for k in range(leaving, count):
                chosen[k], weights[k] = chosen[k + 1], weights[k + 1]
                for i in range(k + 2):
                    factor[k, i] = factor[k + 1, i]
            for k in range(leaving, count):  # rotations make it a triangle again
                a, b = factor[k, k], factor[k, k + 1]
                radius = np.sqrt(a * a + b * b)
                for i in range(k, count):
                    a_i, b_i = factor[i, k], factor[i, k + 1]
                    factor[i, k], factor[i, k + 1] = (a * a_i + b * b_i) / radius, (a * b_i - b * a_i) / radius
                a_i, b_i = half[k], half[k + 1]
                half[k], half[k + 1] = (a * a_i + b * b_i) / radius, (a * b_i - b * a_i) / radius
        for i in range(m):
            passed[i] = False
    return nearest, False
