"""What all networks are: stages in sequence, with named layers and freshly drawn weights."""

from collections import OrderedDict
from dataclasses import dataclass

import torch
from torch import nn


@dataclass(frozen=True)
class Layer:
    """Where a layer's answer is taken, and which modules' weights are its own."""

    node: str
    """As torchvision's feature extraction calls it."""
    owns: tuple[str, ...] = ()
    """Modules whose weights and buffers belong to the layer; () means the node itself."""

    def has(self, key: str) -> bool:
        """Whether an entry of the network's state belongs to the layer."""
        return any(key.startswith(f"{module}.") for module in self.owns or (self.node,))


class Network(nn.Sequential):
    """Stages in sequence, with the names of its layers.

    ``taps``: layer name → :class:`Layer`, in order of depth from 1; depth 0 is the input. Layers are named
    as a person would: conv3_1, pool3, head.
    """

    def __init__(self, stages: OrderedDict[str, nn.Module], taps: dict[str, Layer]) -> None:  # noqa: D107 (above)
        super().__init__(stages)
        self.taps = taps

    @property
    def layers(self) -> list[str]:
        """The layers in order of depth, the input included."""
        return ["input", *self.taps]


def initialize(network: nn.Module, generator: torch.Generator | None = None) -> None:
    """Draw all weights anew, in the order of the modules."""
    for module in network.modules():
        if isinstance(module, nn.Conv2d):
            nn.init.kaiming_normal_(module.weight, mode="fan_out", generator=generator)
        elif isinstance(module, nn.Linear):
            nn.init.normal_(module.weight, std=0.01, generator=generator)
        if isinstance(module, nn.Conv2d | nn.Linear) and module.bias is not None:
            nn.init.zeros_(module.bias)


def never_in_place(module: nn.Module) -> nn.Module:
    """Make a torchvision block's activations keep what they read: a tap before one would read what it left."""
    for part in module.modules():
        if isinstance(part, nn.ReLU):
            part.inplace = False
    return module
