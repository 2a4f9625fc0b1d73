"""Neurons: which channels are zeroed, against networks taken apart by hand."""

import numpy as np
import pytest
import torch

import mfta
from mfta import networks, training
from mfta.sections import neurons

TINY = {"seeds": [1], "epochs": 25, "train_per_class": 40, "images": 20, "most": 12, "others": 8, "checkpoints": ()}
SHAPES = {
    "convnet": {"image_size": (1, 8, 8), "hidden": 4},
    "resnet9": {"image_size": (3, 16, 16)},
    "resnet18": {"image_size": (3, 16, 16)},
    "densenet121": {"image_size": (3, 32, 32)},
}


def built(name, batch_norm=True):
    network = networks.build(
        name, 5, 4, batch_norm=batch_norm, generator=torch.Generator().manual_seed(0), **SHAPES[name]
    )
    for module in network.modules():  # as after training: nothing is zero or one
        for weights in module.parameters(recurse=False):
            with torch.no_grad():
                weights += 0.1 * torch.randn(weights.shape, generator=torch.Generator().manual_seed(weights.numel()))
    return network.eval().requires_grad_(False)


def some(name, n=6):
    generator = torch.Generator().manual_seed(1)
    return torch.randn(n, *SHAPES[name]["image_size"], generator=generator), torch.arange(n) % 5


@pytest.mark.parametrize("name", SHAPES)
@pytest.mark.parametrize("batch_norm", [True, False])
def test_a_channel_zeroed_by_its_mask_is_one_whose_weights_are_zero(name, batch_norm):
    if name == "densenet121" and not batch_norm:
        pytest.skip("densenet121 is not built without batch norm")
    network, images = built(name, batch_norm).double(), some(name)[0].double()
    masks, modules = neurons._ones(network, len(images)), neurons._last_modules(network)
    assert [*masks, "head"] == list(network.keys())
    layer = list(masks)[-2]
    masks[layer][:, 1] = 0
    found = neurons._logits(network, images, masks)
    for weights in network.get_submodule(modules[layer]).parameters():
        weights[1] = 0
    torch.testing.assert_close(network(images).float(), found)
    assert not network._forward_hooks


def test_slopes_are_those_of_small_steps():
    network, (images, targets) = built("convnet"), some("convnet")
    network.double()
    margin, slopes = neurons.margins(network, images.double(), targets)
    step = 1e-3
    for layer, channel in (("conv1_2", 2), ("conv3_1", 5), ("fc1", 7)):
        masks = neurons._ones(network, len(images))
        masks[layer][:, channel] -= step
        lower = neurons.margins(network, images.double(), targets, masks)[0]
        np.testing.assert_allclose((margin - lower) / step, slopes[layer][:, channel], rtol=0.02, atol=2e-3)


def test_channels_go_one_at_a_time_until_the_label_is_lost():
    network, (images, _) = built("convnet"), some("convnet", 12)
    targets = network(images).argmax(1)
    nothing = {layer: torch.zeros(of.shape[1]) for layer, of in neurons._ones(network, 1).items()}
    masks, counts = neurons.zeroed(network, images, targets, nothing, range(1, 9))
    gone = sum((1 - of).sum(1) for of in masks.values())
    lost = ~np.isnan(counts)
    assert lost.any()
    np.testing.assert_array_equal(gone[lost], counts[lost])
    np.testing.assert_array_equal(gone[~lost], 8)
    np.testing.assert_array_equal(neurons.margins(network, images, targets, masks)[0] <= 0, lost)
    alone = [
        neurons.zeroed(network, images[[n]], targets[[n]], nothing, range(1, 9))[1][0] for n in range(len(images))
    ]
    np.testing.assert_array_equal(alone, counts)


def test_a_channel_that_others_need_is_spared():
    network, (images, _) = built("convnet"), some("convnet", 4)
    targets = network(images).argmax(1)
    slopes = neurons.margins(network, images, targets)[1]
    needed = {layer: torch.full((of.shape[1],), 1e6) for layer, of in slopes.items()}
    needed["fc1"][3] = 0
    masks, _ = neurons.zeroed(network, images, targets, needed, [1])
    assert [int((1 - of).sum()) for of in masks.values()] == [0] * (len(masks) - 1) + [len(images)]
    assert (masks["fc1"][:, 3] == 0).all()


def test_the_table_has_a_row_an_image_and_one_a_layer():
    table = mfta.compute("neurons", **TINY)
    run = mfta.run("neurons", **TINY)
    images, layers = table[table.layer.isna()], table[table.layer.notna()]
    assert images.image.is_unique
    assert images.others.between(0, 1).all()
    assert images.channels.dropna().between(1, 12).all()
    permuted = images[images.examples == "permuted"].image.astype(int)
    assert (run.labels.trained[permuted] != run.labels.true[permuted]).all()
    assert not run.labels.permuted[images[images.examples == "unpermuted"].image.astype(int)].any()
    assert layers.groupby("examples").layer.apply(list).tolist() == [run.layers[:-1]] * 2
    np.testing.assert_allclose(layers.groupby("examples")[["zeroed", "there"]].sum(), 1, atol=1e-6)


def test_what_others_keep_is_judged_with_the_channels_of_the_image_itself_zeroed_at_the_last_epoch(first_is_best):
    chosen = TINY | {"epochs": 6, "images": 6, "most": 6}
    table, run = mfta.compute("neurons", **chosen), mfta.run("neurons", **chosen)
    assert run.best_epoch == 1
    network = run.network(6).requires_grad_(False)
    images, targets = run.dataset.train_images, torch.from_numpy(run.labels.trained)
    right = (training.predict(network, images).argmax(1) == targets).numpy()
    apart, _ = neurons.examples(run.labels, right, run.config)
    preserved = {name: of.mean(0) for name, of in neurons.margins(network, images[apart], targets[apart])[1].items()}
    rows = table[table.layer.isna()]
    assert len(rows) > 6
    for row in rows.itertuples():
        image = [int(row.image)]
        masks, counts = neurons.zeroed(network, images[image], targets[image], preserved, range(1, 7))
        np.testing.assert_array_equal(counts, [row.channels])
        answers = neurons._logits(network, images[apart], masks).argmax(1)
        assert row.others == pytest.approx((answers == targets[apart]).double().mean().item(), abs=1e-9)


def test_every_image_counts_alike_in_where_channels_were_zeroed():
    network = built("convnet")
    masks = neurons._ones(network, 2)
    masks["conv1_1"][0, 0] = 0  # all of one image's channels, a single one
    masks["fc1"][1, :3] = 0  # and of the other's three
    rows = {row["layer"]: row for row in neurons._by_layer(network, masks)}
    assert {name: row["zeroed"] for name, row in rows.items() if row["zeroed"]} == {"conv1_1": 0.5, "fc1": 0.5}
    channels = {name: of.shape[1] for name, of in masks.items()}
    assert rows["fc1"]["there"] == pytest.approx(channels["fc1"] / sum(channels.values()))


def test_a_set_that_is_empty_is_refused():
    with pytest.raises(ValueError, match="permuted_fraction"):
        mfta.compute("neurons", permuted_fraction=0)
