from collections import OrderedDict

import pytest
import torch
from torch import nn

from mfta import activations, networks
from mfta.errors import ParameterError


@pytest.fixture(autouse=True)
def same_weights():
    """Weights and images that no other test's draws change."""
    torch.manual_seed(0)


def test_vgg16_has_the_depths_of_the_paper_and_torchvisions_convolutions():
    network = networks.build("vgg16", 100)
    names = network.layers
    assert len(names) == 20  # input, 13 convolutions, 5 poolings, head: depths 0 to 19
    assert names[0] == "input"
    assert names[14] == "pool4"
    assert names[18] == "pool5"
    assert names[19] == "head"
    from torchvision.models import vgg16_bn

    with torch.device("meta"):
        published = [p.shape for p in vgg16_bn().features.parameters() if p.ndim == 4]
    assert [p.shape for p in network.parameters() if p.ndim == 4] == published


def test_plain_vgg16_has_torchvisions_weights_but_for_the_size_of_its_last_map():
    from torchvision.models import vgg16

    with torch.device("meta"):
        network = networks.build("vgg16", 100, batch_norm=False, hidden=64, dropout=0.5)
        published = [p.shape for p in vgg16(num_classes=100).parameters()]
    shapes = [p.shape for p in network.parameters()]
    assert shapes[26] == (4096, 512)  # of one place for 32×32 images, where torchvision has 7×7
    assert shapes[:26] + shapes[27:] == published[:26] + published[27:]
    assert network.layers[19:] == ["fc1", "fc2", "head"]  # depth 19 is the first hidden linear layer
    dropped = [module for module in network.modules() if isinstance(module, nn.Dropout)]
    assert [module.p for module in dropped] == [0.5, 0.5]


def test_hidden_layers_keep_the_size_of_what_they_are_given():
    # He-normal weights over the inputs: mean square 1 stays 1 through linear layer and ReLU, within 5 errors.
    network = networks.build("vgg16", 10, 32, batch_norm=False, hidden=64, generator=torch.Generator().manual_seed(0))
    given = torch.randn(200, 256, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        answers = network.fc2(network.fc1(given))
    by_image = answers.square().mean(1)
    assert abs(by_image.mean() - 1) < 5 * max(by_image.std() / 200**0.5, (5 / 2048) ** 0.5)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"name": "resnet18", "hidden": 4}, "hidden = 4 is refused for resnet18, which has no hidden linear layers"),
        ({"name": "vgg16", "dropout": 0.5}, "dropout = 0.5 is refused without hidden linear layers"),
    ],
)
def test_heads_that_cannot_be_are_refused(given, message):
    with pytest.raises(ParameterError, match=message):
        networks.build(classes=10, **given)


@pytest.mark.parametrize(("width", "count"), [(4, 47_592), (8, 182_252), (16, 713_076), (64, 11_220_132)])
def test_resnet18_has_the_known_parameter_counts(width, count):
    assert sum(p.numel() for p in networks.build("resnet18", 100, width).parameters()) == count


def test_a_network_whose_last_layer_is_not_called_head_is_refused(monkeypatch):
    def build(shape):
        return networks.Network(OrderedDict(out=nn.Linear(3, shape.classes)), {"out": networks.Layer("out")})

    monkeypatch.setitem(networks.NETWORKS, "own", networks.Builder(1, 0, build))
    with pytest.raises(ParameterError, match="last layer of own is called 'out': name it 'head'"):
        networks.build("own", 2)


def test_standard_networks_have_torchvisions_weights_but_for_stem_and_head():
    from torchvision import models

    with torch.device("meta"):
        for ours, theirs in (("densenet121", models.densenet121()), ("resnet18", models.resnet18())):
            shapes = [p.shape for p in networks.build(ours, 100).parameters()]
            published = [p.shape for p in theirs.parameters()]
            assert shapes[1:-2] == published[1:-2]
        channels = [m.out_channels for m in networks.build("alexnet", 100).modules() if isinstance(m, nn.Conv2d)]
        assert channels == [m.out_channels for m in models.alexnet().modules() if isinstance(m, nn.Conv2d)]


