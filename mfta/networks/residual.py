"""ResNet-18 (He et al. 2016) with a 3×3 stem and any width, from torchvision's basic block."""

from collections import OrderedDict

from torch import nn
from torchvision.models.resnet import BasicBlock
from torchvision.ops import Conv2dNormActivation

from mfta.networks.network import Layer, Network, never_in_place


def build(classes: int, width: int, channels: int, batch_norm: bool) -> Network:
    """Four stages of two blocks with k, 2k, 4k and 8k channels, k the width; k = 64 is the standard one.

    Layers: conv1, conv2_1 … conv5_4 (the second and fourth of a stage after the sum with the shortcut, whose
    weights they own), pool (the mean over places) and head.
    """
    norm = nn.BatchNorm2d if batch_norm else nn.Identity
    stem = Conv2dNormActivation(channels, width, norm_layer=norm, inplace=False, bias=False)
    # A plain sequence, since feature extraction does not look into torchvision's own blocks.
    stages: OrderedDict[str, nn.Module] = OrderedDict(stage1=nn.Sequential(*stem))
    taps = {"conv1": Layer("stage1")}
    planes = width
    for number in range(2, 6):
        stage: OrderedDict[str, nn.Module] = OrderedDict()
        for block in (1, 2):
            out, stride = width * 2 ** (number - 2), 2 if number > 2 and block == 1 else 1
            shortcut = None
            if stride != 1 or planes != out:
                shortcut = nn.Sequential(_thinned(stride), nn.Conv2d(planes, out, 1, bias=False), norm(out))
            stage[f"block{block}"] = never_in_place(BasicBlock(planes, out, stride, shortcut, norm_layer=norm))
            planes, place = out, f"stage{number}.block{block}"
            # The block calls its one ReLU twice; feature extraction numbers the second call.
            first = Layer(f"{place}.relu", (f"{place}.conv1", f"{place}.bn1"))
            second = Layer(f"{place}.relu_1", (f"{place}.conv2", f"{place}.bn2", f"{place}.downsample"))
            taps |= {f"conv{number}_{2 * block - 1}": first, f"conv{number}_{2 * block}": second}
        stages[f"stage{number}"] = nn.Sequential(stage)
    stages |= {"pool": nn.AdaptiveAvgPool2d(1), "flatten": nn.Flatten(), "head": nn.Linear(planes, classes)}
    return Network(stages, {**taps, "pool": Layer("pool"), "head": Layer("head")})


def _thinned(stride: int) -> nn.Module:
    """Every ``stride``-th place, so that the 1×1 convolution after it needs no stride.

    The sum is the same. With a stride the backward pass of oneDNN writes beyond its memory where channels come last
    and fewer come in than a register holds, and the process dies or goes on with wrong numbers
    (github.com/uxlfoundation/oneDNN/issues/6035, found in narrow networks with torch 2.15 on processors with AVX2).
    """
    return nn.AvgPool2d(1, stride)
