"""Data sets as tensors: where files are looked for, what is checked before they are read."""

import hashlib
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import torch

from mfta import store
from mfta.errors import DataError, ParameterError
from mfta.streams import stream

CIFAR100 = "cifar-100-python"  # the folder of the official files
DIGITS_TRAIN_PER_CLASS = 130  # of about 180; the rest is for testing


@dataclass(frozen=True)
class Dataset:
    """Images as float32 tensors (n, channels, height, width), standardised by the training images.

    The training set has equally many images of every class.
    """

    name: str
    train_images: torch.Tensor
    train_labels: np.ndarray
    test_images: torch.Tensor
    test_labels: np.ndarray
    checksum: str
    """SHA-256 of the images and labels as read, before the choice of a subset."""

    @property
    def classes(self) -> int:
        """Number of classes."""
        return int(self.train_labels.max()) + 1

    @property
    def image_size(self) -> tuple[int, int, int]:
        """Channels, height and width."""
        channels, height, width = self.train_images.shape[1:]
        return channels, height, width


def directory() -> Path:
    """Where data files are looked for: ``$MFTA_DATA``, else ``data`` in the project.

    The variable may name the folder that holds ``cifar-100-python``, or that folder itself.
    """
    root = store.folder("MFTA_DATA", "data")
    inside = root.name == CIFAR100 and not (root / CIFAR100).exists()
    return root.parent if inside else root


def load(name: str, train_per_class: int | None = None, test_per_class: int | None = None, seed: int = 0) -> Dataset:
    """Load data set ``name``, a key of ``SOURCES``: read once a process, and so not to be written into.

    train_per_class, test_per_class: a random choice of so many images a class; None takes as many of each
    class as the training set has of all, and every test image. The choice, and for digits the split into
    training and test images, follows ``seed``.
    Raises DataError for absent or altered files and for arrays that are not as the source says, ParameterError for
    too many images a class.
    """
    return _load(name, train_per_class, test_per_class, seed)


@lru_cache(maxsize=1)  # one is up to 0.7 GB
def _load(name: str, train_per_class: int | None, test_per_class: int | None, seed: int) -> Dataset:
    images, labels, test_images, test_labels = map(np.asarray, SOURCES[name].read(seed))
    _check(f"the training images of '{name}'", images, labels, SOURCES[name])
    _check(f"the test images of '{name}'", test_images, test_labels, SOURCES[name])
    checksum = hashlib.sha256()
    for array in (images, labels, test_images, test_labels):
        checksum.update(np.ascontiguousarray(array).data)
    available = int(np.bincount(labels).min())
    train = _choose(labels, train_per_class or available, stream(seed, "train subset"), f"{name} training")
    mean = images[train].mean(axis=(0, 2, 3), keepdims=True, dtype=np.float64)
    scale = images[train].std(axis=(0, 2, 3), keepdims=True, dtype=np.float64)

    def standardised(array: np.ndarray) -> torch.Tensor:
        return torch.from_numpy(((array - mean) / scale).astype(np.float32))

    test = np.arange(len(test_labels))
    if test_per_class is not None:
        test = _choose(test_labels, test_per_class, stream(seed, "test subset"), f"{name} test")
    labels, test_labels = labels[train], test_labels[test]
    for array in (labels, test_labels):
        array.flags.writeable = False
    return Dataset(
        name=name,
        train_images=standardised(images[train]),
        train_labels=labels,
        test_images=standardised(test_images[test]),
        test_labels=test_labels,
        checksum=checksum.hexdigest(),
    )


