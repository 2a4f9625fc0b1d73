"""Where in depth, and when in training, permuted labels are memorized.

The geometry of the unpermuted, permuted, restored and test examples at every layer of one network, for the
untrained network, at the best and the last epoch and at epochs between (the paper's Fig. 3).
"""

from collections.abc import Iterator

import numpy as np
import pandas as pd
from pydantic import Field
from tqdm import tqdm

from mfta import activations, labels, layer_geometry, training
from mfta.configs import Analysis, Epochs, Section


class LayerMemorization(Section, Analysis):
    """Geometry of the four example sets at every layer, over training."""

    sets = ("unpermuted", "permuted", "restored", "test")
    measured_epochs: Epochs = Field((), description="measured besides 0, the last early, the best and the last")
    estimated_statistics: bool = Field(
        True, description="batch norm of the untrained network estimated from training images; False: 0 and 1"
    )


PICTURED = 3
"""Classes whose manifolds are drawn."""


def compute(config: LayerMemorization, fresh: bool = False) -> pd.DataFrame:
    """The section's table for one seed.

    Rows with a ``layer`` hold the geometry of one example set there (:func:`mfta.layer_geometry.measure`); rows
    without one hold accuracy (fraction) and loss (nats) of the whole network after each epoch. ``stage`` is initial,
    early, best, last or empty. Rows with a ``manifold`` (a class) are its points at the deepest hidden layer: ``x``
    and ``y`` in the plane that holds most of the variance of the drawn classes, a share ``explained`` of it. fresh:
    retrain a network that another version of the training code made.
    """
    run = training.run(config.training, fresh)
    examples = layer_geometry.example_rows(run.labels, run.dataset.test_labels, config.points, config.seed)
    measured: list[dict] = []
    epochs = sorted({0, *config.measured_epochs, run.early_epoch or 0, run.best_epoch, config.epochs})
    for epoch in tqdm(epochs, desc=f"geometry, seed {config.seed}", unit="epoch", disable=None):
        network = run.network(epoch)
        if epoch == 0 and config.batch_norm and config.estimated_statistics:
            training.reestimate(network, run.dataset.train_images)  # running averages of 0 and 1 normalise nothing
        rows = layer_geometry.measure(config, config.seed, network, run.dataset, examples)
        for stage in run.stages(epoch):
            measured += [{"epoch": epoch, "stage": stage, **row} for row in rows]
    curves = run.history[run.history["examples"].isin(labels.EXAMPLES)]
    history = [{**row, "stage": stage} for row in curves.to_dict("records") for stage in run.stages(row["epoch"])]
    return pd.DataFrame([*measured, *history, *_pictures(run, examples)])


def plane(points: np.ndarray) -> tuple[np.ndarray, float]:
    """Coordinates (n, 2) of points (n, N) on their first two principal axes, and the share of variance there.

    The sign of an axis is that of its largest entry.
    """
    left, lengths, axes = np.linalg.svd(points - points.mean(0), full_matrices=False)
    signs = np.sign(np.take_along_axis(axes, np.abs(axes).argmax(1)[:, None], 1)[:, 0])
    share = float(np.square(lengths[:2]).sum() / np.square(lengths).sum())
    return (left * lengths * signs)[:, :2], share


def _pictures(run: training.Run, examples: dict[str, np.ndarray]) -> Iterator[dict]:
    """The first classes' manifolds of every example set, before and after memorization."""
    for stage, epoch in (("best", run.best_epoch), ("last", run.config.epochs)):
        network = run.network(epoch)
        layer = network.layers[-2]
        for name, index in examples.items():
            images = run.dataset.test_images if name == "test" else run.dataset.train_images
            drawn = index[:PICTURED]
            [(_, answers)] = activations.record(network, images[drawn.ravel()], [layer])
            places, share = plane(answers.astype(np.float64))
            where = {"epoch": epoch, "stage": stage, "layer": layer, "examples": name, "explained": share}
            for manifold, points in enumerate(places.reshape(*drawn.shape, 2)):
                for x, y in points.round(4):
                    yield {**where, "manifold": manifold, "x": x, "y": y}
