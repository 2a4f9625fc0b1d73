"""Networks by name: a table of builders, how their weights are drawn, and what is refused."""

from collections import OrderedDict
from collections.abc import Callable, Container
from dataclasses import dataclass, replace

import torch
from torch import nn

from mfta.architectures import Layer, Network, Plan, Shape, densenet121, plain, resnet9, resnet18
from mfta.errors import ParameterError, nearest

__all__ = ["NETWORKS", "Builder", "Layer", "Network", "OrderedDict", "Shape", "build", "initialize"]


def build(
    name: str,
    classes: int,
    width: int | None = None,
    image_size: tuple[int, int, int] = (3, 32, 32),
    batch_norm: bool = True,
    generator: torch.Generator | None = None,
    hidden: int = 0,
    dropout: float = 0.0,
) -> Network:
    """Build network ``name``, a key of ``NETWORKS``, with freshly drawn weights.

    classes: outputs of the head, ≥ 2. width: channels of the first stage (None: the standard one).
    image_size: channels, height, width of the input; its sides must survive the poolings. batch_norm: off
    leaves it out, which ``densenet121`` refuses. hidden: units of each hidden linear layer before the head, in
    multiples of the width (64 is torchvision's VGG-16 and AlexNet: 4,096 at full width); 0: none. dropout: share
    of their activations dropped in training. Weights: He-normal convolutions (fan out) and hidden layers (fan
    in), head normal with deviation 0.01, biases zero; float32 whatever the default type is.
    Raises ParameterError for an unknown name, too small an image or a shape that the network cannot have.
    """
    if name not in NETWORKS:
        known = ", ".join(NETWORKS)
        raise ParameterError(f"there is no network '{name}'.{nearest(name, NETWORKS)} The networks: {known}")
    known_as = NETWORKS[name]
    if hidden and not known_as.hidden_layers:
        raise ParameterError(
            f"hidden = {hidden} is refused for {name}, which has no hidden linear layers: set it to 0"
        )
    if dropout and not hidden:
        raise ParameterError(f"dropout = {dropout} is refused without hidden linear layers: set dropout to 0")
    default = torch.get_default_dtype()
    torch.set_default_dtype(torch.float32)
    try:
        network = known_as.build(Shape(classes, width or known_as.width, image_size, batch_norm, hidden, dropout))
        if not next(network.parameters()).is_meta:  # a shape alone; to draw on it loads torch's compiler
            initialize(network, generator)
        for number, stage in enumerate(network):
            stage.requires_grad_(known_as.learns is None or number < known_as.learns)
    except ValueError as error:
        raise ParameterError(str(error)) from None
    finally:
        torch.set_default_dtype(default)
    if network.layers[-1] != "head":
        raise ParameterError(f"the last layer of {name} is called '{network.layers[-1]}': name it 'head' in its taps")
    return network


def initialize(network: nn.Module, generator: torch.Generator | None = None) -> None:
    """Draw all weights anew, in the order of the modules; the last linear layer is the head."""
    modules = list(network.modules())
    head = [module for module in modules if isinstance(module, nn.Linear)][-1]
    for module in modules:
        if isinstance(module, nn.Conv2d):
            nn.init.kaiming_normal_(module.weight, mode="fan_out", generator=generator)
        elif module is head:
            nn.init.normal_(module.weight, std=0.01, generator=generator)
        elif isinstance(module, nn.Linear):
            nn.init.kaiming_normal_(module.weight, nonlinearity="relu", generator=generator)
        if isinstance(module, nn.Conv2d | nn.Linear) and module.bias is not None:
            nn.init.zeros_(module.bias)


@dataclass(frozen=True)
class Builder:
    """A network's standard width, how many hidden linear layers it can have, and what builds it."""

    width: int
    hidden_layers: int
    build: Callable[[Shape], Network]
    learns: int | None = None
    """How many of its first stages learn, the others keeping the weights they were drawn with; None: all."""


def _plain(name: str, width: int, hidden_layers: int, plan: Plan, **more: Container[int]) -> Builder:
    return Builder(width, hidden_layers, lambda shape: plain(name, plan, hidden_layers, shape, **more))


VGG16: Plan = [[1, 1, "P"], [2, 2, "P"], [4, 4, 4, "P"], [8, 8, 8, "P"], [8, 8, 8, "P"]]


NETWORKS = {
    "convnet": _plain("convnet", 16, 1, [[1, 1, "P"], [2, 2, "P"], [4, 4]]),
    "cnn5": _plain("cnn5", 16, 0, [[1, "P"], [2, "P"], [4, "P"], [8]]),  # Nakkiran et al. 2020
    "alexnet": _plain("alexnet", 64, 2, [[(1, 5), "P"], [(3, 5), "P"], [6, 4, 4, "P"]]),
    "vgg16": _plain("vgg16", 64, 2, VGG16),
    "vgg16_early_norm": _plain("vgg16", 64, 2, VGG16, normed=(1, 2, 3)),  # batch norm in these stages alone
    "vgg16_late_norm": _plain("vgg16", 64, 2, VGG16, normed=(4, 5)),
    "resnet9": Builder(64, 0, resnet9),
    "resnet18": Builder(64, 0, resnet18),
    "densenet121": Builder(64, 0, densenet121),
}
"""Every network; a new one is a line here."""
NETWORKS |= {
    "convnet_front": replace(NETWORKS["convnet"], learns=2),
    "vgg16_front": replace(NETWORKS["vgg16"], learns=3),
}
