"""Networks by name, from torchvision's blocks, for small images and with one linear head.

Every network says which of its nodes are its layers, each taken after its activation. Activations are never
in place, since a tap before one would otherwise read what it left behind.
"""

from collections import OrderedDict

import torch
from torch import nn
from torchvision.ops import Conv2dNormActivation

from mfta.errors import ParameterError, nearest

# By stage, the channels of each convolution in units of the width; "P" for 2×2 max pooling.
PLANS: dict[str, list[list[int | str]]] = {
    "convnet": [[1, 1, "P"], [2, 2, "P"], [4, 4]],
    "vgg16": [[1, 1, "P"], [2, 2, "P"], [4, 4, 4, "P"], [8, 8, 8, "P"], [8, 8, 8, "P"]],
}
WIDTHS = {"convnet": 16, "vgg16": 64}


class Network(nn.Sequential):
    """Stages in sequence, with the names of its layers.

    ``taps``: layer name → node (as torchvision's feature extraction calls it), in order of depth from 1;
    depth 0 is the input. Layers are named as a person would: conv3_1, pool3, head.
    """

    def __init__(self, stages: OrderedDict[str, nn.Module], taps: dict[str, str]) -> None:  # noqa: D107 (above)
        super().__init__(stages)
        self.taps = taps

    @property
    def layers(self) -> list[str]:
        """The layers in order of depth, the input included."""
        return ["input", *self.taps]


def build(
    name: str,
    classes: int,
    width: int | None = None,
    image_size: tuple[int, int, int] = (3, 32, 32),
    batch_norm: bool = True,
    generator: torch.Generator | None = None,
) -> Network:
    """Build network ``name`` with freshly drawn weights.

    classes: outputs of the linear head, ≥ 2. width: channels of the first stage (None: 64 for ``vgg16``,
    16 for ``convnet``). image_size: channels, height, width of the input; its sides must survive the
    poolings. Weights: He-normal convolutions (fan out), head normal with deviation 0.01, biases zero.
    Raises ParameterError for an unknown name or too small an image.
    """
    if name not in PLANS:
        raise ParameterError(f"there is no network '{name}'.{nearest(name, PLANS)} The networks: {', '.join(PLANS)}")
    width = width or WIDTHS[name]
    channels, height, breadth = image_size
    stages: OrderedDict[str, nn.Module] = OrderedDict()
    taps: dict[str, str] = {}
    for number, steps in enumerate(PLANS[name], start=1):
        stage: OrderedDict[str, nn.Module] = OrderedDict()
        for place, step in enumerate(steps, start=1):
            if step == "P":
                stage["pool"] = nn.MaxPool2d(2)
                taps[f"pool{number}"] = f"stage{number}.pool"
                height, breadth = height // 2, breadth // 2
            else:
                out = int(step) * width
                norm = nn.BatchNorm2d if batch_norm else None
                stage[f"conv{place}"] = Conv2dNormActivation(channels, out, norm_layer=norm, inplace=False)
                taps[f"conv{number}_{place}"] = f"stage{number}.conv{place}"
                channels = out
        stages[f"stage{number}"] = nn.Sequential(stage)
    if min(height, breadth) < 1:
        raise ParameterError(f"images of {image_size[1]}×{image_size[2]} are too small for {name}")
    stages["flatten"] = nn.Flatten()
    stages["head"] = nn.Linear(channels * height * breadth, classes)
    network = Network(stages, {**taps, "head": "head"})
    initialize(network, generator)
    return network


def initialize(network: nn.Module, generator: torch.Generator | None = None) -> None:
    """Draw all weights anew, in the order of the modules."""
    for module in network.modules():
        if isinstance(module, nn.Conv2d):
            nn.init.kaiming_normal_(module.weight, mode="fan_out", generator=generator)
        elif isinstance(module, nn.Linear):
            nn.init.normal_(module.weight, std=0.01, generator=generator)
        if isinstance(module, nn.Conv2d | nn.Linear) and module.bias is not None:
            nn.init.zeros_(module.bias)
