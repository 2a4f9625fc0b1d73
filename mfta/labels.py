"""Permuting labels, and the four example sets that follow from it."""

from dataclasses import dataclass

import numpy as np

from mfta.errors import ParameterError
from mfta.streams import stream

EXAMPLES = ("unpermuted", "permuted", "restored", "test")


@dataclass(frozen=True)
class PermutedLabels:
    """The labels a network is trained on.

    Permuted examples come in blocks that hold one example of every true class and carry every label
    once. So the first m blocks are m examples of each class under the true *and* under the permuted
    labels: restored and permuted manifolds of any size hold the same images.
    """

    true: np.ndarray
    """(n,) the labels as published."""
    trained: np.ndarray
    """(n,) the labels used in training."""
    block: np.ndarray
    """(n,) block of a permuted example, -1 for an unpermuted one."""

    @property
    def permuted(self) -> np.ndarray:
        """(n,) True where an example took part in the permutation, its label unchanged or not."""
        return self.block >= 0

    @property
    def unchanged_fraction(self) -> float:
        """Share of the permuted examples that kept their true label by chance (1/classes expected)."""
        if not self.permuted.any():
            return float("nan")
        return float(np.mean(self.trained[self.permuted] == self.true[self.permuted]))


def permute(labels: np.ndarray, fraction: float, seed: int) -> PermutedLabels:
    """Permute the labels of ``fraction`` (in [0, 1]) of each class, the same number in every class.

    labels: (n,) integers 0 … C-1 with equally many of each. Class counts stay as they are, and true and
    permuted label are uncorrelated: an example keeps its own with chance 1/C.
    Raises ParameterError for a fraction outside [0, 1] and for classes of unequal size.
    """
    if not 0 <= fraction <= 1:
        raise ParameterError(f"permuted_fraction = {fraction} lies outside [0, 1]")
    counts = np.bincount(labels)
    if counts.min() != counts.max():
        raise ParameterError(
            f"classes of {counts.min()} to {counts.max()} training examples: take the same number of each"
        )
    generator = stream(seed, "labels")
    blocks = round(fraction * counts[0])
    block = np.full(len(labels), -1)
    trained = labels.copy()
    order = [generator.permutation(np.flatnonzero(labels == c)) for c in range(len(counts))]
    for j in range(blocks):
        chosen = np.array([examples[j] for examples in order])
        block[chosen] = j
        trained[chosen] = generator.permutation(len(counts))
    return PermutedLabels(true=labels, trained=trained, block=block)


def manifold_examples(labels: PermutedLabels, examples: str, points: int, seed: int) -> np.ndarray:
    """(C, points) indices of training examples: row c is the manifold of class c in the set ``examples``.

    examples: ``unpermuted``, ``permuted`` (grouped by the trained label) or ``restored`` (the same images
    by their true label). Raises ParameterError where a class has fewer than ``points`` of them.
    """
    if examples == "unpermuted":
        return class_examples(np.where(labels.permuted, -1, labels.true), points, seed, examples)
    groups = {"permuted": labels.trained, "restored": labels.true}[examples]
    in_blocks = labels.permuted & (labels.block < points)
    return class_examples(np.where(in_blocks, groups, -1), points, seed, examples)


def class_examples(labels: np.ndarray, points: int, seed: int, examples: str) -> np.ndarray:
    """(C, points) indices, ``points`` random ones of each class; labels of -1 are left out."""
    classes = labels.max() + 1
    counts = np.bincount(labels[labels >= 0], minlength=classes)
    if classes == 0 or counts.min() < points:
        smallest = 0 if classes == 0 else counts.min()
        raise ParameterError(
            f"points = {points} is more than the smallest class of the {examples} examples has ({smallest})"
        )
    generator = stream(seed, f"points {examples}")
    return np.stack([np.sort(generator.permutation(np.flatnonzero(labels == c))[:points]) for c in range(classes)])
