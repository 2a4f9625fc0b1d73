import shutil
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from mfta import data
from mfta.errors import DataError, ParameterError


def test_digits_are_split_balanced_and_disjoint():
    digits = data.load("digits", seed=0)
    assert digits.train_images.shape == (1300, 1, 8, 8)
    assert np.array_equal(np.bincount(digits.train_labels), np.full(10, 130))
    assert len(digits.test_images) == 1797 - 1300
    train = {image.tobytes() for image in digits.train_images.numpy()}
    assert not any(image.tobytes() in train for image in digits.test_images.numpy())
    source = data.SOURCES["digits"]
    assert (source.train_per_class, source.test_per_class) == (130, np.bincount(digits.test_labels).min())
    assert (digits.classes, digits.image_size) == (source.classes, source.image_size)


def test_images_are_standardised_by_the_training_set():
    digits = data.load("digits", train_per_class=50, seed=1)
    assert abs(digits.train_images.mean().item()) < 1e-5
    assert abs(digits.train_images.std(correction=0).item() - 1) < 1e-5


def test_test_images_are_standardised_as_the_training_images_are():
    """Pixels are whole numbers up to 16: standardised alike, those of both sets lie on one grid."""
    digits = data.load("digits", train_per_class=50, seed=1)
    train, test = (np.unique(images.numpy()) for images in (digits.train_images, digits.test_images))
    assert len(train) == len(test) == 17
    np.testing.assert_allclose(train, test, atol=1e-6)


def made(images, targets):
    """A source of these images, all of them for testing too, whatever the seed."""
    read = lambda seed: (images, targets, images, targets)  # noqa: E731
    return data.Source(read, 2, images.shape[1:], 10, 10)


@pytest.fixture
def two_classes(monkeypatch):
    images, targets = np.random.default_rng(0).random((20, 1, 2, 2)), np.repeat([0, 1], 10)
    monkeypatch.setitem(data.SOURCES, "made", made(images, targets))
    data._load.cache_clear()
    yield images, targets
    data._load.cache_clear()


def which(images, raw):
    """The rows of raw that were chosen: whatever all are standardised by, their own pattern stays."""
    patterns = []
    for x in (np.asarray(images, dtype=float).reshape(len(images), -1), raw.reshape(len(raw), -1)):
        x = x - x.mean(1, keepdims=True)
        patterns.append(x / np.linalg.norm(x, axis=1, keepdims=True))
    return (patterns[0] @ patterns[1].T).argmax(1).tolist()


def test_a_subset_follows_the_seed_and_the_checksum_is_of_all_that_was_read(two_classes, monkeypatch):
    images, targets = two_classes
    one, other = (data.load("made", 3, 4, seed=seed) for seed in (0, 1))
    assert one.train_images.shape == (6, 1, 2, 2)
    assert one.test_images.shape == (8, 1, 2, 2)
    for part, labels in (("train_images", "train_labels"), ("test_images", "test_labels")):
        chosen = [which(getattr(of, part), images) for of in (one, other)]
        assert chosen[0] != chosen[1]
        assert all(len(set(rows)) == len(rows) for rows in chosen)
        assert targets[chosen[0]].tolist() == getattr(one, labels).tolist()
    assert one.checksum == other.checksum
    for changed in ((images + 1e-9, targets), (images, 1 - targets)):
        monkeypatch.setitem(data.SOURCES, "made", made(*changed))
        data._load.cache_clear()
        assert data.load("made", 3, 4, seed=0).checksum != one.checksum


WRONG = {
    "pixels last": (lambda x, y: (x.transpose(0, 2, 3, 1), y), "shape (20, 2, 2, 1), not (n, 1, 2, 2)"),
    "no channel": (lambda x, y: (x[:, 0], y), "shape (20, 2, 2), not (n, 1, 2, 2)"),
    "too few labels": (lambda x, y: (x, y[:-1]), "int64 of shape (19,), not 20 whole numbers"),
    "one-hot labels": (lambda x, y: (x, np.eye(2)[y]), "float64 of shape (20, 2), not 20 whole numbers"),
    "labels from 1": (lambda x, y: (x, y + 1), "go from 1 to 2, of 2 values"),
    "a class without images": (lambda x, y: (x, 0 * y), "go from 0 to 0, of 1 values"),
    "not a number": (lambda x, y: (np.where(x == x.max(), np.nan, x), y), "not finite"),
    "infinite": (lambda x, y: (np.where(x == x.max(), -np.inf, x), y), "not finite"),
    "blank": (lambda x, y: (0 * x, y), "the same everywhere"),
}


