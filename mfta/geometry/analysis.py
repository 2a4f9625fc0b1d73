"""analyze(): manifolds → ManifoldGeometry."""

import os
import warnings
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any, TypeVar

import numpy as np

from . import cautions, centers, inputs
from .anchors import FAILED, INTERIOR, solve_draws
from .blocks import inner_products
from .coordinates import gram_and_overlaps, pivoted_cholesky, rank_floor
from .errors import GeometryError
from .grams import combine, gram_of_rows, mean_and_gram, products
from .inputs import Manifolds, as_views, by_label, called, is_tensor, margin, orthonormal, precision, rescaled, whole
from .measures import measures
from .result import ManifoldGeometry, averaged

T = TypeVar("T")
SEARCHED_TOGETHER = 30  # manifolds; for fewer the search is over before threads are started
Evidence = tuple[float, float, float, float]
"""Of one manifold: rank, interior draws, draws that did not converge, worst residual."""


def analyze(
    manifolds: Manifolds,
    kappa: float = 0.0,
    n_draws: int = 200,
    seed: int = 0,
    remove_centers: bool = True,
    threads: int | None = None,
    *,
    labels: Any = None,
    points: int | None = None,
    repeats: int = 1,
    directions: Any = None,
    neighbours: int = 0,
    cross_check: bool = True,
) -> ManifoldGeometry:
    """Capacity, radius and dimension of object manifolds (PRX 2018; Nat. Commun. 2020).

    manifolds: P ≥ 2 point clouds: samples × features with `labels`; a dict class → array, a sequence of (N, M_i)
    arrays or tensors, or one (P, N, M): features × points. Any real type; sums are taken in float64. Points-first
    data (P·M, N) costs no copy as `x.reshape(P, M, N).transpose(0, 2, 1)`. Tensors on a GPU have their Gram matrices
    formed there. kappa: margin ≥ 0, in units where a center's distance is one. n_draws: Gaussian draws a manifold,
    ≥ 2. seed: of the draws, ≥ 0; manifold i's draws depend on (seed, i) alone. remove_centers: project the directions
    that the centers share away first, by the authors' rule (`centers.low_rank`), none where the correlation falls no
    more than by chance. threads: of the host, by default all; results are the same bit for bit for any number.

    labels: one a row of manifolds (n, features, …), the field's habit: each class is a manifold of `points`
    points, by default as many as the smallest class has, drawn by the seed. repeats: draw so many such subsets, with
    seeds seed, seed + 1, …; measures are means over them, and `summary` shows their spread.

    directions: (K, N), to be projected away in place of a search, such as another analysis's `directions`.
    neighbours: measure the capacity at so many ranks on either side of the one found too (`capacity_at`).
    cross_check: of few manifolds, while it takes but tenths of a second, see whether most of some random dichotomies
    can be separated where the capacity says so, and warn where not. Changes no number, and is for kappa = 0.

    How many are enough: no number of points is, as capacity falls with each (CIFAR-100's pixels at 10, 20, 50 and
    100: .19, .10, .044, .025); 50 are the field's habit. It falls with the number of classes up to some 50 (at 10,
    20, 50 and 100: .067, .053, .045, .044), and with ten the choice of classes alone moves it by 14 %, with 20 by
    2 %. Other points of the same classes move it by 1 %. Compare at equal numbers of both only. The theory is for
    many: of ten classes and fewer it is 4 to 96 % above simulation on pixels (`benchmarks/capacity.py --pixels`).

    To repeat all points of a manifold alike changes nothing. A manifold of one point has radius 0, dimension NaN
    and a point's capacity; so has one whose points are all equal. Features that are constant, N < M and deficient
    rank need no care, nor does any scale. Unequal M_i are allowed, but capacity depends on M: compare at equal M.

    Warns where removal made a center vanish: less than a tenth of its norm is left, and less than a tenth of
    what most manifolds keep (classes that truly share nearly everything all keep little); and where half of the
    centers left, and most of a few, come in pairs, opposite or similar ones, which makes capacity 10 to 80 % too high
    (`effective_geometry` allows for it); and where the cross-check finds it a quarter or more too high.

    Raises GeometryError (a ValueError) for NaN or infinity, fewer than two manifolds, different N, wrong shapes and
    types, a manifold whose center is the mean of all points (its radius would be infinite), kappa < 0, n_draws < 2;
    and for three to five manifolds unless remove_centers is False or directions are given: what so few centers share
    cannot be told from chance, and no rule comes near to simulation. Two have nothing to remove.
    """
    kappa, n_draws, seed = margin(kappa), whole("n_draws", n_draws, 2), whole("seed", seed, 0)
    if not isinstance(remove_centers, bool | np.bool_):
        raise GeometryError(f"remove_centers is {remove_centers!r}; expected True or False")
    if whole("neighbours", neighbours, 0) and directions is not None:
        raise GeometryError("neighbours are ranks of a search, which directions stand in for; give one of the two")
    if labels is not None:
        several, drawn = whole("repeats", repeats, 1), by_label(manifolds, labels, points, seed)
        if several > 1:
            if sum(x.shape[1] for x in drawn.values()) == len(labels):
                raise GeometryError(
                    "repeats would draw the same points each time; pass points, fewer than a class has"
                )
            again = partial(analyze, manifolds, kappa, n_draws, remove_centers=remove_centers, threads=threads)
            again = partial(again, directions=directions, neighbours=neighbours, labels=labels, points=points)
            return averaged([again(seed=seed + i, cross_check=cross_check and i == 0) for i in range(several)])
        manifolds = drawn
    elif points is not None or repeats != 1:
        raise GeometryError("points and repeats go with labels: analyze(X, labels=y, points=50, repeats=10)")
    names = tuple(manifolds) if isinstance(manifolds, Mapping) else ()
    name, views = called(manifolds), as_views(manifolds)
    p = len(views)
    on_host = not any(is_tensor(x) for x in views)
    workers = (whole("threads", threads, 1) if threads is not None else _cores()) if on_host else 1
    rounding = np.array([precision(x) for x in views])

    def form() -> tuple[np.ndarray, list[np.ndarray], np.ndarray]:
        formed = _each(lambda i: mean_and_gram(views[i], name(i)), range(p), workers)
        means, grams = np.stack([mean for mean, _ in formed]), [gram for _, gram in formed]
        with np.errstate(over="ignore"):
            return means, grams, np.square(means).sum(1) + np.array([np.diag(gram).max() for gram in grams])

    center, grams, sizes = form()  # sizes: of uncentered points, squared
    unit = 1.0
    if not 1e-200 < sizes.max() < 1e200:  # squares of these are not numbers any more, or lose digits
        views, unit = rescaled(views)
        center, grams, sizes = form()
    counts = np.array([len(gram) for gram in grams])
    everyone = (counts[:, None] * center).sum(0) / counts.sum()
    center -= everyone

    before = np.sqrt(np.square(center).sum(1))
    about = center - center.mean(0)  # the authors' origin of the correlations; with equal M nothing changes
    center_gram = gram_of_rows(about)
    spread = before**2 + np.array([np.diag(gram).max() for gram in grams])
    noise, relative = (float(((16 * rounding) ** 2).max() * s.max()) for s in (sizes, spread))  # what rounding makes
    for i, square in enumerate(np.minimum(np.diag(center_gram), before**2)):
        if not square > noise:
            raise GeometryError(
                f"{name(i)} has its center at the mean of all points, so its radius is undefined; "
                "leave it out, or see whether its features are all constant"
                if not square > relative
                else f"{name(i)} has its center nearer to the mean of all points than numbers of its type are "
                "rounded so far from zero; subtract the mean of all points before rounding to this type"
            )
    search = partial(centers.low_rank, center_gram, max(noise, p * 2.0**-52 * float(before.max()) ** 2))
    if p >= SEARCHED_TOGETHER:
        search = partial(search, each=partial(_each, workers=workers))
    if directions is not None:
        basis, curve = orthonormal(directions, center.shape[1]), np.full(1, centers.correlation(center_gram))
    elif not remove_centers or p == 2:
        basis, curve = np.zeros((0, center.shape[1])), np.full(1, centers.correlation(center_gram))
    elif p < centers.FEWEST:
        raise GeometryError(
            f"what {p} manifolds share cannot be told from chance: {centers.FEWEST} are needed to remove it; "
            "pass remove_centers=False, or directions found on more manifolds"
        )
    else:
        shared = search()
        basis, curve = combine(shared.coefficients, about), shared.curve

    def measured(basis: np.ndarray) -> tuple[np.ndarray, list[tuple[np.ndarray, Evidence]]]:
        rest = center
        for _ in range(2 if len(basis) else 0):  # twice, as rounding may be large beside a small rest
            rest = rest - combine(inner_products(rest, basis), basis)
        after = np.sqrt(np.square(rest).sum(1))
        if (after <= 1e-7 * before).any():
            raise GeometryError(
                f"nothing is left of the center of {name(int(np.argmin(after / before)))} after removal; "
                "pass remove_centers=False"
            )

        def one(i: int) -> tuple[np.ndarray, Evidence]:
            gram = grams[i]
            single = (4 * min(rounding[i], inputs.SINGLE)) ** 2 * sizes[i]
            floor = max(rank_floor(gram, single), float(inputs.moved(views[i : i + 1])[0].max()))
            if len(basis):
                gram = gram - gram_of_rows(products(views[i], center[i] + everyone, basis))
            coordinates, _ = pivoted_cholesky(gram, floor)
            coordinates /= after[i]
            rng = np.random.default_rng([seed, *b"draws", i])
            return _measured(coordinates, rng.standard_normal((n_draws, coordinates.shape[1] + 1)), kappa)

        return rest, _each(one, range(p), workers)

    rest, results = measured(basis)
    ratio = np.sqrt(np.square(rest).sum(1)) / before
    if centers.vanishes(ratio):
        warnings.warn(
            f"removing {len(basis)} direction(s) made the center of {name(int(ratio.argmin()))} vanish "
            f"({ratio.min():.1g} of its norm is left, {np.median(ratio):.2g} of most): its radius and capacity say "
            "little; compare with remove_centers=False",
            stacklevel=2,
        )
    found = {len(basis): results}
    for rank in range(max(0, len(basis) - neighbours), len(basis) + neighbours + 1):
        if rank not in found and p >= centers.FEWEST:
            other = combine(search(rank=rank).coefficients, about)
            found[len(other)] = measured(other)[1]
    left = rest - rest.mean(0)
    cautions.of_capacity(
        1.0 / float(np.mean([1.0 / of[0] for of, _ in results])),
        (center_gram, gram_of_rows(left)),
        counts,
        center.shape[1],
        lambda rows: np.concatenate([products(x, everyone, rows) for x in views]),
        seed,
        cross_check and kappa == 0.0,
    )
    return _result(
        results,
        names=names or tuple(range(p)),
        features=center.shape[1],
        center_norm=ratio,
        center_distance=before / unit,
        points=counts,
        center_correlation=float(curve[0]),
        center_correlation_after=centers.correlation(gram_of_rows(left)),
        removed_rank=len(basis),
        curve=curve,
        directions=basis,
        capacity_at=np.array([[k, 1.0 / np.mean([1.0 / v[0] for v, _ in of])] for k, of in sorted(found.items())]),
        kappa=kappa,
        n_draws=n_draws,
        seed=seed,
    )


