from collections import OrderedDict

import numpy as np
import pytest
import torch
from torch import nn

from mfta import activations, networks


@pytest.fixture
def network():
    return networks.build("convnet", 10, image_size=(1, 8, 8), generator=torch.Generator().manual_seed(0)).eval()


@pytest.fixture
def images():
    return torch.randn(30, 1, 8, 8, generator=torch.Generator().manual_seed(1))


def test_layers_come_in_order_after_their_activation(network, images):
    recorded = dict(activations.record(network, images))
    assert list(recorded) == network.layers
    assert np.array_equal(recorded["input"], images.flatten(1).numpy())
    with torch.no_grad():
        step = images
        for stage in network:
            step = stage(step)
    assert np.allclose(recorded["head"], step.numpy(), atol=1e-6)
    for name, answers in recorded.items():
        if name.startswith("conv"):
            assert answers.min() == 0  # after the ReLU
            assert answers.max() > 0


def test_a_network_in_training_is_read_in_evaluation(network, images):
    before = {name: answer.copy() for name, answer in activations.record(network, images)}
    network.train()
    assert all(np.array_equal(before[name], answer) for name, answer in activations.record(network, images))
    assert not network.training


def test_a_tap_reads_what_the_block_itself_answers(network, images):
    recorded = dict(activations.record(network, images, layers=["conv2_1"]))
    assert list(recorded) == ["conv2_1"]
    with torch.no_grad():
        expected = network.stage2.conv1(network.stage1(images)).flatten(1).numpy()
    assert np.allclose(recorded["conv2_1"], expected, atol=1e-5)


@pytest.mark.parametrize("name", ["convnet", "resnet18", "densenet121"])
def test_what_an_activation_is_given_is_what_makes_its_answer(name):
    """In every layer with a ReLU the two readings differ by it; the others are read alike."""
    network = networks.build(name, 10, width=4, generator=torch.Generator().manual_seed(0)).eval()
    images = torch.randn(4, 3, 32, 32, generator=torch.Generator().manual_seed(1))
    after = dict(activations.record(network, images))
    before = dict(activations.record(network, images, before_activation=True))
    assert list(before) == list(after)
    rectified = [name for name, answer in before.items() if not np.array_equal(answer, after[name])]
    assert all((before[name] < 0).any() for name in rectified)
    assert all(np.array_equal(np.maximum(before[name], 0), after[name]) for name in rectified)
    assert rectified == [name for name in network.layers if name.startswith(("conv", "dense", "block"))]


class Doubled(nn.Module):
    """Calls its one activation twice, and branches on what it reads, which no trace of it would show."""

    def __init__(self):
        super().__init__()
        self.relu = nn.ReLU(inplace=True)

    def forward(self, x):
        return self.relu(x - 1) if x.max() > 1e9 else self.relu(self.relu(x) - 1)


@pytest.mark.parametrize("before", [False, True])
def test_any_module_can_be_a_layer(before):
    stages = OrderedDict(flatten=nn.Flatten(), twice=Doubled(), head=nn.Linear(64, 2))
    network = networks.Network(
        stages,
        {"first": networks.Layer("twice.relu"), "second": networks.Layer("twice"), "head": networks.Layer("head")},
    )
    images = torch.randn(200, 1, 8, 8, generator=torch.Generator().manual_seed(1))
    recorded = dict(activations.record(network, images, before_activation=before))
    x = images.flatten(1)
    first, second = (x, x.relu() - 1) if before else (x.relu(), (x.relu() - 1).relu())
    assert np.array_equal(recorded["first"], first.numpy())
    assert np.array_equal(recorded["second"], second.numpy())
    assert not any(module._forward_hooks for module in network.modules())


def test_little_memory_means_several_passes_and_the_same_answer(network, images, monkeypatch):
    whole = dict(activations.record(network, images))
    monkeypatch.setattr(activations, "MEMORY", 1)
    assert all(np.array_equal(whole[name], answer) for name, answer in activations.record(network, images))


def test_manifolds_group_rows_by_class():
    answers = np.arange(24, dtype=np.float32).reshape(6, 4)
    rows = np.array([[5, 0, 3], [1, 2, 4]])
    grouped = activations.manifolds(answers, rows)
    assert grouped.shape == (2, 4, 3)
    assert np.array_equal(grouped[0].T, answers[[5, 0, 3]])
    in_order = activations.manifolds(answers, np.arange(6).reshape(2, 3))
    assert np.shares_memory(in_order, answers)


def test_projection_keeps_inner_products_within_its_own_error():
    # For rows of norm one, <x', y'> estimates <x, y> with deviation below |x||y| sqrt(2 / features),
    # after the factor N / features that norm-one rows leave out.
    generator = np.random.default_rng(0)
    answers = generator.standard_normal((20, 6000)).astype(np.float32)
    projected = activations.project(answers, 3000, seed=0)
    assert projected.shape == (20, 3000)
    exact, found = answers @ answers.T, projected @ projected.T * 6000 / 3000
    size = np.sqrt(np.outer(np.diag(exact), np.diag(exact)))
    assert np.abs((found - exact) / size).max() < 5 * np.sqrt(2 / 3000)


def test_every_feature_is_projected_by_a_row_of_its_own():
    one_hot = np.zeros((3, 10_000), dtype=np.float32)
    one_hot[[0, 1, 2], [0, 4096, 8192]] = 1  # the matrix is drawn in blocks of 4096
    rows = activations.project(one_hot, 50, seed=0)
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    assert np.abs(rows @ rows.T - np.eye(3)).max() < 5 / 50**0.5


def test_projection_follows_the_seed_alone():
    answers = np.random.default_rng(0).standard_normal((5, 100)).astype(np.float32)
    first, again, other = (activations.project(answers, 40, seed) for seed in (0, 0, 1))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)
    assert np.allclose(activations.project(2 * answers, 40, 0), 2 * first, rtol=1e-5)
