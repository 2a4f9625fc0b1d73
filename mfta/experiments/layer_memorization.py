"""Section 1: where in depth, and when in training, permuted labels are memorized.

The geometry of the unpermuted, permuted, restored and test examples at every layer of one network, for the
untrained network, at the best and the last epoch and at epochs between (the paper's Figs. 2 and 3).
"""

from collections.abc import Iterator

import numpy as np
import pandas as pd
import torch
from tqdm.auto import tqdm

from mfta import activations, labels, training
from mfta.configs import LayerMemorization
from mfta.geometry import GeometryError, analyze
from mfta.networks import Network

CODE = (*training.CODE, "activations.py", "geometry", "experiments/layer_memorization.py")
"""What this section's table depends on."""

GEOMETRY = (
    "capacity", "capacity_stderr", "radius", "radius_stderr", "radius_median",
    "dimension", "dimension_stderr", "center_correlation", "removed_rank",
    "large_radii", "unconverged", "residual",
)  # fmt: skip
LARGE = 3
"""A manifold whose centre nearly vanished has a radius beyond so many medians; ``large_radii`` counts them."""


def compute(config: LayerMemorization, fresh: bool = False) -> pd.DataFrame:
    """The section's table for one seed.

    Rows with a ``layer`` hold the geometry of one example set there (columns ``GEOMETRY``: capacity as
    harmonic mean over manifolds, radius and dimension as means, standard errors over manifolds); rows
    without one hold accuracy (fraction) and loss (nats) of the whole network after each epoch.
    fresh: retrain a network that another version of the training code made.
    """
    run = training.run(config.training, fresh)
    stages = {0: ["initial"], run.best_epoch: ["best"]}
    stages.setdefault(config.epochs, []).append("last")
    epochs = sorted({*stages, *config.measured_epochs})
    measured = [
        {"epoch": epoch, "stage": stage, **row}
        for epoch, rows in zip(epochs, _measure(config, run, epochs), strict=True)
        for stage in stages.get(epoch, [""])
        for row in rows
    ]
    at = {epoch: names[0] for epoch, names in stages.items()}
    history = run.history.assign(stage=run.history["epoch"].map(at).fillna(""))
    table = pd.concat([pd.DataFrame(measured), history], ignore_index=True)
    table.insert(0, "seed", config.seed)
    return table


def _measure(config: LayerMemorization, run: training.Run, epochs: list[int]) -> Iterator[list[dict]]:
    dataset = training.data_of(config.training)
    permuted = training.labels_of(config.training, dataset)
    examples = example_rows(config, permuted, dataset.test_labels)
    bar = tqdm(epochs, desc=f"geometry, seed {config.seed}", unit="epoch", disable=None)
    for epoch in bar:
        network = run.network(epoch)
        rows: list[dict] = []
        for images, sets in ((dataset.train_images, labels.EXAMPLES[:3]), (dataset.test_images, ("test",))):
            rows += _measure_sets(config, network, images, {name: examples[name] for name in sets})
        yield sorted(rows, key=lambda row: row["depth"])


def example_rows(
    config: LayerMemorization, permuted: labels.PermutedLabels, test_labels: np.ndarray
) -> dict[str, np.ndarray]:
    """For each example set the (classes, points) image indices of its class manifolds.

    Raises ParameterError where a class is smaller than ``config.points``.
    """
    rows = {
        name: labels.manifold_examples(permuted, name, config.points, config.seed)
        for name in labels.EXAMPLES[:3]
    }
    rows["test"] = labels.class_examples(test_labels, config.points, config.seed, "test")
    return rows


def _measure_sets(
    config: LayerMemorization, network: Network, images: torch.Tensor, sets: dict[str, np.ndarray]
) -> Iterator[dict]:
    """Geometry of the example sets that are drawn from the same images, layer by layer."""
    needed = np.unique(np.concatenate([rows.ravel() for rows in sets.values()]))
    layers = activations.record(network, images[needed], config.projection, config.seed)
    for depth, (layer, answers) in enumerate(layers):
        for name, rows in sets.items():
            manifolds = activations.manifolds(answers, np.searchsorted(needed, rows))
            try:
                geometry = analyze(
                    manifolds, config.kappa, config.draws, config.seed, config.remove_centers
                )
            except GeometryError as error:
                raise GeometryError(f"layer {layer}, {name} examples: {error}") from None
            summary = geometry.summary()
            summary["large_radii"] = int((geometry.radius > LARGE * summary["radius_median"]).sum())
            yield {
                "layer": layer,
                "depth": depth,
                "examples": name,
                **{column: summary[column] for column in GEOMETRY},
            }
