"""Networks by name, from torchvision's blocks, for small images: a table of builders.

Every network says which of its nodes are its layers, each taken after its activation. Activations are never
in place, since a tap before one would otherwise read what it left behind.
"""

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import nn
from torchvision.models import DenseNet
from torchvision.models.resnet import BasicBlock
from torchvision.ops import Conv2dNormActivation

from mfta.errors import ParameterError, nearest


@dataclass(frozen=True)
class Layer:
    """Where a layer's activations are taken, and which modules' weights are its own."""

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
    as a person would: conv3_1, pool3, fc1, head.
    """

    def __init__(self, stages: OrderedDict[str, nn.Module], taps: dict[str, Layer]) -> None:  # noqa: D107 (above)
        super().__init__(stages)
        self.taps = taps

    @property
    def layers(self) -> list[str]:
        """The layers in order of depth, the input included."""
        return ["input", *self.taps]

    def keys(self) -> dict[str, list[str]]:
        """The keys of ``state_dict`` by layer, in order of depth; layers without parameters are left out.

        A layer's batch norm (scale, shift, running averages and their count) belongs to it. Raises ValueError
        for a key that lies under no layer: it could neither be rewound nor have a gradient of its own.
        """
        keys: dict[str, list[str]] = {layer: [] for layer in self.taps}
        for key in self.state_dict():
            owners = [name for name, layer in self.taps.items() if layer.has(key)]
            if len(owners) != 1:
                raise ValueError(f"the state's '{key}' lies under {len(owners)} layers, not one")
            keys[owners[0]].append(key)
        return {layer: names for layer, names in keys.items() if names}


@dataclass(frozen=True)
class Shape:
    """What a network is built to: see :func:`build`."""

    classes: int
    width: int
    image_size: tuple[int, int, int]
    batch_norm: bool
    hidden: int
    dropout: float


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
        initialize(network, generator)
    except ValueError as error:
        raise ParameterError(str(error)) from None
    finally:
        torch.set_default_dtype(default)
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


def plain(name: str, plan: list[list[int | tuple[int, int] | str]], hidden_layers: int, shape: Shape) -> Network:
    """Convolutions and poolings in a row; layers conv1_1, pool1, …, fc1, …, head.

    plan: by stage, the channels of each convolution in units of the width, 3×3 unless a second number says
    otherwise; "P" for 2×2 max pooling.
    """
    channels, height, breadth = shape.image_size
    norm = nn.BatchNorm2d if shape.batch_norm else None
    stages: OrderedDict[str, nn.Module] = OrderedDict()
    taps: dict[str, Layer] = {}
    for number, steps in enumerate(plan, start=1):
        stage: OrderedDict[str, nn.Module] = OrderedDict()
        for place, step in enumerate(steps, start=1):
            if isinstance(step, str):
                stage["pool"] = nn.MaxPool2d(2)
                taps[f"pool{number}"] = Layer(f"stage{number}.pool")
                height, breadth = height // 2, breadth // 2
                continue
            times, kernel = step if isinstance(step, tuple) else (step, 3)
            out = times * shape.width
            # A plain sequence, since feature extraction does not look into torchvision's own blocks.
            block = Conv2dNormActivation(channels, out, kernel, norm_layer=norm, inplace=False)
            stage[f"conv{place}"] = nn.Sequential(*block)
            taps[f"conv{number}_{place}"] = Layer(f"stage{number}.conv{place}")
            channels = out
        stages[f"stage{number}"] = nn.Sequential(stage)
    if min(height, breadth) < 1:
        raise ValueError(f"images of {shape.image_size[1]}×{shape.image_size[2]} are too small for {name}")
    stages["flatten"] = nn.Flatten()
    features = channels * height * breadth
    for number in range(1, hidden_layers + 1 if shape.hidden else 1):
        units = shape.hidden * shape.width
        stages[f"fc{number}"] = nn.Sequential(nn.Linear(features, units), nn.ReLU())
        taps[f"fc{number}"] = Layer(f"fc{number}")
        if shape.dropout:
            stages[f"drop{number}"] = nn.Dropout(shape.dropout)
        features = units
    stages["head"] = nn.Linear(features, shape.classes)
    return Network(stages, {**taps, "head": Layer("head")})


def resnet18(shape: Shape) -> Network:
    """ResNet-18 (He et al. 2016) with a 3×3 stem: four stages of two blocks with k, 2k, 4k and 8k channels.

    Layers: conv1, conv2_1 … conv5_4 (the second and fourth of a stage after the sum with the shortcut, whose
    weights they own), pool (the mean over places) and head.
    """
    width = shape.width
    norm = nn.BatchNorm2d if shape.batch_norm else nn.Identity
    stem = Conv2dNormActivation(shape.image_size[0], width, norm_layer=norm, inplace=False, bias=False)
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
            stage[f"block{block}"] = _never_in_place(BasicBlock(planes, out, stride, shortcut, norm_layer=norm))
            planes, place = out, f"stage{number}.block{block}"
            # The block calls its one ReLU twice; feature extraction numbers the second call.
            first = Layer(f"{place}.relu", (f"{place}.conv1", f"{place}.bn1"))
            second = Layer(f"{place}.relu_1", (f"{place}.conv2", f"{place}.bn2", f"{place}.downsample"))
            taps |= {f"conv{number}_{2 * block - 1}": first, f"conv{number}_{2 * block}": second}
        stages[f"stage{number}"] = nn.Sequential(stage)
    stages |= {"pool": nn.AdaptiveAvgPool2d(1), "flatten": nn.Flatten(), "head": nn.Linear(planes, shape.classes)}
    return Network(stages, {**taps, "pool": Layer("pool"), "head": Layer("head")})


def densenet121(shape: Shape) -> Network:
    """DenseNet-121 (Huang et al. 2017) with a 3×3 stem: blocks of 6, 12, 24, 16 layers that add width/2 channels.

    Layers: conv1; dense1_1 … dense4_16, each after the activation before its last convolution, which it
    owns; block1 … block4, what a block has gathered, normalised and activated; transition1 … transition3,
    pooled; pool (the mean over places) and head.
    """
    blocks, width = (6, 12, 24, 16), shape.width
    if not shape.batch_norm:
        raise ValueError("batch_norm = False is refused for densenet121: its blocks are built around it")
    if width % 2:
        raise ValueError(f"width = {width} is refused for densenet121: give an even number")
    parts: OrderedDict[str, nn.Module] = OrderedDict(
        DenseNet(width // 2, blocks, width, num_classes=shape.classes).features.named_children()
    )
    convolution = nn.Conv2d(shape.image_size[0], width, 3, padding=1, bias=False)
    stem = OrderedDict(conv=convolution, norm=parts["norm0"], relu=parts["relu0"])
    stages: OrderedDict[str, nn.Module] = OrderedDict(stage1=nn.Sequential(stem))
    taps = {"conv1": Layer("stage1.relu", ("stage1",))}
    for number, layers in enumerate(blocks, start=1):
        block = f"denseblock{number}"
        stages[block] = parts[block]
        for layer in range(1, layers + 1):
            place = f"{block}.denselayer{layer}"
            taps[f"dense{number}_{layer}"] = Layer(f"{place}.relu2", (place,))
        if number < len(blocks):
            place = f"transition{number}"
            stages[place] = parts[place]
            taps[f"block{number}"] = Layer(f"{place}.relu", (f"{place}.norm",))
            taps[place] = Layer(f"{place}.pool", (f"{place}.conv",))
    norm = parts["norm5"]
    assert isinstance(norm, nn.BatchNorm2d)  # so that its size is known
    stages["last"] = nn.Sequential(OrderedDict(norm=norm, relu=nn.ReLU()))
    taps["block4"] = Layer("last.relu", ("last",))
    head = nn.Linear(norm.num_features, shape.classes)
    stages |= {"pool": nn.AdaptiveAvgPool2d(1), "flatten": nn.Flatten(), "head": head}
    for stage in stages.values():
        _never_in_place(stage)
    return Network(stages, {**taps, "pool": Layer("pool"), "head": Layer("head")})


def _never_in_place(module: nn.Module) -> nn.Module:
    """Make a torchvision block's activations keep what they read: a tap before one would read what it left."""
    for part in module.modules():
        if isinstance(part, nn.ReLU):
            part.inplace = False
    return module