def _check(what: str, images: np.ndarray, labels: np.ndarray, source: "Source") -> None:
    """Refuse arrays that training would take for something else, or fail on much later."""
    if images.ndim != 4 or images.shape[1:] != source.image_size:
        size = ", ".join(map(str, source.image_size))
        raise DataError(
            f"{what} are an array of shape {images.shape}, not (n, {size}): order its axes as image, channel, height,"
            " width, or correct the source's image_size"
        )
    if labels.shape != images.shape[:1] or not np.issubdtype(labels.dtype, np.integer):
        raise DataError(
            f"the labels of {what} are {labels.dtype} of shape {labels.shape}, not {len(images)} whole numbers:"
            " give each image its class"
        )
    if set(np.unique(labels)) != set(range(source.classes)):
        raise DataError(
            f"the labels of {what} go from {labels.min()} to {labels.max()}, of {len(np.unique(labels))} values:"
            f" number the source's {source.classes} classes from 0, and have images of each"
        )
    lowest, highest = images.min(axis=(0, 2, 3)), images.max(axis=(0, 2, 3))  # NaN where any value is
    if not (np.isfinite(lowest) & np.isfinite(highest) & (lowest < highest)).all():
        raise DataError(f"{what} have a channel that is the same everywhere or not finite: mend or leave it out")


def _choose(labels: np.ndarray, per_class: int, generator: np.random.Generator, what: str) -> np.ndarray:
    counts = np.bincount(labels)
    if per_class > counts.min():
        raise ParameterError(f"{per_class} {what} images a class, but the smallest class has {counts.min()}")
    chosen = [generator.permutation(np.flatnonzero(labels == c))[:per_class] for c in range(len(counts))]
    return np.sort(np.concatenate(chosen))


def _digits(seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    from sklearn.datasets import load_digits  # here and below: imports that take seconds, where they are needed

    bunch = load_digits()
    images, labels = bunch.images[:, None] / 16, bunch.target.astype(np.int64)
    train = _choose(labels, DIGITS_TRAIN_PER_CLASS, stream(seed, "digits split"), "digits")
    test = np.setdiff1d(np.arange(len(labels)), train)
    return images[train], labels[train], images[test], labels[test]


def _cifar100(seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    parts = []
    for published in cifar100():
        parts += [published.data.transpose(0, 3, 1, 2) / np.float32(255), np.array(published.targets)]
    return parts[0], parts[1], parts[2], parts[3]


def cifar100() -> list[Any]:
    """The published training and test set, their files checked by torchvision, downloaded where they are absent.

    Raises DataError that says what to do.
    """
    from torchvision import datasets

    root = directory()
    folder = root / CIFAR100
    if not folder.exists():
        _download(folder)
    try:
        return [datasets.CIFAR100(root, train) for train in (True, False)]
    except RuntimeError:
        raise DataError(
            f"'{folder}' is not complete or not as published (train, test, meta):"
            " remove it and run `mfta data cifar100` again"
        ) from None
    except OSError as error:
        raise DataError(f"'{error.filename}' cannot be read ({error.strerror}): allow reading it") from None


def _download(folder: Path) -> None:
    """Fetch CIFAR-100 aside and put it in its place whole; whoever asks meanwhile waits for it."""
    from torchvision import datasets

    try:
        with store.lock(folder), tempfile.TemporaryDirectory(dir=folder.parent, prefix=".fetching-") as aside:
            if not folder.exists():
                datasets.CIFAR100(aside, download=True)
                (Path(aside) / folder.name).rename(folder)
    except Exception as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise DataError(
            f"CIFAR-100 is not in '{folder}' and could not be downloaded ({reason}): put the official folder"
            f" {folder.name} there, or set MFTA_DATA to the folder that holds it"
        ) from None


@dataclass(frozen=True)
class Source:
    """How a data set is read, and what is known of it before it is."""

    read: Callable[[int], tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]]
    """From a seed: training images (n, channels, height, width), labels, test images and labels."""
    classes: int
    image_size: tuple[int, int, int]
    train_per_class: int
    """Images of the smallest class, and so at most to be taken of each."""
    test_per_class: int


SOURCES = {
    "digits": Source(_digits, 10, (1, 8, 8), DIGITS_TRAIN_PER_CLASS, 44),
    "cifar100": Source(_cifar100, 100, (3, 32, 32), 500, 100),
}
"""Every data set."""