def analyze_point_cloud(points: np.ndarray, draws: np.ndarray, kappa: float = 0.0) -> ManifoldGeometry:
    """One manifold in the coordinates of its center, for given draws (PRX 2018, eqs. 16, 28, 29).

    points: (D + 1, M), centered and divided by the center's norm, the last row ones. draws: (D + 1, n), n ≥
    2, standard normal. kappa: margin ≥ 0. The dimension refers to the span of the points: coordinates in
    which all points vanish change nothing.

    Returns a ManifoldGeometry of one manifold, with center_correlation NaN and seed −1. Raises
    GeometryError for wrong shapes, NaN or infinity, a last row that is not ones, and kappa < 0.
    """
    kappa = margin(kappa)
    points, draws = (np.asarray(x, dtype=float) for x in (points, draws))
    if points.ndim != 2 or draws.ndim != 2 or len(points) != len(draws) or points.shape[1] < 1 or draws.shape[1] < 2:
        raise GeometryError(
            f"points {points.shape} and draws {draws.shape} must be (D + 1, M) and (D + 1, n), with M ≥ 1 and n ≥ 2"
        )
    if not (np.isfinite(points).all() and np.isfinite(draws).all()):
        raise GeometryError("points or draws hold NaN or infinity")
    if not np.array_equal(points[-1], np.ones(points.shape[1])):
        raise GeometryError("the last row of points must be ones: divide the points by the distance of their center")
    basis, scales, coordinates = np.linalg.svd(points[:-1], full_matrices=False)
    rank = int((np.square(scales) > rank_floor(points[:-1].T @ points[:-1])).sum())
    reduced = np.column_stack([draws[:-1].T @ basis[:, :rank], draws[-1]])
    values, evidence = _measured(np.ascontiguousarray((scales[:, None] * coordinates)[:rank].T), reduced, kappa)
    return _result(
        [(values, evidence)],
        names=(0,),
        features=len(points) - 1,
        center_norm=np.ones(1),
        center_distance=np.ones(1),
        points=np.array([points.shape[1]]),
        center_correlation=float("nan"),
        center_correlation_after=float("nan"),
        removed_rank=0,
        curve=np.full(1, np.nan),
        directions=np.zeros((0, len(points) - 1)),
        capacity_at=np.array([[0.0, values[0]]]),
        kappa=kappa,
        n_draws=draws.shape[1],
        seed=-1,
    )


