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


SMALL = {"points": 6, "n_draws": 10, "remove_centers": False}


class Tokens(nn.Module):
    """A transformer of 16 tokens, sequence first where asked."""

    def __init__(self, batch_first, tokens=16):
        super().__init__()
        torch.manual_seed(0)
        self.tokens, self.batch_first = tokens, batch_first
        layer = nn.TransformerEncoderLayer(8, 2, 16, batch_first=batch_first, dropout=0.0)
        self.t = nn.TransformerEncoder(layer, 2, enable_nested_tensor=False)
        self.head = nn.Linear(8 * tokens, 4)

    def forward(self, x):
        x = x.flatten(1)[:, : 8 * self.tokens].reshape(len(x), self.tokens, 8)
        x = self.t(x) if self.batch_first else self.t(x.transpose(0, 1)).transpose(0, 1)
        return self.head(x.flatten(1))


@pytest.mark.parametrize("tokens", [16, 24])  # 24 images: the one number that cannot be told from them in one run
def test_layers_that_do_not_return_images_first_are_refused_by_name_or_left_out(tokens):
    good, turned = Tokens(True, tokens), Tokens(False, tokens)
    named = measure_layers(good, images(), LABELS, "t.layers.1", **SMALL)
    assert list(named["layer"]) == ["input", "t.layers.1"]
    with pytest.raises(GeometryError, match=r"layer 't.layers.1' returns .* images must come first"):
        measure_layers(turned, images(), LABELS, ["t.layers.1"], **SMALL)
    with pytest.warns(UserWarning, match=r"do not return images first: t\.layers\.0\.self_attn"):
        table = measure_layers(turned, images(), LABELS, **SMALL)
    assert list(table["layer"]) == ["input", "head"]
    whole = measure_layers(good, images(), LABELS, **SMALL)
    assert whole["capacity"].iloc[-1] == pytest.approx(table["capacity"].iloc[-1], rel=1e-3)
    assert {"t.layers.0.linear1", "t.layers.0.self_attn"} <= set(whole["layer"])
    assert not whole["layer"].str.endswith("out_proj").any()  # the attention uses its weights and does not call it


def test_a_compiled_model_is_measured_as_the_model_that_it_is():
    plain = nn.Sequential(nn.Flatten(), nn.Linear(3072, 20), nn.ReLU(), nn.Linear(20, 4)).eval()
    expected = measure_layers(plain, images(), LABELS, **SMALL)
    wrapped = torch.compile(plain, backend="eager")
    inside = nn.Sequential(torch.compile(plain, backend="eager"))
    with torch.no_grad():
        for size in (3, 24):
            wrapped(images()[:size])
            inside(images()[:size])
    assert measure_layers(wrapped, images(), LABELS, **SMALL).equals(expected)
    assert measure_layers(inside, images(), LABELS, **SMALL)["capacity"].equals(expected["capacity"])
    with pytest.raises(GeometryError, match="scripted or traced"):
        measure_layers(torch.jit.trace(plain, images()), images(), LABELS, **SMALL)


def test_a_layer_that_cannot_be_measured_costs_its_own_row_alone():
    model = nn.Sequential(nn.Flatten(), nn.Linear(3072, 20), nn.ReLU(), nn.Linear(20, 20))
    with torch.no_grad():
        model[1].bias.fill_(-1e4)  # nothing passes
    with pytest.warns(UserWarning, match="layer '2': not measured: manifold 0 has its center"):
        table = measure_layers(model, images(), LABELS, ["1", "2"], **SMALL)
    assert list(np.isnan(table["capacity"])) == [False, False, True]
    with pytest.raises(GeometryError, match="points is 50"):
        measure_layers(model, images(), LABELS, ["1"])


def test_whatever_holds_images_is_read_or_refused_in_a_line():
    class Odd(nn.Module):
        def __init__(self):
            super().__init__()
            self.pair, self.loss = Pair(), Loss()

        def forward(self, x):
            x = self.pair(x)[1].squeeze()
            return x + self.loss(x)[0]

    class Pair(nn.Module):
        def forward(self, x):
            return None, x.mean((2, 3))[:, :, None]

    class Loss(nn.Module):
        def forward(self, x):
            return x.sum(), {"x": 2 * x}

    model, several = Odd(), images().repeat(3, 1, 1, 1)[:65]  # a last batch of one would be squeezed
    labels = LABELS.repeat(3)[:65]
    table = measure_layers(model, several.requires_grad_(), labels, (name for name in ("pair", "loss")), **SMALL)
    assert list(table["layer"]) == ["input", "pair", "loss"]
    for same in (several.detach().numpy(), list(several.detach())):
        assert measure_layers(model, same, labels, ["pair", "loss"], **SMALL).equals(table)
    with pytest.raises(GeometryError, match=r"images is a DataLoader; .*torch\.cat"):
        measure_layers(model, torch.utils.data.DataLoader(several), labels, ["pair"])
    with pytest.raises(GeometryError, match="the name of the images themselves"):
        measure_layers(model, several, labels, ["pair"], sets={"examples": (several, labels)})
    with pytest.raises(GeometryError, match="not called when the model runs, or returns no tensor: other"):
        model.other = nn.ReLU()
        measure_layers(model, several, labels, ["other", "pair"], **SMALL)