def _thinned(stride: int) -> nn.Module:
    """Every ``stride``-th place, so that the 1×1 convolution after it needs no stride.

    The sum is the same. With a stride the backward pass of oneDNN writes beyond its memory where channels come last
    and fewer come in than a register holds, and the process dies or goes on with wrong numbers
    (github.com/uxlfoundation/oneDNN/issues/6035, found in narrow networks with torch 2.15 on processors with AVX2).
    """
    return nn.AvgPool2d(1, stride)


@dataclass(frozen=True)
class Builder:
    """A network's standard width, how many hidden linear layers it can have, and what builds it."""

    width: int
    hidden_layers: int
    build: Callable[[Shape], Network]


def _plain(name: str, width: int, hidden_layers: int, plan: list[list[int | tuple[int, int] | str]]) -> Builder:
    return Builder(width, hidden_layers, lambda shape: plain(name, plan, hidden_layers, shape))


NETWORKS = {
    "convnet": _plain("convnet", 16, 1, [[1, 1, "P"], [2, 2, "P"], [4, 4]]),
    "cnn5": _plain("cnn5", 16, 0, [[1, "P"], [2, "P"], [4, "P"], [8]]),  # Nakkiran et al. 2020
    "alexnet": _plain("alexnet", 64, 2, [[(1, 5), "P"], [(3, 5), "P"], [6, 4, 4, "P"]]),
    "vgg16": _plain("vgg16", 64, 2, [[1, 1, "P"], [2, 2, "P"], [4, 4, 4, "P"], [8, 8, 8, "P"], [8, 8, 8, "P"]]),
    "resnet18": Builder(64, 0, resnet18),
    "densenet121": Builder(64, 0, densenet121),
}
"""Every network; a new one is a line here."""
