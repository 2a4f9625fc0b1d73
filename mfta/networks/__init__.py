"""Networks by name, from torchvision's blocks, for small images and with one linear head.

Every network says which of its nodes are its layers, each taken after its activation. Activations are never
in place, since a tap before one would otherwise read what it left behind.
"""

import torch

from mfta.errors import ParameterError, nearest
from mfta.networks import dense, plain, residual
from mfta.networks.network import Layer, Network, initialize

WIDTHS = {"convnet": 16, "cnn5": 16, "alexnet": 64, "vgg16": 64, "resnet18": 64, "densenet121": 64}
"""Every network and its standard width."""

__all__ = ["WIDTHS", "Layer", "Network", "build"]


def build(
    name: str,
    classes: int,
    width: int | None = None,
    image_size: tuple[int, int, int] = (3, 32, 32),
    batch_norm: bool = True,
    generator: torch.Generator | None = None,
) -> Network:
    """Build network ``name``, a key of ``WIDTHS``, with freshly drawn weights.

    classes: outputs of the linear head, ≥ 2. width: channels of the first stage (None: the standard one).
    image_size: channels, height, width of the input; its sides must survive the poolings. batch_norm: off
    leaves it out, which ``densenet121`` refuses. Weights: He-normal convolutions (fan out), head normal
    with deviation 0.01, biases zero.
    Raises ParameterError for an unknown name, too small an image or a width the network cannot have.
    """
    if name not in WIDTHS:
        known = ", ".join(WIDTHS)
        raise ParameterError(f"there is no network '{name}'.{nearest(name, WIDTHS)} The networks: {known}")
    width = width or WIDTHS[name]
    try:
        if name == "resnet18":
            network = residual.build(classes, width, image_size[0], batch_norm)
        elif name == "densenet121":
            if not batch_norm:
                raise ValueError("batch_norm = False is refused for densenet121: its blocks are built around it")
            network = dense.build(classes, width, image_size[0])
        else:
            network = plain.build(name, classes, width, image_size, batch_norm)
    except ValueError as error:
        raise ParameterError(str(error)) from None
    initialize(network, generator)
    return network
