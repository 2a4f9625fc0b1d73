import pytest
import torch
from torch import nn

from mfta import networks
from mfta.errors import ParameterError


def test_vgg16_has_the_depths_of_the_paper_and_torchvisions_convolutions():
    network = networks.build("vgg16", 100)
    names = network.layers
    assert len(names) == 20  # input, 13 convolutions, 5 poolings, head: depths 0 to 19
    assert names[0] == "input"
    assert names[14] == "pool4"
    assert names[18] == "pool5"
    assert names[19] == "head"
    from torchvision.models import vgg16_bn

    published = [p.shape for p in vgg16_bn().features.parameters() if p.ndim == 4]
    assert [p.shape for p in network.parameters() if p.ndim == 4] == published


@pytest.mark.parametrize(("width", "channels"), [(16, 16), (64, 64)])
def test_width_is_the_channels_of_the_first_stage(width, channels):
    network = networks.build("vgg16", 10, width)
    assert network.stage1.conv1[0].out_channels == channels
    assert network.head.in_features == 8 * channels


def test_no_activation_works_in_place():
    for name in networks.PLANS:
        network = networks.build(name, 10)
        assert not any(getattr(module, "inplace", False) for module in network.modules())


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
