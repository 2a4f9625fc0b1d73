"""What callers hand over → a list of checked (N, M) arrays or tensors, never copied as a whole."""

from collections.abc import Callable, Mapping, Sequence, ValuesView
from typing import Any

import numpy as np

from .errors import GeometryError

Manifolds = Any  # one (P, N, M) array or tensor, or a sequence of (N, M_i) ones


def as_views(manifolds: Manifolds, fewest: int = 2) -> list[Any]:
    """The manifolds as a list of two-dimensional views (N, M_i): numpy arrays, or tensors that lie on a device.

    Tensors in host memory are read as numpy arrays in place. Raises GeometryError for what is not a set of
    at least `fewest` manifolds of real numbers with equal N; errors call the manifolds by `called`.
    """
    name = called(manifolds)
    if isinstance(manifolds, Mapping):
        manifolds = list(manifolds.values())
    if hasattr(manifolds, "ndim") and hasattr(manifolds, "shape"):
        if manifolds.ndim != 3:
            raise GeometryError(
                f"manifolds has shape {tuple(manifolds.shape)}; expected (manifolds, features, points), a "
                "sequence of (features, points) arrays, or samples × features with labels=y"
            )
    elif not isinstance(manifolds, Sequence | ValuesView):
        raise GeometryError(f"manifolds is a {type(manifolds).__name__}; expected an array or a sequence of arrays")
    views = [_as_view(x, name(i)) for i, x in enumerate(manifolds)]
    if len(views) < fewest:
        raise GeometryError(f"{len(views)} manifold(s) given; at least {fewest} are needed to have centers apart")
    features = int(views[0].shape[0])
    for i, x in enumerate(views):
        if int(x.shape[0]) != features:
            raise GeometryError(
                f"{name(i)} has {int(x.shape[0])} features, {name(0)} has {features}; expected "
                "(features, points) with equal features (transpose if points come first)"
            )
    return views


def called(manifolds: Any) -> Callable[[int], str]:
    """What errors call the i-th of manifolds: by its key of a dict, else by its number."""
    names = list(manifolds) if isinstance(manifolds, Mapping) else None
    return lambda i: f"manifold {i}" if names is None else f"manifold {names[i]!r}"


READ_AS_THEY_ARE = ("float16", "float32", "float64")  # of torch's; what NumPy has not is read as a tensor


def _readable(x: Any, name: str) -> Any:
    """x as an array, or as the tensor that it is where it lies on a device or NumPy has not its type."""
    if hasattr(x, "detach") and hasattr(x, "device"):
        x = x.detach().resolve_conj().resolve_neg()
        if str(x.layout) != "torch.strided" or x.is_quantized:
            raise GeometryError(f"{name} is a sparse or quantized tensor; pass x.to_dense() or x.dequantize()")
        of_numpy = not x.is_floating_point() or str(x.dtype).removeprefix("torch.") in READ_AS_THEY_ARE
        return x.cpu().numpy() if x.device.type != "cuda" and of_numpy else x
    if np.ma.isMaskedArray(x) and np.ma.getmaskarray(x).any():
        raise GeometryError(f"{name} is masked in places; leave those points out")
    if hasattr(x, "toarray"):
        raise GeometryError(f"{name} is sparse; pass x.toarray()")
    return _array(name, x)


def _array(name: str, x: Any, dtype: type | None = None) -> np.ndarray:
    """x as an array, whatever it is a list of."""
    try:
        if isinstance(x, list | tuple) and any(hasattr(part, "detach") for part in x):
            x = [part.detach().cpu() if hasattr(part, "detach") else part for part in x]
        return np.asarray(x, dtype=dtype)
    except (TypeError, ValueError, RuntimeError) as error:
        raise GeometryError(f"{name} cannot be read as an array: {str(error).splitlines()[0]}") from None


def _as_view(x: Any, name: str) -> Any:
    x = _readable(x, name)
    if x.ndim != 2:
        raise GeometryError(f"{name} has shape {tuple(x.shape)}; expected (features, points)")
    if 0 in x.shape:
        raise GeometryError(f"{name} is empty: shape {tuple(x.shape)}; leave it out")
    if isinstance(x, np.ndarray) and x.dtype.kind not in "fiub":
        raise GeometryError(f"{name} has dtype {x.dtype}; expected real numbers")
    return x


