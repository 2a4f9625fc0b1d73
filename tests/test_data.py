import shutil

import numpy as np
import pytest

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