def recorded(network):
    """Images, and what every layer answered to them."""
    images = torch.randn(2, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    answers = dict(activations.record(network, images))
    assert list(answers) == network.layers
    return images, {name: torch.from_numpy(answer) for name, answer in answers.items()}


def assert_close(answer, expected):
    torch.testing.assert_close(answer, expected.flatten(1), rtol=1e-4, atol=1e-4)


def test_a_tap_of_a_residual_block_is_what_leaves_it():
    network = networks.build("resnet18", 10, 4)
    images, answers = recorded(network)
    stem = network.stage1(images)
    block = network.stage2.block1
    inner = block.bn1(block.conv1(stem)).relu()
    assert_close(answers["conv1"], stem)
    assert_close(answers["conv2_1"], inner)
    assert_close(answers["conv2_2"], (block.bn2(block.conv2(inner)) + stem).relu())
    assert_close(answers["head"], network(images))


def test_dense_blocks_hand_on_all_that_was_gathered():
    network = networks.build("densenet121", 10, 8)
    images, answers = recorded(network)
    # Input, stem, dense layers, blocks, transitions, pool and head.
    assert len(network.layers) == 1 + 1 + 58 + 4 + 3 + 2
    gathered = network.denseblock1(network.stage1(images))
    assert_close(answers["block1"], network.transition1.norm(gathered).relu())
    output = network(images)  # of untrained statistics and 121 layers: rounding is judged by the largest
    assert float((answers["head"] - output).detach().abs().max() / output.detach().abs().max()) < 1e-5


@pytest.mark.parametrize("name", [name for name in networks.NETWORKS if name != "densenet121"])
def test_batch_norm_can_be_left_out(name):
    assert not any("running" in key for key in networks.build(name, 10, batch_norm=False).state_dict())


@pytest.mark.parametrize(("given", "message"), [({"width": 7}, "even number"), ({"batch_norm": False}, "batch_norm")])
def test_densenet_refuses_what_it_cannot_be(given, message):
    with pytest.raises(ParameterError, match=message):
        networks.build("densenet121", 10, **given)


@pytest.mark.parametrize(("width", "channels"), [(16, 16), (64, 64)])
def test_width_is_the_channels_of_the_first_stage(width, channels):
    network = networks.build("vgg16", 10, width)
    assert network.stage1.conv1[0].out_channels == channels
    assert network.head.in_features == 8 * channels


def test_no_activation_works_in_place():
    for name in networks.NETWORKS:
        network = networks.build(name, 10)
        assert not any(getattr(module, "inplace", False) for module in network.modules())


def test_no_convolution_of_single_places_has_a_stride():
    """Its backward pass would write beyond its memory in narrow networks (see ``residual``)."""
    for name in networks.NETWORKS:
        convolutions = [m for m in networks.build(name, 10, 4).modules() if isinstance(m, nn.Conv2d)]
        assert not any(m.kernel_size == (1, 1) and m.stride != (1, 1) for m in convolutions)


def test_a_shortcut_is_that_of_a_strided_convolution():
    block = networks.build("resnet18", 10, 4).stage3.block1
    thinned, convolution, _ = block.downsample
    strided = nn.Conv2d(4, 8, 1, stride=2, bias=False)
    strided.load_state_dict(convolution.state_dict())
    images = torch.randn(2, 4, 7, 7, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(convolution(thinned(images)), strided(images))


def test_without_batch_norm_convolutions_have_a_bias():
    network = networks.build("convnet", 10, image_size=(1, 8, 8), batch_norm=False)
    assert not any(isinstance(module, nn.BatchNorm2d) for module in network.modules())
    assert network.stage1.conv1[0].bias is not None


def test_weights_follow_the_generator():
    first, again, other = (
        networks.build("convnet", 10, generator=torch.Generator().manual_seed(seed)).state_dict()
        for seed in (1, 1, 2)
    )
    assert all(first[k].equal(again[k]) for k in first)
    assert not first["stage1.conv1.0.weight"].equal(other["stage1.conv1.0.weight"])


def test_unknown_network_names_the_nearest():
    with pytest.raises(ParameterError, match="Did you mean 'vgg16'"):
        networks.build("vgg61", 10)


def test_too_small_images_are_refused():
    with pytest.raises(ParameterError, match="too small"):
        networks.build("vgg16", 10, image_size=(1, 8, 8))


def test_a_residual_layer_answers_the_sum_and_owns_its_second_convolution():
    network = networks.build("resnet9", 10, 4, batch_norm=True).eval()
    images = torch.randn(2, 3, 32, 32)
    given, first, both = (
        torch.from_numpy(a) for _, a in activations.record(network, images, ["conv2", "conv3_1", "conv3_2"])
    )
    pair = network.stage3
    with torch.no_grad():
        assert torch.allclose(first, pair.conv1(given.reshape(2, 8, 16, 16)).flatten(1), atol=1e-6)
        assert torch.allclose(both, given + pair.conv2(first.reshape(2, 8, 16, 16)).flatten(1), atol=1e-6)
    assert all(key.startswith("stage3.conv2.") for key in network.keys()["conv3_2"])
    # Nine weights a pair of channels: 3 to 16, and the other seven convolutions in units of 16 × 16 channels.
    weights = sum(p.numel() for p in networks.build("resnet9", 100, 16, batch_norm=False).parameters() if p.ndim == 4)
    assert weights == 9 * (3 * 16 + 256 * (2 + 4 + 4 + 8 + 32 + 64 + 64))


def test_batch_norm_in_some_stages_is_in_those_alone():
    for name, stages in (("vgg16_early_norm", "123"), ("vgg16_late_norm", "45"), ("vgg16", "12345")):
        network = networks.build(name, 10, 2, batch_norm=True)
        normed = {key for key, module in network.named_modules() if isinstance(module, torch.nn.BatchNorm2d)}
        convolutions = {key for key, module in network.named_modules() if isinstance(module, torch.nn.Conv2d)}
        assert {key[5] for key in normed} == set(stages)
        assert len(normed) == sum(key[5] in stages for key in convolutions)


def test_of_a_front_the_first_stages_alone_learn():
    whole, front = (networks.build(name, 10, 8, (1, 8, 8), False, hidden=2) for name in ("convnet", "convnet_front"))
    learns = {name.split(".")[0] for name, weights in front.named_parameters() if weights.requires_grad}
    assert learns == {"stage1", "stage2"}
    assert [p.shape for p in whole.parameters()] == [p.shape for p in front.parameters()]
    front(torch.randn(4, 1, 8, 8)).sum().backward()
    assert {name for name, weights in front.named_parameters() if weights.grad is None} == {
        name for name, _ in front.named_parameters() if name.split(".")[0] not in learns
    }
