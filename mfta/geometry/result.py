"""What an analysis returns: the measures of every manifold and the evidence for them."""

from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np

from .errors import GeometryError

MEASURED = ("capacity", "radius", "dimension")


@dataclass(frozen=True, eq=False)
class ManifoldGeometry:
    """Geometry of P manifolds. Arrays have one entry a manifold, (P,); NaN means undefined.

    Sources: Chung, Lee & Sompolinsky, Phys. Rev. X 8, 031003 (2018); Cohen, Chung, Lee & Sompolinsky, Nat.
    Commun. 11:746 (2020).
    """

    capacity: np.ndarray
    """Manifolds per feature that a linear classifier separates, > 0 (PRX eq. 16)."""
    radius: np.ndarray
    """Anchor radius over the norm of the manifold's center, ≥ 0 (PRX eq. 28); not the geometric radius."""
    dimension: np.ndarray
    """Anchor dimension, between 0 and the rank (PRX eq. 29); NaN for a single point."""
    capacity_stderr: np.ndarray
    """Standard error over draws; so are the next two."""
    radius_stderr: np.ndarray
    dimension_stderr: np.ndarray
    center_norm: np.ndarray
    """Norm of the manifold's center after removal over that before, in (0, 1]; where it nearly vanishes,
    the radius is huge and says little."""
    center_distance: np.ndarray
    """Distance of the manifold's center from the mean of all points before removal, in units of the input."""
    points: np.ndarray
    """Points of the manifold, M."""
    rank: np.ndarray
    """Dimensions D that its centered points span after removal, at most M − 1."""
    interior: np.ndarray
    """Draws whose constraints all hold by themselves: they count with a cost of zero."""
    unconverged: np.ndarray
    """Draws whose optimality conditions were not met; they are in the means all the same."""
    residual: np.ndarray
    """Largest violation of the optimality conditions over draws, relative to the draw's largest overlap, or
    to a usual one where that is larger."""
    center_correlation: float
    """Mean |cosine| between the centers of two manifolds, in [0, 1], before removal."""
    center_correlation_after: float
    """The same of what removal left, its mean subtracted."""
    removed_rank: int
    """Directions that were projected away, K; 0 if none."""
    curve: np.ndarray
    """Mean |cosine| by number of directions removed, 0, 1, … to the last that was tried. Of more than 200 manifolds
    only every fourth past the eighth is tried; those between lie on straight lines, so the least is one tried."""
    directions: np.ndarray
    """(K, N), orthonormal: what was projected away. As `directions=` of another analysis it is removed there."""
    capacity_at: np.ndarray
    """Rows of a number of directions removed and mean capacity then: K, and its `neighbours` if asked for."""
    names: tuple
    """Of the manifolds: the classes where labels or a dict were given, else 0, 1, …"""
    features: int
    """N."""
    kappa: float
    n_draws: int
    seed: int
    repeats: tuple["ManifoldGeometry", ...] = ()
    """Of several subsets of points, each; this result then holds means, and the first's curve, directions and
    capacity_at."""

    def summary(self) -> dict[str, float]:
        """Means over manifolds: capacity harmonic, radius and dimension arithmetic.

        `*_stderr` is over manifolds, `*_stderr_draws` what the draws alone contribute; the latter is the
        smaller. `radius_bias` (< 0) is what the finite number of draws takes off the radius on average, to
        first order: −R/(2n) from the divisor n of PRX eq. 28 as the field uses it, and −stderr²/(2R) from
        the root. It is smaller than the error over draws of one manifold, but does not shrink with more
        manifolds. Capacity has no such bias, dimension a negligible one. `radius_median` stands beside the
        mean because one manifold whose center nearly vanished dominates a mean. The dimension's mean is over
        the manifolds that have one; `undefined` counts the single points, which have none.

        `capacity_rank_spread` is half the range of capacity over the ranks measured (`neighbours`), NaN for one.
        `*_spread_points` are standard deviations over the subsets of points (`repeats`), where there are several, and
        hold that over draws; the rank's spread is then of the first subset.
        """
        p = len(self.capacity)
        cost = 1.0 / self.capacity
        cost_stderr = np.divide(
            self.capacity_stderr, self.capacity**2, out=np.full(p, np.nan), where=np.isfinite(self.capacity)
        )
        capacity = float(1.0 / cost.mean()) if cost.mean() > 0 else float("inf")
        means = {
            "capacity": capacity,
            "capacity_stderr": capacity**2 * _over_manifolds(cost),
            "capacity_stderr_draws": capacity**2 * _over_draws(cost_stderr),
        }
        for name in ("radius", "dimension"):
            values = getattr(self, name)
            defined = np.isfinite(values)
            means[name] = float(values[defined].mean()) if defined.any() else float("nan")
            means[f"{name}_stderr"] = _over_manifolds(values[defined])
            means[f"{name}_stderr_draws"] = _over_draws(getattr(self, f"{name}_stderr")[defined])
        spread = self.radius > 0  # a point has neither radius nor bias
        bias = self.radius[spread] / self.n_draws + np.square(self.radius_stderr[spread]) / self.radius[spread]
        each = [g.summary() for g in self.repeats]  # means over subsets of points keep the bias of each
        return means | {
            "radius_bias": float(np.mean([s["radius_bias"] for s in each])) if each else float(-0.5 * bias.sum() / p),
            "radius_median": float(np.median(self.radius)),
            "capacity_rank_spread": float(np.ptp(self.capacity_at[:, 1]) / 2)
            if len(self.capacity_at) > 1
            else float("nan"),
            **{f"{name}_spread_points": float(np.std([s[name] for s in each], ddof=1)) for name in MEASURED if each},
            "center_correlation": self.center_correlation,
            "center_correlation_after": self.center_correlation_after,
            "removed_rank": self.removed_rank,
            "center_norm_min": float(self.center_norm.min()),
            "undefined": int(np.isnan(self.dimension).sum()),
            "residual": float(self.residual.max()),
            "interior": int(self.interior.sum()),
            "unconverged": int(self.unconverged.sum()),
            "n_draws": self.n_draws,
        }

    def to_frame(self) -> Any:
        """A pandas table, one row a manifold: `manifold` (its name) and every array of this result."""
        import pandas as pd  # for this alone

        others = ("curve", "directions", "capacity_at")
        names = [of.name for of in fields(self) if of.type is np.ndarray and of.name not in others]
        return pd.DataFrame({"manifold": self.names, **{name: getattr(self, name) for name in names}})

    def check(self, tol: float = 1e-6) -> "ManifoldGeometry":
        """Return self if every draw was solved, with residuals of at most `tol`; raise GeometryError if not."""
        bad = np.flatnonzero((self.unconverged > 0) | ~(self.residual <= tol))
        if len(bad):
            worst = bad[np.argmax(np.where(np.isnan(self.residual[bad]), np.inf, self.residual[bad]))]
            raise GeometryError(
                f"{int(self.unconverged.sum())} of {self.n_draws * len(self.capacity)} draws did not converge; "
                f"the largest residual is {self.residual[worst]:.1e} at manifold {self.names[worst]!r} "
                f"(tolerance {tol:.1e}), {len(bad)} manifold(s) are affected; nearly repeated points or a vanished "
                "center cause this"
            )
        return self

    def __repr__(self) -> str:
        """One line with the means, and a hint where points and features look exchanged."""
        least, several = int(self.points.min()), len(self.points) > 1
        hint = "; more points than features: do points come first? then transpose"
        hint = hint if several and least > self.features > 1 else ""
        s = self.summary()
        shown = ", ".join(f"{k}={s[k]:.4g}±{s[k + '_stderr']:.1g}" for k in MEASURED)
        return (
            f"ManifoldGeometry({len(self.capacity)} manifolds, {self.features} features × {least} points: {shown}, "
            f"center_correlation={self.center_correlation:.3g}, removed_rank={self.removed_rank}, "
            f"n_draws={self.n_draws}, unconverged={s['unconverged']}{hint})"
        )


