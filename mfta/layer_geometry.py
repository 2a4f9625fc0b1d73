"""The measurement that sections share: the geometry of example sets at the layers of one network."""

import warnings
from collections.abc import Sequence

import numpy as np

from mfta import activations, labels
from mfta.configs import Analysis
from mfta.data import Dataset
from mfta.geometry import GeometryError, analyze
from mfta.networks import Network

COLUMNS = (
    "capacity", "capacity_stderr", "radius", "radius_stderr", "radius_median",
    "dimension", "dimension_stderr", "center_correlation", "removed_rank",
    "large_radii", "unconverged", "residual",
)  # fmt: skip
LARGE = 3
"""``large_radii`` counts radii beyond so many medians: manifolds whose own center nearly vanished."""


def example_rows(
    permuted: labels.PermutedLabels, test_labels: np.ndarray, points: int, seed: int
) -> dict[str, np.ndarray]:
    """For each example set the (classes, points) image indices of its class manifolds.

    Raises ParameterError where a class of a set has fewer than ``points`` examples.
    """
    rows = {name: labels.manifold_examples(permuted, name, points, seed) for name in labels.EXAMPLES[:3]}
    rows["test"] = labels.class_examples(test_labels, points, seed, "test")
    return rows


def measure(
    analysis: Analysis,
    seed: int,
    network: Network,
    dataset: Dataset,
    examples: dict[str, np.ndarray],
    layers: Sequence[str] | None = None,
) -> list[dict]:
    """One row a layer and example set: layer, depth, examples and ``COLUMNS``, in order of depth.

    examples: from :func:`example_rows`. layers: names to measure; None takes every layer. Capacity is the
    harmonic mean over manifolds, radius and dimension are means, standard errors are over manifolds.
    Raises GeometryError naming the layer and the example set.
    """
    rows: list[dict] = []
    for images, tests in ((dataset.train_images, False), (dataset.test_images, True)):
        sets = {name: index for name, index in examples.items() if (name == "test") == tests}
        if not sets:
            continue
        needed = np.unique(np.concatenate([index.ravel() for index in sets.values()]))
        how = (analysis.projection, seed, analysis.before_activation)
        for layer, answer in activations.record(network, images[needed], layers, *how):
            for name, index in sets.items():
                manifolds = activations.manifolds(answer, np.searchsorted(needed, index))
                summary = _summary(analysis, seed, manifolds, f"layer {layer}, {name} examples")
                where = {"layer": layer, "depth": network.layers.index(layer), "examples": name}
                rows.append({**where, **{column: summary[column] for column in COLUMNS}})
    return sorted(rows, key=lambda row: row["depth"])


def _summary(analysis: Analysis, seed: int, manifolds: np.ndarray, where: str) -> dict:
    given = (analysis.kappa, analysis.draws, seed, analysis.remove_centers, analysis.threads)
    try:
        with warnings.catch_warnings():  # the table counts what would be warned of
            warnings.filterwarnings("ignore", "removing .* vanish", UserWarning)
            geometry = analyze(manifolds, *given, cross_check=False)
    except GeometryError as error:
        raise GeometryError(f"{where}: {error}") from None
    summary = geometry.summary()
    return summary | {"large_radii": int((geometry.radius > LARGE * summary["radius_median"]).sum())}