def by_label(samples: Any, labels: Any, points: int | None, seed: int) -> dict[Any, Any]:
    """Samples (n, features, …) and their labels (n,) → class → (features, M), with equal M drawn by seed.

    points: M, by default what the smallest class has. Raises GeometryError where a class has fewer.
    """
    missing = sum(map(_is_missing, labels)) if isinstance(labels, list | tuple) else 0  # NumPy would spell them out
    labels = _readable(labels, "labels")
    labels = labels.double().cpu().numpy() if is_tensor(labels) else labels
    samples = _readable(samples, "X")
    if labels.ndim != 1 or not len(labels) or not samples.ndim or len(samples) != len(labels):
        raise GeometryError(
            f"labels has shape {labels.shape}, X {tuple(samples.shape)}; expected one label for each row of X"
        )
    missing = missing or sum(map(_is_missing, labels.tolist()))
    if missing:
        raise GeometryError(f"labels has {missing} missing value(s); leave these rows out")
    samples = samples.reshape(len(samples), -1)
    try:
        classes, counts = np.unique(labels, return_counts=True)
    except TypeError:
        raise GeometryError("labels are of types without a common order; make them all numbers or all text") from None
    names, most = classes.tolist(), int(counts.min())
    if points is not None and whole("points", points, 1) > most:
        raise GeometryError(f"points is {points}, but class {names[counts.argmin()]!r} has {most}")
    if points is None and most == 1:
        raise GeometryError(
            f"class {names[counts.argmin()]!r} has a single point, and so would all; leave it out, or pass points=1"
            " (a label says whose a row is: for manifolds that are apart already, pass a dict class → array)"
        )
    rng = np.random.default_rng([seed, *b"points"])
    return {
        name: samples[np.sort(rng.choice(np.flatnonzero(labels == label), points or most, False))].T
        for label, name in zip(classes, names, strict=True)
    }


def _is_missing(label: Any) -> bool:
    try:
        return label is None or bool(label != label)  # NaN and NaT are not themselves
    except TypeError:  # pandas' NA is neither
        return True


def rescaled(views: list[Any]) -> tuple[list[Any], float]:
    """The manifolds times a power of two that brings their largest number to about one, and that factor."""
    largest = max(float(abs(x).max()) for x in views)
    factor = 2.0 ** -np.clip(np.frexp(largest)[1], -1000, 1000) if 0.0 < largest < np.inf else 1.0
    return [(x.double() if is_tensor(x) else x.astype(float)) * factor for x in views], float(factor)


def orthonormal(directions: Any, features: int) -> np.ndarray:
    """Rows (K, N) that span what those of `directions` span, or a GeometryError."""
    rows = _array("directions", directions.detach().cpu() if hasattr(directions, "detach") else directions, float)
    if rows.ndim != 2 or rows.shape[1] != features or len(rows) >= features or not np.isfinite(rows).all():
        raise GeometryError(
            f"directions has shape {rows.shape}; expected fewer than {features} rows of {features} numbers"
        )
    if np.allclose(rows @ rows.T, np.eye(len(rows)), rtol=0, atol=1e-12):
        return rows
    basis, triangle = np.linalg.qr(rows.T)
    if np.abs(np.diag(triangle)).min() <= 1e-12 * np.abs(triangle).max():
        raise GeometryError("directions depend on each other; leave out those that add nothing")
    return np.ascontiguousarray(basis.T)


def is_tensor(x: Any) -> bool:
    """Whether x is a tensor: on a device, or of a type that NumPy has not (others have become arrays)."""
    return not isinstance(x, np.ndarray)


def precision(x: Any) -> float:
    """The relative rounding of the numbers in x: of its floating type, or (also for integers) of float64; of the
    coarsest ones less, as their errors average over features and points."""
    names = {"float16": 2.0**-10, "float32": 2.0**-23, "bfloat16": 2.0**-10, "float8_e4m3fn": 2.0**-8}
    return names.get(str(x.dtype).removeprefix("torch."), 2.0**-52)


SINGLE = 2.0**-23
COARSE = {"float16": 2.0**-12, "bfloat16": 2.0**-9, "float8_e4m3fn": 2.0**-5}
"""Root mean square of the relative rounding of coarser types, beside which real directions can be small."""


def moved(views: Sequence[Any]) -> list[np.ndarray]:
    """By manifold (N, M), twice the distance by which rounding to a coarse type moved each point, squared: (M,).

    What all points have in common, features that are equal everywhere, is rounded alike and counts for nothing. Zeros
    for single and double precision.
    """
    sizes = [2 * COARSE.get(str(x.dtype).removeprefix("torch."), 0.0) for x in views]
    if not any(sizes):
        return [np.zeros(x.shape[1]) for x in views]
    values = [x.float().cpu().numpy() if is_tensor(x) else x.astype(float) for x in views]
    varies = np.max([x.max(1) for x in values], axis=0) > np.min([x.min(1) for x in values], axis=0)
    return [np.square(size * x[varies]).sum(0, dtype=float) for size, x in zip(sizes, values, strict=True)]


def whole(name: str, value: Any, least: int) -> int:
    """`value` as an integer of at least `least`, or a GeometryError that names it."""
    if np.ndim(value):
        raise GeometryError(f"{name} is an array; class labels go by name: labels=y")
    if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < least:
        raise GeometryError(f"{name} is {value!r}; expected a whole number, {least} or more")
    return int(value)


def margin(kappa: Any) -> float:
    """The margin κ as a float, or a GeometryError if it is negative or not finite."""
    if np.ndim(kappa):
        raise GeometryError("kappa is an array; class labels go by name: analyze(X, labels=y)")
    try:
        value = float(kappa)
    except (TypeError, ValueError):
        raise GeometryError(f"kappa is {kappa!r}; expected a number") from None
    if not 0.0 <= value < np.inf:
        raise GeometryError(f"kappa is {kappa!r}; the margin must be finite and 0 or more")
    return value
