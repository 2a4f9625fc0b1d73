"""Effective geometry (GLUE): the manifolds as they lie, few or many, and the dichotomies asked for.

For a dichotomy y and a Gaussian t, the draw is projected on the cone of *all* manifolds' points, each times its
sign: one problem for all, where the mean-field theory has one a manifold. The weights a ≥ 0 of the projection give
each manifold's anchor sᵘ, its weighted mean point; a manifold without weight has the anchor 0. With S the anchors of
a draw (P, N), S₀ their mean over draws, S₁ = S − S₀ and † the pseudo-inverse,

    a = (St)ᵀ(SSᵀ)†(St)        b = (S₁t)ᵀ(S₁S₁ᵀ)†(S₁t)        c = (S₁t)ᵀ(S₀S₀ᵀ + S₁S₁ᵀ)†(S₁t)

    capacity α = P/⟨a⟩     dimension D = ⟨b⟩/P     radius R = √(⟨c⟩/⟨b − c⟩)     utility Ψ = ⟨c⟩/⟨a⟩

and α = Ψ (1 + R⁻²)/D whatever the data (the signs of y cancel in a, b and c once S is found). ⟨a⟩ is the mean squared
length of the projection, so that capacity needs no S: P over the cone's statistical dimension, the number of random
features at which such a dichotomy becomes separable. (A simulation reads the median over dichotomies, this is the
mean of 1/α: where they differ much in difficulty the two part by some per cent; for one dichotomy they agree.)

Sources: Chou et al., bioRxiv 2024.02.26.582157; Chou et al., ICML 2025 (arXiv:2503.18114), App. B; Chou et al., ICLR
2026 (arXiv:2603.01879), App. B.3. The authors' own package is not public.
"""

import warnings
from collections.abc import Callable, Mapping
from itertools import combinations
from typing import Any

import numpy as np
from scipy.sparse import csr_array

from .analysis import _cores, _each
from .anchors import ACCEPTED, INTERIOR, VIOLATION, solve_draws
from .coordinates import pivoted_cholesky
from .dichotomies import Dichotomies, signs
from .effective_result import MEASURES, EffectiveGeometry, left_out, mean_cosine, measures
from .errors import GeometryError
from .grams import mean_and_gram, products
from .inputs import SINGLE, Manifolds, as_views, by_label, called, is_tensor, moved, precision, whole

FEW = 200  # points given to the solver at first
BLOCKS = 20  # of draws, each left out once for the standard errors
DEPENDENT = 1e-11  # of the largest eigenvalue, rows scaled to one: smaller ones are rounding
ROOM = 2**23  # numbers held at once by a thread beside the Gram matrices