def _result(results: list[tuple[np.ndarray, Evidence]], **others: Any) -> ManifoldGeometry:
    capacity, radius, dimension, *errors = np.stack([values for values, _ in results], axis=1)
    rank, interior, unconverged, residual = np.array([evidence for _, evidence in results]).T
    return ManifoldGeometry(
        capacity=capacity,
        radius=radius,
        dimension=dimension,
        capacity_stderr=errors[0],
        radius_stderr=errors[1],
        dimension_stderr=errors[2],
        rank=rank.astype(int),
        interior=interior.astype(int),
        unconverged=unconverged.astype(int),
        residual=residual.copy(),
        **others,
    )


def _measured(coordinates: np.ndarray, draws: np.ndarray, kappa: float) -> tuple[np.ndarray, Evidence]:
    """The six measures of points (M, D) for draws (n, D + 1), and (rank, interior, unconverged, residual)."""
    rank = coordinates.shape[1]
    gram, overlaps = gram_and_overlaps(coordinates, draws, kappa)
    weights, state, residual = solve_draws(gram, overlaps, rank)
    lengths = np.sqrt(np.square(draws[:, :rank]).sum(1))
    values = measures(gram, overlaps, draws[:, rank] + kappa, lengths, rank, weights, state)
    return values, (rank, (state == INTERIOR).sum(), (state == FAILED).sum(), residual.max())


def _cores() -> int:
    affinity = getattr(os, "sched_getaffinity", None)  # what this process may use; not on every system
    return len(affinity(0)) if affinity else os.cpu_count() or 1


def _each(function: Callable[[int], T], items: Iterable[int], workers: int) -> list[T]:
    """[function(i) for i in items] on `workers` threads: the kernels do not hold the interpreter's lock."""
    if workers == 1:
        return [function(i) for i in items]
    with ThreadPoolExecutor(workers) as pool:
        return list(pool.map(function, items))