def averaged(results: list[ManifoldGeometry]) -> ManifoldGeometry:
    """Means over analyses of the same manifolds from several subsets of their points: capacity harmonic, the others
    arithmetic; the errors over draws are those of the means. Counts are sums, the residual is the largest, the rank
    removed the median."""

    def stack(name: str) -> np.ndarray:
        return np.stack([getattr(g, name) for g in results])

    n = len(results)
    cost = 1.0 / stack("capacity")
    capacity = 1.0 / cost.mean(0)
    means = {name: stack(name).mean(0) for name in ("radius", "dimension", "center_norm", "center_distance")}
    errors = {
        f"{name}_stderr": np.sqrt(np.square(stack(f"{name}_stderr")).sum(0)) / n for name in ("radius", "dimension")
    }
    first = results[0]
    return replace(
        first,
        capacity=capacity,
        capacity_stderr=capacity**2 * np.sqrt(np.square(cost**2 * stack("capacity_stderr")).sum(0)) / n,
        **means,
        **errors,
        rank=stack("rank").min(0),
        interior=stack("interior").sum(0),
        unconverged=stack("unconverged").sum(0),
        residual=stack("residual").max(0),
        center_correlation=float(np.mean([g.center_correlation for g in results])),
        center_correlation_after=float(np.mean([g.center_correlation_after for g in results])),
        removed_rank=round(float(np.median([g.removed_rank for g in results]))),
        n_draws=first.n_draws * n,
        repeats=tuple(results),
    )


def _over_manifolds(values: np.ndarray) -> float:
    return float(values.std(ddof=1) / np.sqrt(len(values))) if len(values) > 1 else float("nan")


def _over_draws(errors: np.ndarray) -> float:
    return float(np.sqrt(np.square(errors).sum()) / len(errors)) if len(errors) else float("nan")
