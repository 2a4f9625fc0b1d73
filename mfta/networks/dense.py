"""DenseNet-121 (Huang et al. 2017) with a 3×3 stem that keeps the size, from torchvision's dense blocks."""

from collections import OrderedDict

from torch import nn
from torchvision.models import DenseNet

from mfta.networks.network import Layer, Network, never_in_place

BLOCKS = (6, 12, 24, 16)


def build(classes: int, width: int, channels: int) -> Network:
    """Four dense blocks of 6, 12, 24 and 16 layers that each add width/2 channels; 64 is the standard width.

    Layers: conv1; dense1_1 … dense4_16, each after the activation before its last convolution, which it
    owns; block1 … block4, what a block has gathered, normalised and activated; transition1 … transition3,
    pooled; pool (the mean over places) and head.
    """
    if width % 2:
        raise ValueError(f"width = {width} is refused for densenet121: give an even number")
    parts: OrderedDict[str, nn.Module] = OrderedDict(
        DenseNet(width // 2, BLOCKS, width, num_classes=classes).features.named_children()
    )
    stem = OrderedDict(
        conv=nn.Conv2d(channels, width, 3, padding=1, bias=False), norm=parts["norm0"], relu=parts["relu0"]
    )
    stages: OrderedDict[str, nn.Module] = OrderedDict(stage1=nn.Sequential(stem))
    taps = {"conv1": Layer("stage1.relu", ("stage1",))}
    for number, layers in enumerate(BLOCKS, start=1):
        block = f"denseblock{number}"
        stages[block] = parts[block]
        for layer in range(1, layers + 1):
            place = f"{block}.denselayer{layer}"
            taps[f"dense{number}_{layer}"] = Layer(f"{place}.relu2", (place,))
        if number < len(BLOCKS):
            place = f"transition{number}"
            stages[place] = parts[place]
            taps[f"block{number}"] = Layer(f"{place}.relu", (f"{place}.norm",))
            taps[place] = Layer(f"{place}.pool", (f"{place}.conv",))
    norm = parts["norm5"]
    assert isinstance(norm, nn.BatchNorm2d)  # so that its size is known
    stages["last"] = nn.Sequential(OrderedDict(norm=norm, relu=nn.ReLU()))
    taps["block4"] = Layer("last.relu", ("last",))
    stages |= {
        "pool": nn.AdaptiveAvgPool2d(1),
        "flatten": nn.Flatten(),
        "head": nn.Linear(norm.num_features, classes),
    }
    for stage in stages.values():
        never_in_place(stage)
    return Network(stages, {**taps, "pool": Layer("pool"), "head": Layer("head")})
