"""What an analysis returns: the measures of every manifold and the evidence for them."""

from dataclasses import dataclass, fields
from typing import Any

import numpy as np

from .errors import GeometryError


@dataclass(frozen=True, eq=False)
class ManifoldGeometry:
    """Geometry of P manifolds. Arrays have one entry a manifold, (P,); NaN means undefined.

    Sources: Chung, Lee & Sompolinsky, Phys. Rev. X 8, 031003 (2018); Cohen, Chung, Lee & Sompolinsky, Nat.
    Commun. 11:746 (2020).
    """

    capacity: np.ndarray
    """Manifolds per feature that a linear classifier separates, > 0 (PRX eq. 16)."""
    radius: np.ndarray
    """Anchor radius over the norm of the manifold's centre, ≥ 0 (PRX eq. 28); not the geometric radius."""
    dimension: np.ndarray
    """Anchor dimension, between 0 and the rank (PRX eq. 29); NaN for a single point."""
    capacity_stderr: np.ndarray
    """Standard error over draws; so are the next two."""
    radius_stderr: np.ndarray
    dimension_stderr: np.ndarray
    center_norm: np.ndarray
    """Norm of the manifold's centre after removal over that before, in (0, 1]; where it nearly vanishes,
    the radius is huge and says little."""
    points: np.ndarray
    """Points of the manifold, M."""
    rank: np.ndarray
    """Dimensions D that its centred points span after removal, at most M − 1."""
    interior: np.ndarray
    """Draws whose constraints all hold by themselves: they count with a cost of zero."""
    unconverged: np.ndarray
    """Draws whose optimality conditions were not met; they are in the means all the same."""
    residual: np.ndarray
    """Largest violation of the optimality conditions over draws, relative to the draw's largest overlap."""
    center_correlation: float
    """Mean |cosine| between the centres of two manifolds, in [0, 1], before removal."""
    removed_rank: int
    """Directions of the centres that were projected away; 0 if none."""
    names: tuple
    """Of the manifolds: the classes where labels or a dict were given, else 0, 1, …"""
    features: int
    """N."""
    kappa: float
    n_draws: int
    seed: int

    def summary(self) -> dict[str, float]:
        """Means over manifolds: capacity harmonic, radius and dimension arithmetic.

        `*_stderr` is over manifolds, `*_stderr_draws` what the draws alone contribute; the latter is the
        smaller. `radius_bias` (< 0) is what the finite number of draws takes off the radius on average, to
        first order: −R/(2n) from the divisor n of PRX eq. 28 as the field uses it, and −stderr²/(2R) from
        the root. It is smaller than the error over draws of one manifold, but does not shrink with more
        manifolds. Capacity has no such bias, dimension a negligible one. `radius_median` stands beside the
        mean because one manifold whose centre nearly vanished dominates a mean. The dimension's mean is over
        the manifolds that have one; `undefined` counts the single points, which have none.
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
        return means | {
            "radius_bias": float(-0.5 * bias.sum() / p),
            "radius_median": float(np.median(self.radius)),
            "center_correlation": self.center_correlation,
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

        arrays = {f.name: getattr(self, f.name) for f in fields(self)}
        columns = {name: values for name, values in arrays.items() if isinstance(values, np.ndarray)}
        return pd.DataFrame({"manifold": self.names, **columns})

    def check(self, tol: float = 1e-6) -> "ManifoldGeometry":
        """Return self if every draw was solved, with residuals of at most `tol`; raise GeometryError if
        not."""
        bad = np.flatnonzero((self.unconverged > 0) | ~(self.residual <= tol))
        if len(bad):
            worst = bad[np.argmax(np.where(np.isnan(self.residual[bad]), np.inf, self.residual[bad]))]
            raise GeometryError(
                f"{int(self.unconverged.sum())} of {self.n_draws * len(self.capacity)} draws did not converge; "
                f"the largest residual is {self.residual[worst]:.1e} at manifold {worst} (tolerance {tol:.1e}), "
                f"{len(bad)} manifold(s) are affected; nearly repeated points or a vanished center cause this"
            )
        return self

    def __repr__(self) -> str:
        """One line with the means, and a hint where points and features look exchanged."""
        least = int(self.points.min())
        hint = f"; {self.features} features, {least} points each: do points come first? then transpose"
        hint = hint if least > 2 * self.features and self.features > 1 else ""
        s = self.summary()
        shown = ", ".join(f"{k}={s[k]:.4g}±{s[k + '_stderr']:.1g}" for k in ("capacity", "radius", "dimension"))
        return (
            f"ManifoldGeometry({len(self.capacity)} manifolds: {shown}, "
            f"center_correlation={self.center_correlation:.3g}, removed_rank={self.removed_rank}, "
            f"n_draws={self.n_draws}, unconverged={s['unconverged']}{hint})"
        )


def _over_manifolds(values: np.ndarray) -> float:
    return float(values.std(ddof=1) / np.sqrt(len(values))) if len(values) > 1 else float("nan")


def _over_draws(errors: np.ndarray) -> float:
    return float(np.sqrt(np.square(errors).sum()) / len(errors)) if len(errors) else float("nan")
