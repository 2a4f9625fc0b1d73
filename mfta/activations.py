"""What the layers answer: taps, class manifolds, and their projection when wide."""

import warnings
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
import torch
from torch import nn
from torchvision.models.feature_extraction import create_feature_extractor, get_graph_node_names

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
    nodes = _nodes(network, before_activation)
    for group in _passes(network, images, nodes, layers):
        recorded = _record(network, images, nodes, group)
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


def _nodes(network: Network, before_activation: bool) -> dict[str, str]:
    """By layer, the node of the network's graph where its answer is taken."""
    nodes = {name: layer.node for name, layer in network.taps.items()}
    if not before_activation:
        return nodes
    every = _quietly(get_graph_node_names, network)[1]
    activations = {name for name, module in network.named_modules() if isinstance(module, nn.ReLU)}
    for name, node in nodes.items():
        last = max(place for place, other in enumerate(every) if other == node or other.startswith(f"{node}."))
        if every[last].removesuffix("_1") in activations:  # torchvision numbers the second call of one module
            nodes[name] = every[last - 1]
    return nodes


def _record(
    network: Network, images: torch.Tensor, nodes: dict[str, str], group: Sequence[str]
) -> dict[str, np.ndarray]:
    recorded: dict[str, np.ndarray] = {}
    if "input" in group:
        recorded["input"] = images.flatten(1).cpu().numpy()
    wanted = {nodes[name]: name for name in group if name != "input"}
    if not wanted:
        return recorded
    taps = _quietly(create_feature_extractor, network, return_nodes=wanted).eval()
    start = 0
    for batch in images.split(EVALUATION_BATCH):
        with torch.no_grad():
            answers = taps(batch.to(device(), memory_format=LAYOUT))
        for name, answer in answers.items():
            flat = answer.flatten(1)
            if name not in recorded:
                recorded[name] = np.empty((len(images), flat.shape[1]), dtype=np.float32)
            recorded[name][start : start + len(batch)] = flat.float().cpu().numpy()
        start += len(batch)
    return recorded


def _passes(
    network: Network, images: torch.Tensor, nodes: dict[str, str], layers: Sequence[str] | None
) -> list[list[str]]:
    """Consecutive layers whose activations fit in memory together."""
    chosen = [name for name in network.layers if layers is None or name in layers]
    sizes = {name: answer.size for name, answer in _record(network, images[:1], nodes, chosen).items()}
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


def _quietly(trace: Callable[..., Any], network: Network, **given: Any) -> Any:
    """Trace the network without the warning that its graph for training, which is never used, differs."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        return trace(network, **given)