@pytest.mark.filterwarnings("error", "ignore:layer .* a capacity of")  # of four classes
def test_weights_that_no_leaf_holds_are_measured():
    """Attention's, those computed from others, and a module's own beside those of modules in it."""
    model = vision_transformer.VisionTransformer(32, 8, 1, 2, 16, 32, num_classes=4)
    nn.init.normal_(model.heads.head.weight)
    table = measure_layers(model, images(), LABELS, **SMALL)
    assert [name.rpartition(".")[2] for name in table["layer"]] == [
        *("input", "conv_proj", "ln_1", "self_attention", "ln_2", "0", "3", "ln", "head")
    ]
    normed = nn.utils.parametrizations.weight_norm
    linear = nn.Sequential(nn.Flatten(), normed(nn.Linear(3072, 20)), nn.ReLU(), normed(nn.Linear(20, 8)))
    assert list(measure_layers(linear, images(), LABELS, **SMALL)["layer"]) == ["input", "1", "3"]
    with pytest.raises(GeometryError, match="no module of the model holds weights"):
        measure_layers(nn.Flatten(), images(), LABELS, **SMALL)


class Counting(nn.Module):
    """Adds noise of its own, answers one number an image, and counts the images it is given."""

    def __init__(self):
        super().__init__()
        self.weight, self.seen = nn.Parameter(torch.ones(3072) / 3072), []

    def forward(self, x):
        self.seen.append(len(x))
        return (x.flatten(1) + torch.randn(len(x), 3072)) @ self.weight


class Beside(nn.Module):
    """A module that is run, and one that is not."""

    def __init__(self, run):
        super().__init__()
        self.run, self.unused = run, nn.Linear(3, 4)

    def forward(self, x):
        return self.run(x)


def test_no_more_images_are_run_than_are_measured_and_draws_are_the_models_own():
    model = Beside(Counting())
    several, labels = images().repeat(20, 1, 1, 1), LABELS.repeat(20)
    several += 10 * labels[:, None, None, None]
    before = torch.get_rng_state()
    with pytest.warns(UserWarning, match="not measured, as they are not called: unused"):
        one = measure_layers(model, several, labels, **SMALL)
    assert sum(model.run.seen) == 3 + 4 * 6
    assert torch.equal(torch.get_rng_state(), before)
    with pytest.warns(UserWarning, match="not called"):
        assert measure_layers(model, several, labels, **SMALL).equals(one)


class Twice(nn.Module):
    """Calls one layer twice."""

    def __init__(self):
        super().__init__()
        self.one, self.other = nn.Linear(3072, 3072), nn.Linear(3072, 8)

    def forward(self, x):
        return self.other(self.one(self.one(x.flatten(1))))


def test_of_a_layer_that_is_called_twice_the_first_call_is_measured_and_that_is_said():
    model = Twice()
    with pytest.warns(UserWarning, match="measured at the first of several calls: one$"):
        table = measure_layers(model, images(), LABELS, **SMALL)
    by_hand = analyze(model.one(images().flatten(1)).detach(), labels=LABELS, **SMALL).summary()
    assert table["capacity"][1] == pytest.approx(by_hand["capacity"], rel=1e-4)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_how_coarse_half_precision_is_rounded_is_taken_into_account(dtype):
    """Manifolds of two dimensions, small beside their centers: in float32 rounding would count as dimensions."""
    generator = torch.Generator().manual_seed(0)
    plane = torch.randn(24, 2, generator=generator) @ torch.randn(2, 400, generator=generator) / 4
    x = 3 * torch.randn(4, 400, generator=generator)[LABELS] + plane
    model = nn.Sequential(nn.Linear(400, 400, bias=False))
    nn.init.eye_(model[0].weight)
    exact = measure_layers(model, x, LABELS, ["0"], **SMALL)["dimension"][1]
    coarse = measure_layers(model.to(dtype), x.to(dtype), LABELS, ["0"], **SMALL)["dimension"][1]
    assert coarse == pytest.approx(exact, rel=0.02)


def test_several_subsets_of_points_are_those_of_analyze():
    model = nn.Sequential(nn.Flatten(), nn.Linear(3072, 20)).eval()
    several, labels = images().repeat(2, 1, 1, 1) + torch.arange(48)[:, None, None, None] % 5, LABELS.repeat(2)
    table = measure_layers(model, several, labels, **SMALL, repeats=3, seed=5)
    by_hand = analyze(model(several).detach(), labels=labels, **SMALL, repeats=3, seed=5).summary()
    for name, value in by_hand.items():
        assert table[name].iloc[-1] == pytest.approx(value, rel=1e-4, nan_ok=True), name


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"model": None}, "layers of a NoneType cannot be read"),
        ({"model": nn.Linear(3072, 4, device="meta")}, "on the device 'meta'"),
        ({"sets": {"test": images()}}, r"sets\['test'\] is a Tensor; expected a pair"),
        ({"sets": {"test": (images(), LABELS, 3)}}, "expected a pair"),
        ({"labels": LABELS[:5]}, "5 labels for 24 images; expected one label for each image"),
        ({"labels": torch.tensor(3)}, "labels has shape"),
    ],
)
def test_what_cannot_be_measured_is_refused_in_a_line(given, message):
    model = nn.Sequential(nn.Flatten(), nn.Linear(3072, 4))
    with pytest.raises(GeometryError, match=message) as refusal:
        measure_layers(**{"model": model, "images": images(), "labels": LABELS, **SMALL, **given})
    assert "\n" not in str(refusal.value)
