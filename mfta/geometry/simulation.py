"""Capacity by simulation: how many random features a dichotomy needs.

The manifolds are projected to n random directions, each is given a label ±1 (by a fair coin, unless asked otherwise),
and it is decided whether a plane separates them, with the margin asked for. The n at which half of the dichotomies
are separable gives α = P/n: the quantity that mean-field theory predicts for many manifolds (Nat. Commun.
2020, Methods), and GLUE for any.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.optimize import minimize
from scipy.special import log_ndtr, ndtr

from .dichotomies import Dichotomies, signs
from .errors import GeometryError
from .inputs import Manifolds, as_views, by_label, called, is_tensor, margin, whole
from .separation import separable, widest

LIFT = 1e3  # the feature that carries the bias, over the points' length: its weight then costs no margin


@dataclass(frozen=True)
class SimulatedCapacity:
    """Capacity by simulation with its evidence."""

    capacity: float
    """Manifolds per feature at which half of the dichotomies are separable."""
    stderr: float
    """Standard error of it over dichotomies and projections; the manifolds are as they are. NaN for a bound."""
    features: tuple[int, ...]
    """The numbers n of random features tried."""
    separable: tuple[int, ...]
    """How many dichotomies were separable at each n."""
    dichotomies: tuple[int, ...]
    """How many were tried at each n."""
    bound: str = ""
    """"<" where capacity lies below the number given: all features separate fewer than half of the dichotomies.
    ">" where it lies above: one feature separates more than half."""


def simulated_capacity(
    manifolds: Manifolds,
    n_dichotomies: int = 20,
    seed: int = 0,
    dichotomies: Dichotomies = "random",
    kappa: float = 0.0,
    bias: bool = False,
    center: bool = True,
    *,
    labels: Any = None,
    points: int | None = None,
) -> SimulatedCapacity:
    """Capacity of manifolds by random projections and dichotomies.

    manifolds, labels, points: as for analyze. n_dichotomies: fresh labels and a fresh Gaussian
    projection each, for every n near the transition; ≥ 4. seed: ≥ 0. dichotomies: "random" (fair coins, not
    balanced), "balanced", "one-versus-rest", or an array (K, P) or (P,) of −1 and 1, its rows in turn. kappa: margin
    ≥ 0, with the theory's norms: the n features have variance one, the plane's normal length one, and the unit is
    the norm of each manifold's center; theory then needs centers at right angles, N ≫ P. bias: a threshold may be
    learned; without it the plane passes the origin, as in the theory. center: take the mean of all points for the
    origin, as analyze does; False: the origin as given, as effective_geometry does.

    n is bisected to the transition; then the separable fraction is counted at five n around it and the
    curve Φ((n − n_half)/width), fitted to all counts by maximum likelihood, is read at one half. The fit's
    curvature gives the error. Separability is exact but for margins under 1e-6 of the points' length. Where n reaches
    all features (or the points' rank) or one, capacity is a bound, and `bound` says on which side.

    The cost grows fast as capacity falls: P manifolds need P/α features, and the time for one dichotomy
    grows as the cube of these. Raises GeometryError as analyze does.
    """
    n_dichotomies, seed, kappa = whole("n_dichotomies", n_dichotomies, 4), whole("seed", seed, 0), margin(kappa)
    if labels is not None:
        manifolds = by_label(manifolds, labels, points, seed)
    elif points is not None:
        raise GeometryError("points is drawn where labels are given: simulated_capacity(X, labels=y, points=50)")
    clouds = [np.asarray(x.double().cpu().numpy() if is_tensor(x) else x, dtype=float) for x in as_views(manifolds)]
    p = len(clouds)
    signs(dichotomies, p, 1, np.random.default_rng(0))  # what is not one is refused before the work
    owner = np.repeat(np.arange(p), [x.shape[1] for x in clouds])
    stacked = np.concatenate(clouds, axis=1)
    if not np.isfinite(stacked).all():
        raise GeometryError("the points hold NaN or infinity; remove those points or see what made them")
    stacked = np.ldexp(stacked, -int(np.frexp(np.abs(stacked).max())[1]))  # no square overflows or vanishes
    if center:
        stacked = stacked - stacked.mean(1, keepdims=True)
    most = len(stacked)
    if most > stacked.shape[1]:  # the same inner products in fewer coordinates
        stacked = np.asarray(np.linalg.qr(stacked, mode="r"))
    if kappa > 0.0:
        norms = np.array([np.linalg.norm(stacked[:, owner == i].mean(1)) for i in range(p)])
        if not norms.all():
            raise GeometryError(
                f"{called(manifolds)(int(norms.argmin()))} has its center at the origin, kappa's unit"
            )
        stacked = stacked / norms[owner]
    else:
        most = len(stacked)  # more features than the points' rank change nothing
    counts: dict[int, list[int]] = {}

    def count(n: int, times: int) -> float:
        tally = counts.setdefault(n, [0, 0])
        for _ in range(times):
            rng = np.random.default_rng([seed, *b"dichotomies", n, tally[1]])
            if isinstance(dichotomies, str):
                side = signs(dichotomies, p, 1, rng)[0]
            else:
                side = signs(dichotomies, p, tally[1] + 1, rng)[-1]
            projected = rng.standard_normal((n, len(stacked))) @ stacked if n < most or kappa > 0.0 else stacked
            if bias:
                lift = (LIFT if kappa > 0.0 else 1.0) * np.sqrt(np.square(projected).sum(0).max())
                projected = np.vstack([projected, np.full(projected.shape[1], lift)])
            signed = projected * side[owner]
            tally[0] += widest(signed) >= kappa if kappa > 0.0 else separable(signed)
            tally[1] += 1
        return tally[0] / tally[1]

    def found(capacity: float, stderr: float, bound: str) -> SimulatedCapacity:
        tried = sorted(counts)
        yes, of = zip(*(counts[n] for n in tried), strict=True)
        return SimulatedCapacity(capacity, stderr, tuple(tried), yes, of, bound)

    few = max(4, n_dichotomies // 4)
    low, high = 1, min(most, max(1, p // 2))  # no manifolds have a capacity much above two
    while count(high, few) < 0.5:
        if high == most:
            return found(p / most, float("nan"), "<")
        low, high = high, min(most, high + (high + 1) // 2)
    while high - low > max(1, 0.04 * high):
        middle = (low + high) // 2
        if count(middle, few) < 0.5:
            low = middle
        else:
            high = middle
    step = max(1, round(0.25 * np.sqrt(high)))
    for n in sorted({min(most, max(1, high + k * step)) for k in (-2, -1, 0, 1, 2)}):
        count(n, n_dichotomies)
    if counts[min(counts)][0] > 0.5 * counts[min(counts)][1] and min(counts) == 1:
        return found(float(p), float("nan"), ">")
    tried = sorted(counts)
    half, error = _half(np.array(tried), np.array([counts[n] for n in tried]))
    return found(p / half, p / half**2 * error, "")


def _half(n: np.ndarray, tallies: np.ndarray) -> tuple[float, float]:
    """Where Φ((n − half)/width), fitted to (separable, tried) at each n, is one half, and the error of that."""
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