def effective_geometry(
    manifolds: Manifolds,
    dichotomies: Dichotomies = "balanced",
    n_draws: int = 200,
    seed: int = 0,
    threads: int | None = None,
    *,
    labels: Any = None,
    points: int | None = None,
) -> EffectiveGeometry:
    """Capacity, dimension, radius, utility and alignments of manifolds as they lie (GLUE; sources above).

    manifolds, labels, points, threads: as for analyze. Nothing is subtracted and nothing removed: planes pass the
    origin of the features as given. n_draws: of t and a dichotomy with it, ≥ 2; for each pair where pairwise. seed:
    of draws and dichotomies, ≥ 0.

    dichotomies: "balanced" (half of the manifolds against the others, anew for each draw; of an odd number, (P ±
    1)/2), "one-versus-rest" (each class in turn), "random" (fair coins, as in the mean-field theory), "pairwise"
    (each two manifolds by themselves, for classes with correlated centers: the field's habit), or an array (K, P) of
    −1 and 1 whose rows are taken in turn: one row gives the capacity of that dichotomy.

    Where the papers leave a choice: S₀ is the mean over all draws, those without weight included, as their formula
    stands (so a single point has D = R = Ψ = 1); expectations are over dichotomies and draws together; alignments
    are cosines, so that they lie in [0, 1] and layers of different scale compare.

    Dimension and radius are those of the sampled points, and fall short of a large manifold's: of balls with D = 10,
    fifty points show 7, two hundred 8 (`benchmarks/effective.py`). Compare at equal numbers of points.

    Memory goes with the square of all points (5,000 points: 800 MB), time with the cube; 1,000 points take two
    seconds, and so do forty pairs of fifty points. Points at zero are left out, as no plane sees them.

    What removal of shared directions changes stands beside it. Twenty balls, 80 % of their centers in two directions:

    >>> import mfta
    >>> about = mfta.manifolds.centers(20, 300, "low-rank", strength=0.8)
    >>> X = mfta.manifolds.balls(20, 300, 15, radius=0.8, dimension=5, about=about)
    >>> round(mfta.effective_geometry(X).summary()["capacity"], 2)  # as they lie; simulated .35
    0.35
    >>> round(mfta.analyze(X, remove_centers=False).summary()["capacity"], 2)  # centers taken for independent
    0.47
    >>> round(mfta.analyze(X).summary()["capacity"], 2)  # the two directions projected away
    0.34

    Warns where no plane separates the manifolds in most draws: capacity is then P over the dimensions of all points.

    Raises GeometryError as analyze does, for a manifold whose points all lie at the origin, and for points that
    differ by no more than rounding beside their distance from it.
    """
    n_draws, seed = whole("n_draws", n_draws, 2), whole("seed", seed, 0)
    if labels is not None:
        manifolds = by_label(manifolds, labels, points, seed)
    elif points is not None:
        raise GeometryError("points is drawn where labels are given: effective_geometry(X, labels=y, points=50)")
    names = tuple(manifolds) if isinstance(manifolds, Mapping) else ()
    name, views = called(manifolds), as_views(manifolds)
    p = len(views)
    names = names or tuple(range(p))
    pairwise = isinstance(dichotomies, str) and dichotomies == "pairwise"
    sets: list[tuple[int, ...]] = list(combinations(range(p), 2)) if pairwise else [tuple(range(p))]
    if not pairwise:
        signs(dichotomies, p, 1, np.random.default_rng(0))  # what is not one is refused before the work
    on_host = not any(is_tensor(x) for x in views)
    workers = (whole("threads", threads, 1) if threads is not None else _cores()) if on_host else 1

    gram = _joint_gram(views, workers, name)
    owner = np.repeat(np.arange(p), [x.shape[1] for x in views])
    seen = np.diag(gram) > 0.0
    counts = np.bincount(owner[seen], minlength=p)
    if not counts.all():
        raise GeometryError(
            f"{name(int(counts.argmin()))} has all its points at the origin, or too near to square; leave it out"
        )
    if not seen.all():
        gram, owner = gram[np.ix_(seen, seen)], owner[seen]
    single = (4 * min(SINGLE, max(precision(x) for x in views))) ** 2
    coarse = float((np.concatenate(moved(views))[seen] / np.diag(gram)).max())

    size = np.diag(gram).mean()
    if not size - gram.mean() > 100 * max(len(gram) * max(2.0**-52, single), coarse) * size:
        raise GeometryError(
            "the points differ by so little, beside their distance from the origin, that rounding decides; subtract "
            "what all of them share"
        )

    def one(group: tuple[int, ...], workers: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        rng = np.random.default_rng([seed, *b"effective", *(group if pairwise else ())])
        y = signs([1, -1] if pairwise else dichotomies, len(group), n_draws, rng)
        inside = np.flatnonzero(np.isin(owner, group))
        floor = max(len(inside) * max(2.0**-52, single), coarse)
        part = gram[np.ix_(inside, inside)] if pairwise else gram
        return _measured(part, np.searchsorted(group, owner[inside]), floor, y, rng, workers)

    results = _each(lambda i: one(sets[i], 1), range(len(sets)), workers) if pairwise else [one(sets[0], workers)]
    values, errors, evidence = (np.array(column).T for column in zip(*results, strict=True))
    if evidence[3].sum() > 0.5 * n_draws * len(sets):
        warnings.warn(
            f"in {evidence[3].sum():.0f} of {n_draws * len(sets)} draws no plane through the origin separates the "
            "manifolds, with all features: capacity is then their number over that of dimensions, whatever they are",
            stacklevel=2,
        )
    return EffectiveGeometry(
        **dict(zip(MEASURES, values, strict=True)),
        stderr=errors,
        interior=evidence[0].astype(int),
        unconverged=evidence[1].astype(int),
        residual=evidence[2],
        points=counts,
        sets=tuple(tuple(names[i] for i in group) for group in sets),
        dichotomies=dichotomies if isinstance(dichotomies, str) else "given",
        n_draws=n_draws,
        seed=seed,
    )


def _joint_gram(views: list[Any], workers: int, name: Callable[[int], str]) -> np.ndarray:
    """Inner products of all points of all manifolds (ΣM, ΣM), about the origin."""
    edges = np.cumsum([0, *(x.shape[1] for x in views)])
    gram = np.empty((edges[-1], edges[-1]))
    nothing = np.zeros(views[0].shape[0])

    def column(j: int) -> None:
        x = views[j]
        rows = np.ascontiguousarray((x.double().cpu().numpy() if is_tensor(x) else x).T, dtype=float)
        for i in range(j + 1):
            block = products(views[i], nothing, rows)
            gram[edges[i] : edges[i + 1], edges[j] : edges[j + 1]] = block
            gram[edges[j] : edges[j + 1], edges[i] : edges[i + 1]] = block.T

    _each(column, reversed(range(len(views))), workers)
    if not np.isfinite(gram).all():
        for i, x in enumerate(views):
            mean_and_gram(x, name(i))  # names what is wrong with it
        raise GeometryError("the manifolds hold numbers too large to square; scale all manifolds down")
    return gram


def _measured(
    gram: np.ndarray, owner: np.ndarray, floor: float, y: np.ndarray, rng: np.random.Generator, workers: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The seven measures, their errors, and (interior draws, unconverged ones, worst residual, draws within the cone)
    of points with Gram matrix (m, m) for dichotomies y (n, P); owner (m,), ascending, says whose each point is."""
    (n, p), m = y.shape, len(owner)
    lengths = np.sqrt(np.diag(gram))
    unit, _ = pivoted_cholesky(gram / lengths / lengths[:, None], floor)  # no scale of a point changes the cone
    t = rng.standard_normal((n, unit.shape[1]))
    gram, overlaps = unit @ unit.T, t @ unit.T  # formed anew, so that it is semidefinite to the last digit
    side = y[:, owner]
    weights, state, residual = _projected(gram, overlaps, side, unit.shape[1], workers)
    # The solver's are relative to the largest overlap, which is small beside a draw in many dimensions.
    residual = residual * np.abs(overlaps).max(1) / np.sqrt(np.square(t).sum(1))
    cost = (weights * overlaps * side).sum(1)
    filled = cost > (1.0 - 1e-9) * np.square(t).sum(1)  # the draw lies in the cone: where all do, it is all of space

    starts = np.searchsorted(owner, np.arange(p))
    mass = np.add.reduceat(weights / lengths, starts, axis=1)
    weights /= np.where(mass > 0.0, mass, 1.0)[:, owner]  # of unit points, so that a row sums to its anchor
    draw, point = np.nonzero(weights)
    anchors = csr_array((weights[draw, point], (draw * p + owner[point], point)), shape=(n * p, m))
    parts = np.array_split(np.arange(n), min(BLOCKS, n))
    kept = np.array(
        [np.full(n, 1.0 / n), *(np.isin(np.arange(n), part, invert=True) / (n - len(part)) for part in parts)]
    )
    centers = np.stack([np.add.reduceat(mean[:, None] * unit, starts, axis=0) for mean in kept @ weights])

    size = max(1, ROOM // (p * unit.shape[1] + 4 * len(kept) * p * p))

    def forms(i: int) -> np.ndarray:
        k = slice(i * size, (i + 1) * size)
        rows = anchors[k.start * p : k.stop * p] @ unit
        return _forms(rows.reshape(-1, p, unit.shape[1]), t[k], centers)

    # ⟨b⟩, ⟨c⟩ and the last two alignments: (4, 1 + parts, n)
    each = np.concatenate(_each(forms, range(-(-n // size)), workers), axis=2)
    with np.errstate(invalid="ignore"):  # NaN where no draw defines it
        b, c, axes, crossed = np.nansum(each * kept, axis=2) / (np.isfinite(each) * kept).sum(2)
    between = mean_cosine(centers @ centers.transpose(0, 2, 1), *[np.linalg.norm(centers, axis=2)] * 2)
    values = measures(np.array([kept @ cost, b, c, between, axes, crossed]), p)
    return (
        values[:, 0],
        left_out(values[:, 1:]),
        np.array([(state == INTERIOR).sum(), (residual > ACCEPTED).sum(), residual.max(), filled.sum()]),
    )


def _projected(
    gram: np.ndarray, overlaps: np.ndarray, side: np.ndarray, rank: int, workers: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Weights, state and residual of each draw's projection on the cone of its points times side (n, m).

    Few points carry weight, so the solver is given those that a draw sees best, then those it is found to violate.
    """
    n, m = overlaps.shape
    few = max(FEW, m // 8)
    if m <= few and (side == side[0]).all():  # a pair
        return solve_draws(gram * np.outer(side[0], side[0]) - 1.0, overlaps * side, rank)
    weights, state, residual = np.zeros((n, m)), np.zeros(n, np.int8), np.zeros(n)

    def solve(k: int) -> None:
        b = overlaps[k] * side[k]
        i = np.argsort(-b, kind="stable")[:few]
        while True:
            signed = gram[np.ix_(i, i)] * np.outer(side[k, i], side[k, i])
            signed -= 1.0  # which the solver adds: it takes points with their center at distance one
            found, state[k : k + 1], residual[k : k + 1] = solve_draws(signed, b[None, i], rank)
            held = np.flatnonzero(found[0])
            slack = side[k] * ((found[0, held] * side[k, i[held]]) @ gram[i[held]]) - b
            slack[i] = 0.0
            violated = np.flatnonzero(slack < -VIOLATION * np.abs(b).max())
            if not len(violated):
                break
            i = np.concatenate([i, violated[np.argsort(slack[violated], kind="stable")[:few]]])
        weights[k, i] = found[0]

    _each(solve, range(n), workers)
    return weights, state, residual


def _forms(anchors: np.ndarray, t: np.ndarray, centers: np.ndarray) -> np.ndarray:
    """b, c and the means of |cosine| between axes and between centers and axes, (4, C, n), of anchors (n, P, r) and
    draws t (n, r), for each of the centers (C, P, r)."""
    own = anchors @ anchors.transpose(0, 2, 1)
    cross = np.einsum("cpr,nqr->cnpq", centers, anchors, optimize=True)  # center p, anchor q
    middle = (centers @ centers.transpose(0, 2, 1))[:, None]
    axes = own - cross - cross.transpose(0, 1, 3, 2) + middle
    along = np.einsum("npr,nr->np", anchors, t) - np.einsum("cpr,nr->cnp", centers, t, optimize=True)
    crossed = cross - middle
    lengths = np.sqrt(np.maximum(np.diagonal(axes, axis1=2, axis2=3), 0.0))
    from_center = np.broadcast_to(np.linalg.norm(centers, axis=2)[:, None], lengths.shape)
    return np.array(
        [
            _form(along, axes),
            _form(along, axes + middle),
            mean_cosine(axes, lengths, lengths),
            mean_cosine(crossed, from_center, lengths),
        ]
    )


def _form(x: np.ndarray, gram: np.ndarray) -> np.ndarray:
    """xᵀ gram† x for x (…, P) in the range of gram (…, P, P), which no scaling of rows changes."""
    scale = np.sqrt(np.maximum(np.diagonal(gram, axis1=-2, axis2=-1), 0.0))
    scale = np.divide(1.0, scale, out=np.zeros_like(scale), where=scale > 0.0)
    values, vectors = np.linalg.eigh(gram * scale[..., None] * scale[..., None, :])
    parts = np.square(((x * scale)[..., None, :] @ vectors)[..., 0, :])
    large = values > DEPENDENT * values[..., -1:]
    return np.divide(parts, values, out=np.zeros_like(parts), where=large).sum(-1)
