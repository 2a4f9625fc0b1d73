"""The architectures for small images; residual and dense blocks are torchvision's.

Every network says which of its modules are its layers, each taken after its activation.
"""

from collections import OrderedDict
from collections.abc import Container
from dataclasses import dataclass

import torch
from torch import nn


@dataclass(frozen=True)
class Layer:
    """Where a layer's activations are taken, and which modules' weights are its own."""

    node: str
    """The module, by its path, whose answer it is: the first one where it is called more than once."""
    owns: tuple[str, ...] = ()
    """Modules whose weights and buffers belong to the layer; () means the node itself."""

    def has(self, key: str) -> bool:
        """Whether an entry of the network's state belongs to the layer."""
        return any(key.startswith(f"{module}.") for module in self.owns or (self.node,))


class Network(nn.Sequential):
    """Stages in sequence, with the names of its layers.

    ``taps``: layer name → :class:`Layer`, in order of depth from 1; depth 0 is the input. Layers are named
    as a person would: conv3_1, pool3, fc1, head. Activations are made to keep what they are given.
    """

    def __init__(self, stages: OrderedDict[str, nn.Module], taps: dict[str, Layer]) -> None:  # noqa: D107 (above)
        super().__init__(stages)
        self.taps = taps
        for module in self.modules():
            if isinstance(module, nn.ReLU):
                module.inplace = False

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


Plan = list[list[int | tuple[int, int] | str]]


def plain(name: str, plan: Plan, hidden_layers: int, shape: Shape, normed: Container[int] | None = None) -> Network:
    """Convolutions and poolings in a row; layers conv1_1, pool1, …, fc1, …, head.

    plan: by stage, the channels of each convolution in units of the width, 3×3 unless a second number says otherwise;
    "P" for 2×2 max pooling. normed: the stages, from 1, that have batch norm where the shape asks for it; None: all.
    """
    channels, height, breadth = shape.image_size
    stages: OrderedDict[str, nn.Module] = OrderedDict()
    taps: dict[str, Layer] = {}
    for number, steps in enumerate(plan, start=1):
        norm = nn.BatchNorm2d if shape.batch_norm and (normed is None or number in normed) else None
        stage: OrderedDict[str, nn.Module] = OrderedDict()
        for place, step in enumerate(steps, start=1):
            if isinstance(step, str):
                stage["pool"] = nn.MaxPool2d(2)
                taps[f"pool{number}"] = Layer(f"stage{number}.pool")
                height, breadth = height // 2, breadth // 2
                continue
            times, kernel = step if isinstance(step, tuple) else (step, 3)
            out = times * shape.width
            stage[f"conv{place}"] = nn.Sequential(*_convolution(channels, out, norm, kernel))
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


def _convolution(channels: int, out: int, norm: type[nn.Module] | None, kernel: int = 3) -> list[nn.Module]:
    """A convolution that keeps the size: torchvision's Conv2dNormActivation, without two seconds of importing it."""
    convolution = nn.Conv2d(channels, out, kernel, padding=kernel // 2, bias=norm is None)
    return [convolution, *([norm(out)] if norm else []), nn.ReLU()]


def resnet18(shape: Shape) -> Network:
    """ResNet-18 (He et al. 2016) with a 3×3 stem: four stages of two blocks with k, 2k, 4k and 8k channels.

    Layers: conv1, conv2_1 … conv5_4 (the second and fourth of a stage after the sum with the shortcut, whose
    weights they own), pool (the mean over places) and head.
    """
    from torchvision.models.resnet import BasicBlock  # takes two seconds, and few networks need it

    width = shape.width
    norm = nn.BatchNorm2d if shape.batch_norm else nn.Identity
    stem = nn.Conv2d(shape.image_size[0], width, 3, padding=1, bias=False), norm(width), nn.ReLU()
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
            stage[f"block{block}"] = BasicBlock(planes, out, stride, shortcut, norm_layer=norm)
            planes, place = out, f"stage{number}.block{block}"
            # The block calls its one ReLU twice, and answers what the second call does.
            first = Layer(f"{place}.relu", (f"{place}.conv1", f"{place}.bn1"))
            second = Layer(place, (f"{place}.conv2", f"{place}.bn2", f"{place}.downsample"))
            taps |= {f"conv{number}_{2 * block - 1}": first, f"conv{number}_{2 * block}": second}
        stages[f"stage{number}"] = nn.Sequential(stage)
    stages |= {"pool": nn.AdaptiveAvgPool2d(1), "flatten": nn.Flatten(), "head": nn.Linear(planes, shape.classes)}
    return Network(stages, {**taps, "pool": Layer("pool"), "head": Layer("head")})


class Residual(nn.Sequential):
    """What its modules answer is added to what they are given."""

    def forward(self, given: torch.Tensor) -> torch.Tensor:
        """Same shape as given."""
        return given + super().forward(given)


def resnet9(shape: Shape) -> Network:
    """ResNet-9, as Maini et al. (2023) train it: convolutions of k to 8k channels and two residual pairs of them.

    Layers: conv1, conv2 (pooled), conv3_1 and conv3_2 (after the sum), conv4 and conv5 (pooled), conv6_1 and
    conv6_2 (after the sum), pool (the maximum over places) and head.
    """
    k, norm = shape.width, nn.BatchNorm2d if shape.batch_norm else None

    def conv(given: int, out: int, *pool: nn.Module) -> nn.Sequential:
        return nn.Sequential(*_convolution(given, out, norm), *pool)

    def pair(channels: int) -> Residual:
        return Residual(OrderedDict(conv1=conv(channels, channels), conv2=conv(channels, channels)))

    stages: OrderedDict[str, nn.Module] = OrderedDict(
        conv1=conv(shape.image_size[0], k), conv2=conv(k, 2 * k, nn.MaxPool2d(2)), stage3=pair(2 * k),
        conv4=conv(2 * k, 4 * k, nn.MaxPool2d(2)), conv5=conv(4 * k, 8 * k, nn.MaxPool2d(2)), stage6=pair(8 * k),
        pool=nn.AdaptiveMaxPool2d(1), flatten=nn.Flatten(), head=nn.Linear(8 * k, shape.classes),
    )  # fmt: skip
    taps = {}
    for name in stages:
        if name.startswith("stage"):
            taps[f"conv{name[-1]}_1"] = Layer(f"{name}.conv1")
            taps[f"conv{name[-1]}_2"] = Layer(name, (f"{name}.conv2",))
        elif name != "flatten":
            taps[name] = Layer(name)
    return Network(stages, taps)


def densenet121(shape: Shape) -> Network:
    """DenseNet-121 (Huang et al. 2017) with a 3×3 stem: blocks of 6, 12, 24, 16 layers that add width/2 channels.

    Layers: conv1; dense1_1 … dense4_16, each after the activation before its last convolution, which it
    owns; block1 … block4, what a block has gathered, normalised and activated; transition1 … transition3,
    pooled; pool (the mean over places) and head.
    """
    from torchvision.models import DenseNet

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
    return Network(stages, {**taps, "pool": Layer("pool"), "head": Layer("head")})


def _thinned(stride: int) -> nn.Module:
    """Every ``stride``-th place, so that the 1×1 convolution after it needs no stride.

    The sum is the same. With a stride the backward pass of oneDNN writes beyond its memory where channels come last
    and fewer come in than a register holds, and the process dies or goes on with wrong numbers
    (github.com/uxlfoundation/oneDNN/issues/6035, found in narrow networks with torch 2.15 on processors with AVX2).
    """
    return nn.AvgPool2d(1, stride)
