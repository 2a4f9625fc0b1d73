"""Capacity by simulation: how many random features a random dichotomy needs.

The manifolds are projected to n random directions, each is given a label ±1 by a fair coin, and it is decided
whether a plane through the origin separates them. The n at which half of the dichotomies
are separable gives α = P/n: the quantity that mean-field theory predicts for many manifolds (Nat. Commun.
2020, Methods).
"""

from dataclasses import dataclass

import numpy as np
from scipy.optimize import linprog, minimize, nnls
from scipy.special import log_ndtr, ndtr

from .errors import GeometryError
from .inputs import Manifolds, as_views, is_tensor, whole

MARGIN = 1e-9  # of points of length one; a smaller margin found by the solver is taken for none
ORIGIN = 1e-12  # a point of the hull that is as near to the origin is the origin


@dataclass(frozen=True)
class SimulatedCapacity:
    """Capacity by simulation with its evidence."""

    capacity: float
    """Manifolds per feature at which half of the random dichotomies are separable."""
    stderr: float
    """Standard error of it over dichotomies and projections; the manifolds are as they are."""
    features: tuple[int, ...]
    """The numbers n of random features tried."""
    separable: tuple[int, ...]
    """How many dichotomies were separable at each n."""
    dichotomies: tuple[int, ...]
    """How many were tried at each n."""


