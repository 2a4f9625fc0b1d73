import numpy as np
import pandas as pd
import pytest
import torch
from in_sight import functions
from made_once import of_the_book
from torch.nn import functional

import mfta
from mfta import data, labels, networks, sections, training
from mfta.sections import gradients

N, C = 60, 10


@pytest.fixture
def images():
    return data.load("digits", N // C, seed=0)


def network(batch_norm=True, scale=1.0):
    built = networks.build("convnet", C, 4, (1, 8, 8), batch_norm, torch.Generator().manual_seed(0)).double()
    built.get_parameter("head.weight").data *= scale
    return built


def split(network, images, targets, weights=None, batch_size=20):
    weights = torch.full((N,), 1 / N, dtype=torch.double) if weights is None else weights
    return gradients.split(network, images.train_images.double(), torch.from_numpy(targets), weights, batch_size)


@pytest.mark.parametrize("training_mode", [True, False])
@pytest.mark.parametrize("scale", [1.0, 100.0])
def test_the_parts_sum_to_the_gradient_of_the_mean_cross_entropy(images, training_mode, scale):
    model = network(scale=scale).train(training_mode)
    inside = torch.arange(N) % 3 == 0
    parts = split(model, images, images.train_labels, inside / inside.sum()).parts
    targets = torch.from_numpy(images.train_labels)
    loss = (
        sum(
            functional.cross_entropy(
                model(images.train_images[rows].double())[inside[rows]], targets[rows][inside[rows]]
            )
            * inside[rows].sum()
            for rows in torch.arange(N).tensor_split(3)
        )
        / inside.sum()
    )
    loss.backward()
    expected = dict(model.named_parameters())
    for layer, keys in model.keys().items():
        whole = torch.cat([expected[key].grad.flatten() for key in keys if key in expected])
        assert torch.linalg.norm(parts["total"][layer] - whole) < 1e-6 * torch.linalg.norm(whole)
        summed = parts["label_dependent"][layer] + parts["label_independent"][layer]
        assert summed.equal(parts["total"][layer])


def head_weight(parts, part, model):
    return parts[part]["head"][: model.head.weight.numel()].reshape(C, -1)


def features_of(model, images):
    """What the last layer is given."""
    with torch.no_grad():
        return torch.nn.Sequential(*list(model.children())[:-1])(images.train_images.double())


def class_means_gradient(features, targets):
    """−(class mean − global mean)/C of the last layer's features, a row a class."""
    means = torch.stack([features[targets == c].mean(0) for c in range(C)])
    return -(means - features.mean(0)) / C


def test_at_small_initialization_the_head_follows_the_class_means(images):
    """Exactly in the label-dependent part; in all, up to an error that shrinks with the head's weights."""
    errors = []
    for scale in (0.1, 0.01, 0.001):
        model = network(scale=scale).eval()
        parts = split(model, images, images.train_labels).parts
        formula = class_means_gradient(features_of(model, images), images.train_labels)
        assert torch.allclose(head_weight(parts, "label_dependent", model), formula, rtol=1e-9, atol=1e-12)
        errors.append(float((head_weight(parts, "total", model) - formula).norm() / formula.norm()))
    assert errors[1] < 0.02
    slopes = np.diff(np.log10(errors))
    assert np.allclose(slopes, -1, atol=0.02)


def test_the_permuted_part_is_the_noise_of_a_random_sample(images):
    """Its mean square over permutations of the labels is (1 − 1/C) s²/n, s² the features' total variance."""
    features = features_of(network().eval(), images)
    generator = np.random.default_rng(0)
    squares = []
    for _ in range(400):
        shuffled = generator.permutation(images.train_labels)
        squares.append(float(class_means_gradient(features, shuffled).square().sum()))
    expected = (1 - 1 / C) * float(features.var(0).sum()) / N
    stderr = np.std(squares, ddof=1) / np.sqrt(len(squares))
    assert abs(np.mean(squares) - expected) < 4 * stderr
    assert stderr < 0.02 * expected


@pytest.mark.parametrize("batch_norm", [True, False])
def test_scaling_the_head_leaves_its_label_dependent_part_alone_and_scales_the_others(images, batch_norm):
    small, large = (split(network(batch_norm, s).train(), images, images.train_labels).parts for s in (1.0, 7.0))
    for layer, factor in (("head", 1), ("conv1_1", 7), ("conv3_2", 7)):
        expected = factor * small["label_dependent"][layer]
        assert torch.allclose(large["label_dependent"][layer], expected, rtol=1e-6, atol=1e-12)


def test_groups_hold_every_trained_label_once_and_the_right_images():
    permuted = labels.permute(np.repeat(np.arange(C), 20), 0.3, seed=1)
    for name, count in (("permuted", 6), ("unpermuted", 14)):
        groups = gradients._groups(permuted, name, seed=0)
        assert groups.shape == (count, C)
        assert (np.sort(permuted.trained[groups], axis=1) == np.arange(C)).all()
        assert len(np.unique(groups)) == groups.size
        assert (permuted.permuted[groups] == (name == "permuted")).all()


def test_the_table_holds_every_part_set_and_layer(tiny):
    table = mfta.compute("gradients", seeds=[0], **gradients_of(tiny))
    over = table[table["varied"] == "epoch"]
    assert set(over["epoch"]) == {0, 1, 2}
    assert (over.groupby(["epoch", "stage"], dropna=False).size() == 2 * 3 * 8).all()
    assert over.loc[over["examples"] == "permuted", "cosine"].between(-1, 1).all()
    assert over.loc[over["examples"] == "unpermuted", "cosine"].isna().all()
    scales = table[table["varied"] == "head_scale"]
    assert set(scales["head_scale"]) == {1.0, 10.0}
    unscaled = scales[scales["head_scale"] == 1]["norm"].to_numpy()
    assert np.array_equal(unscaled, over[over["epoch"] == 0]["norm"].to_numpy())


def test_norms_of_the_table_are_those_of_a_plain_backward_pass(tiny):
    """The permuted total at initialization, running averages, against one loss over all permuted images."""
    tiny = gradients_of(tiny)
    table = mfta.compute("gradients", seeds=[0], batch_statistics=False, **tiny)
    run = training.run(sections.config("gradients", **tiny).training)
    model = run.network(0)
    inside = torch.from_numpy(run.labels.permuted)
    targets = torch.from_numpy(run.labels.trained)
    functional.cross_entropy(model(run.dataset.train_images[inside]), targets[inside]).backward()
    whole = torch.cat([p.grad.flatten() for p in model.parameters()]).norm().item()
    rows = table[(table["varied"] == "epoch") & (table["epoch"] == 0) & table["layer"].isna()]
    found = rows[(rows["examples"] == "permuted") & (rows["part"] == "total")]["norm"]
    assert found.to_numpy() == pytest.approx(whole, rel=1e-4)


def test_every_row_over_training_is_of_its_own_epoch_set_and_part(tiny, first_is_best):
    """Norms, cosines and confidence by one backward pass a set, without batch norm, where images stand apart."""
    tiny = gradients_of(tiny) | {"batch_norm": False, "measured_epochs": (), "checkpoints": ()}
    table = mfta.compute("gradients", seeds=[0], **tiny)
    run = training.run(sections.config("gradients", **tiny).training)
    assert run.best_epoch == 1
    targets = torch.from_numpy(run.labels.trained)
    whole = table[table["layer"].isna()]
    for epoch, scale in ((0, 1.0), (1, 1.0), (2, 1.0), (0, 10.0)):
        found = {}
        for name in ("unpermuted", "permuted"):
            inside = torch.from_numpy(run.labels.permuted == (name == "permuted"))
            model = run.network(epoch)
            model.get_parameter("head.weight").data *= scale
            logits = model(run.dataset.train_images[inside])
            one_hot = functional.one_hot(targets[inside], C)
            losses = {
                "label_dependent": (logits * (1 / C - one_hot)).sum(1).mean(),
                "total": functional.cross_entropy(logits, targets[inside]),
            }
            confidence = logits.softmax(1).amax(1).mean().item()
            parameters = list(model.parameters())
            for part, loss in losses.items():
                gradient = torch.autograd.grad(loss, parameters, retain_graph=True)
                found[name, part] = torch.cat([of.flatten() for of in gradient])
                rows = whole[(whole["epoch"] == epoch) & (whole["examples"] == name) & (whole["part"] == part)]
                head = rows["varied"] == "head_scale"
                rows = rows[head & (rows["head_scale"] == 10)] if scale > 1 else rows[rows["varied"] == "epoch"]
                row = rows.iloc[0]
                assert row["norm"] == pytest.approx(found[name, part].norm().item(), rel=1e-4)
                assert row["confidence"] == pytest.approx(confidence, rel=1e-4)
                if name == "permuted":
                    cosine = functional.cosine_similarity(found["unpermuted", part], found[name, part], dim=0).item()
                    assert row["cosine"] == pytest.approx(cosine, abs=1e-4)


def gradients_of(tiny):
    return {name: value for name, value in tiny.items() if name not in ("points", "draws")} | {"head_scales": [1, 10]}


@pytest.mark.slow
def test_permuted_labels_are_ignored_at_first_on_digits():
    table = of_the_book("gradients", epochs=1, measured_epochs=[], head_scales=[1.0], checkpoints=[])
    page = functions("gradients")
    at = (table["varied"] == "epoch") & (table["stage"] == "initial") & (table["part"] == "label_dependent")
    norms = table[at & table["layer"].notna()].pivot_table(index="layer", columns="examples", values="norm")
    assert (norms["permuted"] / norms["unpermuted"] < 0.7).all()
    whole = page.by_images(table).query("layer == @page.WHOLE")
    exponents = {name: page.exponent(rows) for name, rows in whole.groupby("examples")}
    assert exponents["permuted"] == pytest.approx(-0.5, abs=0.05)
    assert exponents["unpermuted"] > -0.35


@pytest.mark.parametrize("batch_norm", [True, False])
def test_one_pass_over_groups_gives_all_subsets_and_the_mean_over_all_halvings(tiny, batch_norm):
    """Norm, signal and floor are one identity: norm² = signal + floor²."""
    chosen = gradients_of(tiny) | {"permuted_fraction": 0.2, "batch_norm": batch_norm}
    config = sections.config("gradients", "quick", **chosen, seed=0)
    measurement = gradients._Measurement(config, training.run(config.training))
    rows = pd.DataFrame(measurement.over_groups())
    groups = measurement.groups["permuted"]
    assert len(groups) == 4
    model = measurement.run.network(0)
    parts = [measurement._split(model, group).parts["label_dependent"] for group in groups]
    alone = [gradients._vector(part, None) for part in parts]
    halvings = [((0, 1), (2, 3)), ((0, 2), (1, 3)), ((0, 3), (1, 2))]
    products = [float((alone[a] + alone[b]) @ (alone[c] + alone[d])) / 4 for (a, b), (c, d) in halvings]
    halves = rows[rows["varied"] == "halves"]
    whole = halves[halves["layer"].isna()].set_index("examples")
    assert whole.loc["permuted", "signal"] == pytest.approx(np.mean(products), rel=1e-6)
    assert np.allclose(whole["norm"] ** 2, whole["signal"] + whole["floor"] ** 2)
    assert set(halves["layer"].dropna()) == set(parts[0])

    subsets = rows[(rows["varied"] == "images") & (rows["examples"] == "permuted") & (rows["layer"] == "conv1_1")]
    assert len(subsets) == 4 + 2 + 1 + 1  # of one, two, three and all four groups
    for _, row in subsets.iterrows():
        size = row["images"] // C
        at_once = measurement._split(model, groups[int(row["subset"]) * size :][:size].ravel()).parts[
            "label_dependent"
        ]
        assert row["norm"] == pytest.approx(at_once["conv1_1"].norm().item(), rel=1e-5)


def test_the_fitted_exponent_is_that_of_a_power_law():
    rows = pd.DataFrame({"images": [10, 20, 40, 80]}).assign(norm=lambda rows: 3 * rows["images"] ** -0.2)
    assert functions("gradients").exponent(rows) == pytest.approx(-0.2)


def test_what_is_done_by_hand_is_what_the_section_takes(tiny):
    """Every image lies in one set, and a set's gradient by hand is the section's."""
    config = sections.config("gradients", "quick", **gradients_of(tiny), seed=0)
    run = training.run(config.training)
    images, targets, places = gradients.in_batches(config, run)
    assert sorted(np.concatenate([*places.values()])) == list(range(len(images)))
    share = torch.zeros(len(images))
    share[places["permuted"]] = 1 / len(places["permuted"])
    model = run.network(0).train(config.batch_statistics)
    found = gradients.split(model, images, targets, share, config.batch_size)
    table = gradients.compute(config)
    row = table[(table["varied"] == "epoch") & (table["epoch"] == 0) & (table["layer"] == "head")]
    row = row[(row["examples"] == "permuted") & (row["part"] == "label_dependent")].iloc[0]
    assert float(found.parts["label_dependent"]["head"].norm()) == pytest.approx(row["norm"], rel=1e-4)
