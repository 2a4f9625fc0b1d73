"""Fixtures shared by all tests: a store of their own, and CIFAR-100 where it is to be had."""

import hashlib
from pathlib import Path

import pytest
import torch
from made_once import TINY, store_in

from mfta import data, training


@pytest.fixture(autouse=True, scope="session")
def shared_store(tmp_path_factory):
    """Neither do fixtures that several tests share, which are made before a test has its own."""
    with store_in(tmp_path_factory.mktemp("shared")):
        yield


@pytest.fixture(autouse=True)
def own_store(tmp_path, monkeypatch):
    """No test reads or writes the project's runs and results."""
    monkeypatch.setenv("MFTA_RUNS", str(tmp_path / "runs"))
    monkeypatch.setenv("MFTA_RESULTS", str(tmp_path / "results"))
    torch.set_num_threads(1)
    return tmp_path


@pytest.fixture
def cifar100(monkeypatch):
    """CIFAR-100's folder, or a skip with a reason: tests never download."""
    root = Path(__file__).parents[1] / "data"
    root = data.directory().resolve() if (data.directory() / "cifar-100-python").exists() else root
    if not (root / "cifar-100-python").exists():
        pytest.skip("CIFAR-100 is absent: set MFTA_DATA, or run `mfta data cifar100` online")
    monkeypatch.setenv("MFTA_DATA", str(root))
    return root


@pytest.fixture
def uncropped(tmp_path, monkeypatch):
    """Kernels draw each figure once: to crop it, which no test looks at, they draw it twice."""
    profile = tmp_path / "ipython" / "profile_default"
    profile.mkdir(parents=True)
    (profile / "ipython_kernel_config.py").write_text("c.InlineBackend.print_figure_kwargs = {'bbox_inches': None}\n")
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path / "ipython"))


@pytest.fixture
def tiny():
    return dict(TINY)


@pytest.fixture
def first_is_best(monkeypatch):
    """The best epoch is the first, and permuted labels are left alone until after the second, whatever is learned."""
    evaluate = training.evaluate

    def changed(network, dataset, permuted, at, *given, **named):
        accuracy = {"test": 1 - at / 10, "permuted": 0.1 if at < 3 else 0.9}
        rows = evaluate(network, dataset, permuted, at, *given, **named)
        return [row | {"accuracy": accuracy.get(row["examples"], row["accuracy"])} for row in rows]

    monkeypatch.setattr(training, "evaluate", changed)


def file_digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
