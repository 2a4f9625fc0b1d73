"""What an effective analysis returns: the measures of each set of manifolds and the evidence for them."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from .errors import GeometryError

MEASURES = (
    "capacity",
    "dimension",
    "radius",
    "utility",
    "center_alignment",
    "axis_alignment",
    "center_axis_alignment",
)


@dataclass(frozen=True, eq=False)
class EffectiveGeometry:
    """Effective geometry (GLUE). Arrays have one entry a set of manifolds, (G,): one, or each pair if pairwise.

    capacity = utility · (1 + radius⁻²) / dimension in every set, and in the summary.
    """

    capacity: np.ndarray
    """Manifolds per feature at which a dichotomy is separable by a plane through the origin, > 0."""
    dimension: np.ndarray
    """Effective dimension, the axes' share of the draws, per manifold; ≥ 0."""
    radius: np.ndarray
    """Effective radius, of axes beside centers; ≥ 0."""
    utility: np.ndarray
    """Effective utility: the share of the cost 1/capacity that axes beside centers account for."""
    center_alignment: np.ndarray
    """Mean absolute cosine of two manifolds' anchor centers, in [0, 1]."""
    axis_alignment: np.ndarray
    """Mean absolute cosine of two manifolds' axes (anchor less its center) at the same draw."""
    center_axis_alignment: np.ndarray
    """Mean absolute cosine of one manifold's center and another's axis."""
    stderr: np.ndarray
    """(7, G), of these in this order, over draws and their dichotomies: blocks of draws left out in turn."""
    interior: np.ndarray
    """Draws that see no point: they count with a cost of zero."""
    unconverged: np.ndarray
    """Draws whose optimality conditions were not met; they are in the means all the same."""
    residual: np.ndarray
    """Largest violation of the optimality conditions over draws, of points and draw scaled to length one."""
    points: np.ndarray
    """Points of each manifold that do not lie at the origin, (P,)."""
    sets: tuple
    """The names of the manifolds in each set."""
    dichotomies: str
    """The word for them, or "given"."""
    n_draws: int
    seed: int

    def summary(self) -> dict[str, float]:
        """One number a measure: of the set, or of all pairs together.

        The expectations behind capacity, dimension, radius and utility are taken over all sets (so that capacity is
        the harmonic mean), alignments averaged. `*_stderr` is over draws of one set, and over pairs if pairwise: each
        left out in turn.
        """
        sizes = np.array([len(s) for s in self.sets])
        cost = sizes / self.capacity
        means = np.array(
            [cost, sizes * self.dimension, self.utility * cost, *(getattr(self, m) for m in MEASURES[4:])]
        )
        values, errors = measures(means.mean(1), sizes.mean()), self.stderr[:, 0]
        if len(sizes) > 1:
            left = (means.sum(1, keepdims=True) - means) / (len(sizes) - 1)
            errors = left_out(measures(left, sizes.mean()))
        table: dict[str, float] = {}
        for name, value, error in zip(MEASURES, values, errors, strict=True):
            table |= {name: float(value), f"{name}_stderr": float(error)}
        return table | {
            "residual": float(self.residual.max()),
            "interior": int(self.interior.sum()),
            "unconverged": int(self.unconverged.sum()),
            "n_draws": self.n_draws,
        }

    def to_frame(self) -> Any:
        """A pandas table, one row a set: `manifolds` (their names), the measures, their errors and the evidence."""
        import pandas as pd  # for this alone

        columns: dict[str, Any] = {"manifolds": [" ".join(map(str, names)) for names in self.sets]}
        for name, error in zip(MEASURES, self.stderr, strict=True):
            columns |= {name: getattr(self, name), f"{name}_stderr": error}
        evidence = {name: getattr(self, name) for name in ("interior", "unconverged", "residual")}
        return pd.DataFrame(columns | evidence)

    def check(self, tol: float = 1e-6) -> "EffectiveGeometry":
        """Return self if every draw was solved, with residuals of at most `tol`; raise GeometryError if not."""
        bad = np.flatnonzero((self.unconverged > 0) | ~(self.residual <= tol))
        if len(bad):
            count, of = int(self.unconverged.sum()), self.n_draws * len(self.sets)
            raise GeometryError(
                f"{count} of {of} draws did not converge: the largest residual is {self.residual.max():.1e}"
                f" (tolerance {tol:.1e}); nearly repeated points cause this"
            )
        return self

    def __repr__(self) -> str:
        """One line with the measures."""
        s = self.summary()
        shown = ", ".join(f"{name}={s[name]:.4g}±{s[f'{name}_stderr']:.1g}" for name in MEASURES)
        return f"EffectiveGeometry({len(self.points)} manifolds, {self.dichotomies}: {shown}, n_draws={self.n_draws})"


def measures(means: np.ndarray, manifolds: float) -> np.ndarray:
    """The seven measures (7, …) from ⟨a⟩, ⟨b⟩, ⟨c⟩ and the three alignments (6, …)."""
    a, b, c = means[:3]
    with np.errstate(divide="ignore", invalid="ignore"):  # no draw saw a point, or all axes vanish
        return np.array([manifolds / a, b / manifolds, np.sqrt(c / np.maximum(b - c, 0.0)), c / a, *means[3:]])


def left_out(values: np.ndarray) -> np.ndarray:
    """Standard errors of values (7, B) found with one of B parts left out: the jackknife."""
    parts = values.shape[1]
    with np.errstate(invalid="ignore"):  # the error of a radius without bound is unknown
        return np.asarray(np.sqrt((parts - 1) * np.square(values - values.mean(1, keepdims=True)).mean(1)))


def mean_cosine(products: np.ndarray, left: np.ndarray, right: np.ndarray) -> np.ndarray:
    """Mean |cosine| over μ ≠ ν from inner products (…, P, P) and lengths (…, P); NaN where all lengths vanish."""
    sizes = left[..., None] * right[..., None, :] * (1.0 - np.eye(left.shape[-1]))
    defined = sizes > 0.0
    cosines = np.divide(np.abs(products), sizes, out=np.zeros_like(sizes), where=defined)
    count = defined.sum((-2, -1))
    return np.divide(cosines.sum((-2, -1)), count, out=np.full(count.shape, np.nan), where=count > 0)
