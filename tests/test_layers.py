"""Measuring the layers of models that are not ours."""

import numpy as np
import pytest
import torch
from torch import nn
from torchvision.models import resnet18, vision_transformer

import mfta
from mfta.geometry import GeometryError, analyze
from mfta.layers import measure_layers

LABELS = torch.arange(4).repeat_interleave(6)


def images(size=32):
    generator = torch.Generator().manual_seed(0)
    return torch.randn(4, 3, size, size, generator=generator).repeat_interleave(6, 0) + torch.randn(
        24, 3, size, size, generator=generator
    )


def test_a_residual_network_is_measured_at_every_layer_with_weights():
    model = resnet18(num_classes=4).train()
    model.layer1.eval()
    modes = [m.training for m in model.modules()]
    table = mfta.measure_layers(model, images(), LABELS, points=6, n_draws=20, remove_centers=False)
    assert [m.training for m in model.modules()] == modes
    assert table["layer"].iloc[0] == "input"
    assert table["layer"].iloc[-1] == "fc"
    assert len(table) == 1 + sum(isinstance(m, nn.Conv2d | nn.BatchNorm2d | nn.Linear) for m in model.modules())
    assert np.isfinite(table[["capacity", "radius", "dimension"]]).all(axis=None)
    by_hand = analyze(model.eval()(images()).detach(), labels=LABELS, points=6, n_draws=20, remove_centers=False)
    assert table["capacity"].iloc[-1] == pytest.approx(by_hand.summary()["capacity"], rel=1e-4)


def test_a_transformers_tokens_and_tuples_are_read():
    model = vision_transformer.VisionTransformer(32, 8, 2, 2, 16, 32, num_classes=4)
    layers = ["encoder.layers.encoder_layer_1.self_attention", "encoder.ln"]  # the first returns a tuple
    table = measure_layers(model, images(), LABELS, layers, points=6, n_draws=20, remove_centers=False)
    assert list(table["layer"]) == ["input", *layers]
    assert list(table["features"]) == [3 * 32 * 32, 17 * 16, 17 * 16]


def test_what_a_layer_returns_is_kept_from_changes_in_place():
    plain, in_place = (nn.Sequential(nn.Flatten(), nn.Linear(3072, 20), nn.ReLU(inplace=x)) for x in (False, True))
    in_place.load_state_dict(plain.state_dict())
    a, b = (
        measure_layers(m, images(), LABELS, ["1", "2"], points=6, n_draws=20, remove_centers=False)
        for m in (plain, in_place)
    )
    assert a.equals(b)
    assert a["capacity"][1] != a["capacity"][2]


def test_half_precision_sets_and_several_passes(monkeypatch):
    model = nn.Sequential(nn.Flatten(), nn.Linear(3072, 20), nn.Linear(20, 20))
    once = measure_layers(
        model, images(), LABELS, points=5, sets={"other": (images() + 1, LABELS)}, n_draws=20, remove_centers=False
    )
    assert list(once["examples"]) == ["examples"] * 3 + ["other"] * 3
    monkeypatch.setattr("mfta.layers.MEMORY", 1)
    passes = measure_layers(
        model, images(), LABELS, points=5, sets={"other": (images() + 1, LABELS)}, n_draws=20, remove_centers=False
    )
    assert once.equals(passes)
    half = measure_layers(model.to(torch.bfloat16), images(), LABELS, points=5, n_draws=20, remove_centers=False)
    np.testing.assert_allclose(half["capacity"], once["capacity"][:3], rtol=0.05)


def test_a_layer_that_is_not_there_is_named():
    with pytest.raises(GeometryError, match="no layer 'fc2'"):
        measure_layers(resnet18(num_classes=4), images(), LABELS, ["fc2"], points=6)