@pytest.mark.parametrize("part", ["training", "test"])
@pytest.mark.parametrize("wrong", WRONG)
def test_arrays_that_are_not_as_the_source_says_are_refused(two_classes, monkeypatch, wrong, part):
    spoil, message = WRONG[wrong]
    good, bad = two_classes, spoil(*two_classes)
    source = made(*good)
    parts = (*bad, *good) if part == "training" else (*good, *bad)
    monkeypatch.setitem(data.SOURCES, "made", replace(source, read=lambda seed: parts))
    with pytest.raises(DataError) as refusal:
        data.load("made")
    assert message in str(refusal.value)
    assert f"the {part} images of 'made'" in str(refusal.value)  # the labels are those of its images
    assert "\n" not in str(refusal.value)


def test_a_source_may_give_tensors_and_whole_numbers(monkeypatch, two_classes):
    images, targets = two_classes
    whole = (255 * images).astype(np.uint8)
    monkeypatch.setitem(data.SOURCES, "made", made(torch.from_numpy(whole), torch.from_numpy(targets)))
    as_whole = data.load("made")
    monkeypatch.setitem(data.SOURCES, "made", made(whole.astype(float), targets))
    data._load.cache_clear()
    np.testing.assert_allclose(as_whole.train_images, data.load("made").train_images, atol=1e-6)


def test_cifar100_is_read_upright(monkeypatch):
    published = [
        SimpleNamespace(data=np.random.default_rng(n).integers(0, 256, (2, 32, 32, 3), np.uint8), targets=[n, 7])
        for n in range(2)
    ]
    monkeypatch.setattr(data, "cifar100", lambda: published)
    images, targets, test_images, test_targets = data._cifar100(0)
    for found, of in ((images, published[0]), (test_images, published[1])):
        assert found.shape == (2, 3, 32, 32)
        for channel in range(3):
            np.testing.assert_allclose(found[:, channel] * 255, of.data[..., channel], rtol=1e-6)
    assert (targets.tolist(), test_targets.tolist()) == ([0, 7], [1, 7])


def test_the_folder_of_the_official_files_may_be_named_itself(tmp_path, monkeypatch):
    inner = tmp_path / "cifar-100-python"
    for named, found in ((tmp_path, tmp_path), (inner, tmp_path)):
        monkeypatch.setenv("MFTA_DATA", str(named))
        assert data.directory() == found
    (inner / "cifar-100-python").mkdir(parents=True)
    assert data.directory() == inner  # a folder of that name that holds one


def test_the_split_follows_the_seed():
    a, b, c = (data.load("digits", seed=seed).train_images for seed in (0, 0, 1))
    assert a.equal(b)
    assert not a.equal(c)


def test_too_many_images_a_class_are_refused():
    with pytest.raises(ParameterError, match="131 digits training images"):
        data.load("digits", train_per_class=131)


def test_cifar100_absent_and_offline_says_what_to_do(tmp_path, monkeypatch):
    def offline(*_, **__):
        raise OSError("no route to host")

    monkeypatch.setenv("MFTA_DATA", str(tmp_path))
    monkeypatch.setattr("torchvision.datasets.cifar.download_and_extract_archive", offline)
    with pytest.raises(DataError, match=r"could not be downloaded .*no route.* set MFTA_DATA") as refusal:
        data.load("cifar100")
    assert "\n" not in str(refusal.value)


def test_cifar100_balanced_subset(cifar100):
    subset = data.load("cifar100", train_per_class=5, test_per_class=3)
    assert subset.train_images.shape == (500, 3, 32, 32)
    assert subset.classes == 100
    assert np.array_equal(np.bincount(subset.test_labels), np.full(100, 3))


@pytest.mark.parametrize("damage", ["cut", "edited", "missing"])
def test_damaged_cifar100_file_is_named(cifar100, tmp_path, monkeypatch, damage):
    folder = tmp_path / "cifar-100-python"
    folder.mkdir()
    for name in ("train", "meta"):
        (folder / name).symlink_to(cifar100 / "cifar-100-python" / name)
    test = folder / "test"
    if damage != "missing":
        shutil.copy(cifar100 / "cifar-100-python" / "test", test)
        content = bytearray(test.read_bytes())
        content[1000] ^= 1
        test.write_bytes(content[:-1000] if damage == "cut" else content)
    monkeypatch.setenv("MFTA_DATA", str(tmp_path))
    with pytest.raises(
        DataError, match=r"cifar-100-python' is not complete or not as published .* remove it and run `mfta data"
    ):
        data.load("cifar100", train_per_class=2)