def simulated_capacity(manifolds: Manifolds, n_dichotomies: int = 20, seed: int = 0) -> SimulatedCapacity:
    """Capacity of manifolds by random projections and random dichotomies, at κ = 0.

    manifolds: as for analyze; the mean of all points is subtracted, as there. n_dichotomies: fresh labels
    (fair coins, not balanced) and a fresh Gaussian projection each, for every n near the transition; ≥ 4.
    seed: ≥ 0. There is no threshold (bias): the plane passes the origin, as in the theory.

    n is bisected to the transition; then the separable fraction is counted at five n around it and the
    curve Φ((n − n_half)/width), fitted to all counts by maximum likelihood, is read at one half. The fit's
    curvature gives the error. Separability is exact up to a margin of 1e-9.

    The cost grows fast as capacity falls: P manifolds need P/α features, and the time for one dichotomy
    grows as the cube of these. Raises GeometryError as analyze does, and where even all features (or the
    points' rank) do not make half of the dichotomies separable.
    """
    n_dichotomies, seed = whole("n_dichotomies", n_dichotomies, 4), whole("seed", seed, 0)
    clouds = [np.asarray(x.double().cpu().numpy() if is_tensor(x) else x, dtype=float) for x in as_views(manifolds)]
    owner = np.repeat(np.arange(len(clouds)), [x.shape[1] for x in clouds])
    points = np.concatenate(clouds, axis=1)
    if not np.isfinite(points).all():
        raise GeometryError("the points hold NaN or infinity; remove those points or see what made them")
    points = points - points.mean(1, keepdims=True)
    if points.shape[0] > points.shape[1]:  # the same inner products in fewer coordinates
        points = np.asarray(np.linalg.qr(points, mode="r"))
    counts: dict[int, list[int]] = {}

    def count(n: int, times: int) -> float:
        tally = counts.setdefault(n, [0, 0])
        for _ in range(times):
            rng = np.random.default_rng([seed, *b"dichotomies", n, tally[1]])
            labels = rng.choice([-1.0, 1.0], len(clouds))[owner]
            projected = rng.standard_normal((n, len(points))) @ points if n < len(points) else points
            tally[0] += separable(projected * labels)
            tally[1] += 1
        return tally[0] / tally[1]

    few = max(4, n_dichotomies // 4)
    low, high = 1, min(len(points), max(1, len(clouds) // 2))  # no manifolds have a capacity much above two
    while count(high, few) < 0.5:
        if high == len(points):
            raise GeometryError(
                f"even in all {high} dimensions of the points fewer than half of the dichotomies are "
                "separable; capacity cannot be read off: use more features or fewer manifolds"
            )
        low, high = high, min(len(points), high + (high + 1) // 2)
    while high - low > max(1, 0.04 * high):
        middle = (low + high) // 2
        if count(middle, few) < 0.5:
            low = middle
        else:
            high = middle
    step = max(1, round(0.25 * np.sqrt(high)))
    for n in sorted({min(len(points), max(1, high + k * step)) for k in (-2, -1, 0, 1, 2)}):
        count(n, n_dichotomies)
    tried = sorted(counts)
    half, error = _half(np.array(tried), np.array([counts[n] for n in tried]))
    p = len(clouds)
    return SimulatedCapacity(
        p / half,
        p / half**2 * error,
        tuple(tried),
        tuple(counts[n][0] for n in tried),
        tuple(counts[n][1] for n in tried),
    )


def separable(points: np.ndarray) -> bool:
    """Whether some w has w·x > 0 for every column x of points (n, m): labels are multiplied in.

    Exact, but for margins under 1e-9 of the points' length. A point at zero makes it False. Decided by the
    hull's point nearest to the origin (the dual of a support vector machine), and either answer is checked:
    the plane it names on all points, or that it is the origin. Where neither holds, a linear program decides.
    """
    lengths = np.linalg.norm(points, axis=0)
    if not (lengths > 0.0).all():
        return False
    unit = points / lengths
    n, m = unit.shape
    try:
        weights, _ = nnls(np.vstack([unit, np.ones(m)]), np.append(np.zeros(n), 1.0), maxiter=30 * m)
    except RuntimeError:  # too many iterations
        return _separable_by_program(unit)
    nearest = unit @ weights
    length = np.linalg.norm(nearest)
    if (nearest @ unit > MARGIN * length).all():
        return True
    return False if length <= ORIGIN else _separable_by_program(unit)


def _separable_by_program(unit: np.ndarray) -> bool:
    """The same by a linear program over a growing set of points of length one: says that no plane separates
    these, or names a plane, which is then tried on all points."""
    n, m = unit.shape
    plane = unit.sum(1)
    chosen = np.zeros(m, dtype=bool)
    cost = np.zeros(n + 1)
    cost[-1] = -1.0  # the margin is the last variable, and is made as large as it can be
    bounds = [(-1.0, 1.0)] * n + [(None, 1.0)]
    while True:
        margins = plane @ unit
        if (margins > MARGIN * np.linalg.norm(plane)).all():
            return True
        margins[chosen] = np.inf
        worst = np.argsort(margins, kind="stable")[: 2 * n + 20]
        worst = worst[margins[worst] < np.inf] if not chosen.any() else worst[margins[worst] <= MARGIN]
        if not len(worst):
            return False  # the solver's own tolerance: all points are in, and it found no positive margin
        chosen[worst] = True
        rows = np.column_stack([-unit[:, chosen].T, np.ones(int(chosen.sum()))])
        found = linprog(cost, A_ub=rows, b_ub=np.zeros(len(rows)), bounds=bounds, method="highs-ds")
        if found.status != 0:
            raise GeometryError(f"the linear program failed: {found.message}")
        if found.x[-1] <= MARGIN:
            return False
        plane = found.x[:-1]


def _half(n: np.ndarray, tallies: np.ndarray) -> tuple[float, float]:
    """Where Φ((n − half)/width), fitted to (separable, tried) at each n, is one half, and the error of
    that."""
    yes, tried = tallies[:, 0], tallies[:, 1]

    def loss(parameters: np.ndarray) -> float:
        z = (n - parameters[0]) * np.exp(-parameters[1])
        prior = (
            0.5 * ((parameters[1] - np.log(0.5 * np.sqrt(n.mean()))) / 1.5) ** 2
        )  # a width of zero fits few counts
        return float(prior - (yes * log_ndtr(z) + (tried - yes) * log_ndtr(-z)).sum())

    start = np.array([float(n[np.argmin(np.abs((yes + 0.5) / (tried + 1) - 0.5))]), np.log(0.5 * np.sqrt(n.mean()))])
    half, log_width = minimize(
        loss, start, method="Nelder-Mead", options={"xatol": 1e-6, "fatol": 1e-9, "maxiter": 4000}
    ).x
    z = (n - half) * np.exp(-log_width)
    share = np.clip(ndtr(z), 1e-12, 1 - 1e-12)
    density = np.exp(-0.5 * z**2) / np.sqrt(2 * np.pi) * np.exp(-log_width)
    weight = tried * density**2 / (share * (1 - share))
    information = np.array([[weight.sum(), (weight * z).sum()], [(weight * z).sum(), (weight * z**2).sum()]])
    information *= np.outer([1.0, np.exp(log_width)], [1.0, np.exp(log_width)])
    information[1, 1] += 1.0 / 1.5**2
    return float(half), float(np.sqrt(np.linalg.inv(information)[0, 0]))
