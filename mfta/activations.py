"""What the layers answer: taps, class manifolds, and their projection when wide."""

from collections.abc import Iterator, Sequence
from functools import partial

import numpy as np
import torch
from torch import nn

from mfta.networks import Network
from mfta.streams import stream
from mfta.training import EVALUATION_BATCH, LAYOUT, device

MEMORY = 2**31
"""Bytes of activations held at once; a network whose layers need more is run in several passes."""


def record(
    network: Network,
    images: torch.Tensor,
    layers: Sequence[str] | None = None,
    projection: int | None = None,
    seed: int = 0,
    before_activation: bool = False,
) -> Iterator[tuple[str, np.ndarray]]:
    """Yield (layer, activations (n, features) float32) in order of depth, for every layer or those named.

    images: (n, channels, height, width). The network is put in evaluation mode: batch norm uses its
    running averages. projection: layers wider than so many features are projected to that many, as the
    authors' code does; None keeps all. before_activation: of layers that end in a ReLU, take what it is given
    instead of what it answers. Only as many layers as fit in ``MEMORY`` are held at a time.
    """
    network.eval()
    for group in _passes(network, images, layers):
        recorded = _record(network, images, group, before_activation)
        for name in group:
            activations = recorded.pop(name)
            if projection is not None and activations.shape[1] > projection:
                activations = project(activations, projection, seed)
            yield name, activations


def project(activations: np.ndarray, features: int, seed: int) -> np.ndarray:
    """Project (n, N) activations to (n, features) by a random Gaussian matrix with rows of norm one.

    The matrix is drawn in blocks of input features and depends on ``seed`` and N alone.
    """
    n, width = activations.shape
    projected = np.zeros((n, features), dtype=np.float32)
    norms = np.zeros(features)
    for block, start in enumerate(range(0, width, 4096)):
        columns = activations[:, start : start + 4096]
        generator = stream(seed, "projection", width, block)
        matrix = generator.standard_normal((columns.shape[1], features), dtype=np.float32)
        norms += np.square(matrix).sum(0, dtype=np.float64)
        projected += columns @ matrix
    return projected / np.sqrt(norms).astype(np.float32)


def manifolds(activations: np.ndarray, examples: np.ndarray) -> np.ndarray:
    """Class manifolds (P, N, M) from activations (n, N) and the rows (P, M) of each class's examples.

    A view where the rows lie in order, else a copy of the rows.
    """
    classes, points = examples.shape
    rows = examples.ravel()
    in_order = len(rows) == len(activations) and np.array_equal(rows, np.arange(len(rows)))
    chosen = activations if in_order else activations[rows]
    return chosen.reshape(classes, points, -1).transpose(0, 2, 1)


def _record(
    network: Network, images: torch.Tensor, group: Sequence[str], before_activation: bool = False
) -> dict[str, np.ndarray]:
    """By layer, the activations of all images, taken as its module is first called on each batch."""
    recorded = {"input": images.flatten(1).cpu().numpy()} if "input" in group else {}
    read: set[str] = set()
    rectified: dict[int, tuple[torch.Tensor, ...]] = {}  # by its answer, what a ReLU was given, and the answer itself

    def rectify(_: nn.Module, given: tuple[torch.Tensor], answer: torch.Tensor) -> None:
        rectified[id(answer)] = *given, answer

    def keep(name: str, _: nn.Module, __: tuple[torch.Tensor], answer: torch.Tensor) -> None:
        if name in read:
            return
        read.add(name)
        flat = rectified.get(id(answer), (answer,))[0].flatten(1).float().cpu().numpy()
        if name not in recorded:
            recorded[name] = np.empty((len(images), flat.shape[1]), dtype=np.float32)
        recorded[name][start : start + len(flat)] = flat

    rectifiers = [module for module in network.modules() if before_activation and isinstance(module, nn.ReLU)]
    hooks = [module.register_forward_hook(rectify) for module in rectifiers]
    for name in group:
        if name != "input":
            hooks.append(network.get_submodule(network.taps[name].node).register_forward_hook(partial(keep, name)))
    try:
        for start in range(0, len(images), EVALUATION_BATCH):
            read.clear()
            rectified.clear()
            with torch.no_grad():
                network(images[start : start + EVALUATION_BATCH].to(device(), memory_format=LAYOUT))
    finally:
        for hook in hooks:
            hook.remove()
    return recorded


def _passes(network: Network, images: torch.Tensor, layers: Sequence[str] | None) -> list[list[str]]:
    """Consecutive layers whose activations fit in memory together."""
    chosen = [name for name in network.layers if layers is None or name in layers]
    sizes = {name: answer.size for name, answer in _record(network, images[:1], chosen).items()}
    groups: list[list[str]] = [[]]
    held = 0
    for name in chosen:
        needed = sizes[name] * len(images) * 4
        if groups[-1] and held + needed > MEMORY:
            groups.append([])
            held = 0
        groups[-1].append(name)
        held += needed
    return groups
