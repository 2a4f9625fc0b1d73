"""Data sets as tensors: where files are looked for, what is checked before they are read."""

import hashlib
import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from sklearn.datasets import load_digits
from torchvision.datasets import CIFAR100

from mfta import store
from mfta.errors import DataError, ParameterError
from mfta.streams import stream

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
    """Where data files are looked for: ``$MFTA_DATA``, else ``data`` in the project."""
    return Path(os.environ.get("MFTA_DATA", store.home() / "data"))


def load(name: str, train_per_class: int | None = None, test_per_class: int | None = None, seed: int = 0) -> Dataset:
    """Load ``digits`` (scikit-learn, 10 classes, 8×8) or ``cifar100`` (100 classes, 32×32, colour).

    train_per_class, test_per_class: a random choice of so many images a class; None takes as many of each
    class as the training set has of all, and every test image. The choice, and for digits the split into
    training and test images, follows ``seed``.
    Raises DataError for absent or altered files, ParameterError for too many images a class.
    """
    readers = {"digits": _digits, "cifar100": _cifar100}
    images, labels, test_images, test_labels = readers[name](seed)
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
    return Dataset(
        name=name,
        train_images=standardised(images[train]),
        train_labels=labels[train],
        test_images=standardised(test_images[test]),
        test_labels=test_labels[test],
        checksum=checksum.hexdigest(),
    )


def _choose(labels: np.ndarray, per_class: int, generator: np.random.Generator, what: str) -> np.ndarray:
    counts = np.bincount(labels)
    if per_class > counts.min():
        raise ParameterError(f"{per_class} {what} images a class, but the smallest class has {counts.min()}")
    chosen = [generator.permutation(np.flatnonzero(labels == c))[:per_class] for c in range(len(counts))]
    return np.sort(np.concatenate(chosen))


def _digits(seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    bunch = load_digits()
    images, labels = bunch.images[:, None] / 16, bunch.target.astype(np.int64)
    train = _choose(labels, DIGITS_TRAIN_PER_CLASS, stream(seed, "digits split"), "digits")
    test = np.setdiff1d(np.arange(len(labels)), train)
    return images[train], labels[train], images[test], labels[test]


def _cifar100(seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    root = directory()
    check_cifar100(root)
    parts = []
    for is_train in (True, False):
        published = CIFAR100(root, train=is_train)
        parts += [published.data.transpose(0, 3, 1, 2) / np.float32(255), np.array(published.targets)]
    return parts[0], parts[1], parts[2], parts[3]


def check_cifar100(root: Path) -> None:
    """Check the MD5 of every file of CIFAR-100 under ``root``; download it where it is absent.

    Raises DataError naming the file, or saying what to do where nothing can be downloaded.
    """
    folder = root / CIFAR100.base_folder
    if not folder.exists():
        try:
            CIFAR100(root, download=True)
        except Exception as error:
            raise DataError(
                f"CIFAR-100 is not in '{folder}' and could not be downloaded ({_reason(error)}):"
                " put the official folder cifar-100-python there, or set MFTA_DATA to where it is"
            ) from None
    for file, md5 in [
        *CIFAR100.train_list,
        *CIFAR100.test_list,
        (CIFAR100.meta["filename"], CIFAR100.meta["md5"]),
    ]:
        path = folder / file
        if not path.exists():
            raise DataError(f"'{path}' is missing: remove '{folder}' and run `mfta data cifar100` again")
        if hashlib.md5(path.read_bytes(), usedforsecurity=False).hexdigest() != md5:
            raise DataError(
                f"'{path}' is not the published file (its MD5 is not {md5}):"
                f" remove '{folder}' and run `mfta data cifar100` again"
            )


def _reason(error: Exception) -> str:
    return str(error).splitlines()[0] if str(error) else type(error).__name__
