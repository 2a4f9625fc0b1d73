"""Probes beside capacity: can a layer's labels be read off by neighbours, or by a linear read-out?

At every layer, at the best and the last epoch, on the images whose capacity *layer memorization* measures: accuracy
of the k nearest other images of the set, accuracy of a ridge read-out on images it was not fitted to, and the
capacity of the newer theory (GLUE). Permuted and restored examples are the same images, read by two labels.
"""

import warnings

import numpy as np
import pandas as pd
from pydantic import Field
from sklearn.neighbors import KNeighborsClassifier
from tqdm import tqdm

from mfta import activations, layer_geometry, training
from mfta.configs import Section
from mfta.geometry import effective_geometry
from mfta.streams import stream


class Probes(Section):
    """Neighbours and linear probes at every layer."""

    sets = ("unpermuted", "permuted", "restored", "test")
    points: int = Field(40, ge=5, description="images a class, in all four sets")
    neighbours: int = Field(10, ge=1, description="other images of the set whose labels are counted")
    folds: int = Field(5, ge=2, description="parts of the images, each read by a probe that is fitted to the others")
    effective_classes: int = Field(
        20, ge=2, description="classes, the first ones, of which effective capacity is taken"
    )
    draws: int = Field(50, ge=2, description="Gaussian draws of effective capacity")
    projection: int | None = Field(500, ge=2, description="features after random projection of wider layers")


STRENGTHS = np.logspace(-4, 1, 6)
"""Ridge penalties tried, in units of the mean variance of a feature."""


def compute(config: Probes, fresh: bool = False) -> pd.DataFrame:
    """The section's table for one seed: a row a stage (best, last), layer and example set.

    ``neighbours`` is the share of images to which most of their nearest others (by cosine) give the right label,
    ``linear`` the share that a ridge read-out fitted to other images gives it (:func:`linear_probe`): the trained
    label of permuted examples, the true one of all others. ``effective_capacity`` is that of balanced dichotomies
    of the first classes (:func:`mfta.effective_geometry`); it is at least classes over features, so that it says
    nothing at a head. ``chance`` is one over the number of classes.
    fresh: retrain a network that another version of the training code made.
    """
    run = training.run(config.training, fresh)
    examples = layer_geometry.example_rows(run.labels, run.dataset.test_labels, config.points, config.seed)
    labels = np.repeat(np.arange(run.dataset.classes), config.points)
    folds = np.tile(stream(config.seed, "folds").permutation(config.points) % config.folds, run.dataset.classes)
    rows = []
    for stage, epoch in (("best", run.best_epoch), ("last", config.epochs)):
        network = run.network(epoch)
        bar = tqdm(examples.items(), desc=f"probes, seed {config.seed}, {stage} epoch", disable=None)
        for name, index in bar:
            images = run.dataset.test_images if name == "test" else run.dataset.train_images
            recorded = activations.record(network, images[index.ravel()], None, config.projection, config.seed)
            for layer, features in recorded:
                first = features.reshape(run.dataset.classes, config.points, -1)[: config.effective_classes]
                found = {
                    "effective_capacity": capacity(first, config),
                    "neighbours": nearest(features, labels, config.neighbours),
                    "linear": linear_probe(features.astype(np.float64), labels, folds),
                }
                where = {"epoch": epoch, "stage": stage, "layer": layer, "depth": network.layers.index(layer)}
                rows.append({**where, "examples": name, **found, "chance": 1 / run.dataset.classes})
    return pd.DataFrame(rows).sort_values(["epoch", "stage", "depth"], kind="stable", ignore_index=True)


def capacity(features: np.ndarray, config: Probes) -> float:
    """Effective capacity of class manifolds, features (P, points, N): P/N where no plane separates them."""
    clouds = features.transpose(0, 2, 1)
    with warnings.catch_warnings():  # as the page says of narrow layers
        warnings.filterwarnings("ignore", ".* no plane through the origin", UserWarning)
        geometry = effective_geometry(clouds, "balanced", config.draws, config.seed, config.threads)
    return float(geometry.capacity[0])


def nearest(features: np.ndarray, labels: np.ndarray, k: int) -> float:
    """Share of rows of features (n, N) whose label (n,) most of the k nearest others have, by cosine."""
    judge = KNeighborsClassifier(min(k, len(features) - 1), metric="cosine", algorithm="brute")
    return float(np.mean(judge.fit(features, labels).predict(None) == labels))


def linear_probe(features: np.ndarray, labels: np.ndarray, folds: np.ndarray) -> float:
    """Share of rows of features (n, N) to whose label (n,) a ridge read-out of the other folds (n,) gives most.

    A read-out is least squares on centered labels, one of the classes each. Of ``STRENGTHS`` each fold takes the one
    with which the others were read best, so that what is judged has no part in the choice.
    """
    parts = np.unique(folds)
    right = np.zeros((len(parts), len(STRENGTHS)))
    for row, part in enumerate(parts):
        kept, left = folds != part, folds == part
        mean = features[kept].mean(0)
        given, asked = features[kept] - mean, features[left] - mean
        targets = np.equal.outer(labels[kept], np.arange(labels.max() + 1)).astype(float)
        sizes, axes = np.linalg.eigh(given.T @ given)
        pulled, seen = axes.T @ (given.T @ (targets - targets.mean(0))), asked @ axes
        for column, strength in enumerate(STRENGTHS):
            scores = seen @ (pulled / (np.maximum(sizes, 0.0) + strength * sizes.mean())[:, None])
            right[row, column] = np.mean((scores + targets.mean(0)).argmax(1) == labels[left])
    return float(np.mean([of[(right.sum(0) - of).argmax()] for of in right]))
