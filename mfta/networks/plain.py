"""Convolutions and poolings in a row: ``convnet``, ``cnn5`` (Nakkiran et al. 2020), AlexNet and VGG-16."""

from collections import OrderedDict

from torch import nn
from torchvision.ops import Conv2dNormActivation

from mfta.networks.network import Layer, Network

# By stage, the channels of each convolution in units of the width, 3×3 unless a second number says
# otherwise; "P" for 2×2 max pooling.
PLANS: dict[str, list[list[int | tuple[int, int] | str]]] = {
    "convnet": [[1, 1, "P"], [2, 2, "P"], [4, 4]],
    "cnn5": [[1, "P"], [2, "P"], [4, "P"], [8]],
    "alexnet": [[(1, 5), "P"], [(3, 5), "P"], [6, 4, 4, "P"]],
    "vgg16": [[1, 1, "P"], [2, 2, "P"], [4, 4, 4, "P"], [8, 8, 8, "P"], [8, 8, 8, "P"]],
}


def build(name: str, classes: int, width: int, image_size: tuple[int, int, int], batch_norm: bool) -> Network:
    """The network of plan ``name``; layers conv1_1, pool1, …, head. Image sides must survive the poolings."""
    channels, height, breadth = image_size
    norm = nn.BatchNorm2d if batch_norm else None
    stages: OrderedDict[str, nn.Module] = OrderedDict()
    taps: dict[str, Layer] = {}
    for number, steps in enumerate(PLANS[name], start=1):
        stage: OrderedDict[str, nn.Module] = OrderedDict()
        for place, step in enumerate(steps, start=1):
            if isinstance(step, str):
                stage["pool"] = nn.MaxPool2d(2)
                taps[f"pool{number}"] = Layer(f"stage{number}.pool")
                height, breadth = height // 2, breadth // 2
                continue
            times, kernel = step if isinstance(step, tuple) else (step, 3)
            out = times * width
            # A plain sequence, since feature extraction does not look into torchvision's own blocks.
            block = Conv2dNormActivation(channels, out, kernel, norm_layer=norm, inplace=False)
            stage[f"conv{place}"] = nn.Sequential(*block)
            taps[f"conv{number}_{place}"] = Layer(f"stage{number}.conv{place}")
            channels = out
        stages[f"stage{number}"] = nn.Sequential(stage)
    if min(height, breadth) < 1:
        raise ValueError(f"images of {image_size[1]}×{image_size[2]} are too small for {name}")
    stages["flatten"] = nn.Flatten()
    stages["head"] = nn.Linear(channels * height * breadth, classes)
    return Network(stages, {**taps, "head": Layer("head")})
