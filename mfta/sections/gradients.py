"""What permuted and unpermuted examples contribute to the gradient, and through what.

The gradient of the mean cross entropy with respect to the logits is (p − e_y)/n. With C classes it splits
into a label-dependent part −(e_y − 1/C)/n and a label-independent part (p − 1/C)/n; each is carried through
the network by the chain rule (the paper's appendix, Eq. 25 and Fig. A.1, claim C6).
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Self

import numpy as np
import pandas as pd
import torch
from pydantic import Field, model_validator
from torch import nn
from torch.nn import functional
from tqdm import tqdm

from mfta import labels, training
from mfta.configs import Epochs, Scales, Section
from mfta.networks import NETWORKS, Network
from mfta.streams import stream


class Gradients(Section):
    """Label-dependent and label-independent gradients of permuted and unpermuted examples."""

    sets = ("unpermuted", "permuted")
    measured_epochs: Epochs = Field((), description="measured besides 0, the best and the last")
    batch_statistics: bool = Field(True, description="batch norm as in training; False: its running averages")
    subsets: int = Field(8, ge=1, description="disjoint subsets of each size, at most, for the law in n")
    head_scales: Scales = Field((1.0,), description="factors on the head's initial weights")

    @model_validator(mode="after")
    def _all_layers_learn(self) -> Self:
        if NETWORKS[self.network].learns is not None:
            raise ValueError(f"network = '{self.network}' is refused: some of its layers learn nothing; take another")
        return self


SETS = ("unpermuted", "permuted")
PARTS = ("label_dependent", "label_independent", "total")


@dataclass(frozen=True)
class Split:
    """The gradient of one set's mean cross entropy in its parts."""

    parts: dict[str, dict[str, torch.Tensor]]
    """By part, and within it by layer: (parameters of the layer,). The first two parts sum to the total."""
    confidence: float
    """The set's mean largest probability; 1/C where the network prefers no class."""


def split(
    network: Network,
    images: torch.Tensor,
    targets: torch.Tensor,
    weights: torch.Tensor,
    batch_size: int,
    wanted: tuple[str, ...] = PARTS[:2],
) -> Split:
    """Split the gradient of Σ weights · cross entropy, in the mode (training, evaluation) the network is in.

    images: (n, channels, height, width). targets: (n,) integers. weights: (n,), 1/m on the m examples of a
    set and 0 on all others, which then only take part in the statistics of their batch, and are left out where
    no batch norm takes any. Batches are equal and fixed; those without a weight are left out.
    wanted: the first part, or the first two and with them the total.
    """
    if not any(isinstance(module, nn.BatchNorm2d) and module.training for module in network.modules()):
        inside = weights.nonzero()[:, 0]
        images, targets, weights = images[inside], targets[inside.to(targets.device)], weights[inside]
    parameters = dict(network.named_parameters())
    sums = {part: {key: torch.zeros_like(p) for key, p in parameters.items()} for part in wanted}
    confidence = 0.0
    batches = -(-len(images) // batch_size)
    for rows in torch.arange(len(images)).tensor_split(batches):
        if not weights[rows].any():
            continue
        logits = network(images[rows].to(training.device(), memory_format=training.LAYOUT))
        weight = weights[rows].to(logits)[:, None]
        probability = logits.detach().softmax(1)
        uniform = 1 / logits.shape[1]
        one_hot = functional.one_hot(targets[rows], logits.shape[1]).to(logits)
        confidence += float((weight[:, 0] * probability.amax(1)).sum())
        for part, at_logits in zip(wanted, (uniform - one_hot, probability - uniform), strict=False):
            more = part != wanted[-1]
            gradient = torch.autograd.grad(logits, [*parameters.values()], weight * at_logits, retain_graph=more)
            for key, value in zip(parameters, gradient, strict=True):
                sums[part][key] += value
    keys = network.keys()
    parts = {
        part: {
            layer: torch.cat([summed[key].flatten() for key in names if key in parameters])
            for layer, names in keys.items()
        }
        for part, summed in sums.items()
    }
    if len(parts) == 2:
        first, second = parts.values()
        parts["total"] = {layer: first[layer] + second[layer] for layer in keys}
    return Split(parts, confidence)


def compute(config: Gradients, fresh: bool = False) -> pd.DataFrame:
    """The section's table for one seed: ``norm`` of a ``part`` by ``layer`` and set of ``examples``.

    A norm is over all parameters of the layer (weights, biases, scale and shift of batch norm), of the mean over the
    set's examples, so that sets of different size compare; without a layer it is that of the whole network.
    ``cosine``, on the rows of permuted examples, is that with the gradient of the unpermuted ones. ``confidence``:
    mean largest probability. ``varied`` says what a row belongs to: ``epoch`` (over training), ``images`` (untrained
    network, label-dependent part of ``subset`` number so and so of that many images), ``halves`` (untrained network,
    the same part, with ``signal`` and ``floor``, see :meth:`_Measurement.over_groups`) or ``head_scale`` (untrained
    network, initial weights of the head times that factor).

    Batch norm normalises by the batch, as in training, or with ``batch_statistics`` off by its running
    averages, which mean nothing before training. Batches hold both sets in equal shares.
    fresh: retrain a network that another version of the training code made.
    """
    run = training.run(config.training, fresh)
    measurement = _Measurement(config, run)
    rows = [measurement.over_training, measurement.over_groups, measurement.over_scales]
    return pd.DataFrame([row for rows_of in rows for row in rows_of()])


class _Measurement:
    """The training images in the order of their batches, and what is measured on them."""

    def __init__(self, config: Gradients, run: training.Run) -> None:
        self.config, self.run = config, run
        groups = {name: _groups(run.labels, name, config.seed) for name in SETS}
        # Every batch holds both sets in their shares, and a set's groups lie in order.
        places = np.concatenate([(np.arange(g.size) + 0.5) / g.size for g in groups.values()])
        order = np.concatenate([g.ravel() for g in groups.values()])[np.argsort(places, kind="stable")]
        where = np.argsort(order)
        self.groups = {name: where[g] for name, g in groups.items()}
        self.images = run.dataset.train_images[order]
        self.targets = torch.from_numpy(run.labels.trained[order]).to(training.device())

    def over_training(self) -> Iterator[dict]:
        """All parts at the measured epochs."""
        epochs = sorted({0, *self.config.measured_epochs, self.run.best_epoch, self.config.epochs})
        for epoch in tqdm(epochs, desc=f"gradients, seed {self.config.seed}", unit="epoch", disable=None):
            rows = self._untrained if epoch == 0 else list(self._both(self.run.network(epoch)))
            for stage in self.run.stages(epoch):
                yield from ({"varied": "epoch", "epoch": epoch, "stage": stage, **row} for row in rows)

    def over_groups(self) -> Iterator[dict]:
        """The label-dependent part at initialization, summed up from groups that hold every label once.

        A gradient is linear in its examples, so that one pass over the groups gives that of every subset of them.
        ``images``: the rows of ever larger subsets. ``halves``: of the whole set, with ``signal``, the inner product
        of the gradients of two disjoint halves in the mean over all ways to halve it, which is that over all pairs
        of groups, and ``floor``, the norm that the scatter of the groups alone gives the mean of so many.
        """
        network = self.run.network(0)
        for name, groups in self.groups.items():
            n = len(groups)
            what = {"epoch": 0, "stage": "initial", "examples": name}
            sums: dict[int, dict[str, torch.Tensor]] = {
                int(size): {} for size in np.unique(np.geomspace(1, n, 7).round().astype(int))
            }
            squares: dict[str | None, float] = {}
            for number, group in enumerate(tqdm(groups, desc=f"{name} groups", disable=None)):
                gradient = self._split(network, group, PARTS[:1]).parts["label_dependent"]
                for layer in (None, *gradient):
                    squares[layer] = squares.get(layer, 0.0) + _vector(gradient, layer).square().sum().item()
                for size, begun in sums.items():
                    subset, place = divmod(number, size)
                    if subset < min(self.config.subsets, n // size):
                        sums[size] = {key: value.double() + begun.get(key, 0) for key, value in gradient.items()}
                        if place == size - 1:
                            of_subset = {"varied": "images", **what, "subset": subset, "images": size * group.size}
                            mean = {key: value / size for key, value in sums[size].items()}
                            yield from ({**of_subset, **row} for row in _rows(network, {"label_dependent": mean}))
                            if size < n:
                                sums[size] = {}
            for row in _rows(network, {"label_dependent": {key: value / n for key, value in sums[n].items()}}):
                noise = (squares[row["layer"]] / n - row["norm"] ** 2) / (n - 1) if n > 1 else float("nan")
                scatter = {"signal": row["norm"] ** 2 - noise, "floor": max(noise, 0.0) ** 0.5}
                yield {"varied": "halves", **what, "images": groups.size, **row, **scatter}

    def over_scales(self) -> Iterator[dict]:
        """All parts at initialization with the head's weights multiplied."""
        for scale in tqdm(self.config.head_scales, desc="scales of the head", disable=None):
            network = self.run.network(0)
            network.get_parameter(f"{network.taps['head'].node}.weight").data *= scale
            what = {"varied": "head_scale", "epoch": 0, "stage": "initial", "head_scale": scale}
            yield from ({**what, **row} for row in (self._untrained if scale == 1 else self._both(network)))

    @cached_property
    def _untrained(self) -> list[dict]:
        return list(self._both(self.run.network(0)))

    def _both(self, network: Network) -> Iterator[dict]:
        splits = {name: self._split(network, groups.ravel()) for name, groups in self.groups.items()}
        for name, answer in splits.items():
            others = splits["unpermuted"].parts if name == "permuted" else None
            what = {"examples": name, "images": self.groups[name].size, "confidence": answer.confidence}
            yield from ({**what, **row} for row in _rows(network, answer.parts, others))

    def _split(self, network: Network, chosen: np.ndarray, wanted: tuple[str, ...] = PARTS[:2]) -> Split:
        network.train(self.config.batch_statistics)
        weights = torch.zeros(len(self.images))
        weights[chosen] = 1 / len(chosen)
        return split(network, self.images, self.targets, weights, self.config.batch_size, wanted)


def _groups(permuted: labels.PermutedLabels, examples: str, seed: int) -> np.ndarray:
    """(groups, C) indices of the set's images, in random groups that hold every trained label once."""
    classes = permuted.true.max() + 1
    inside = permuted.permuted if examples == "permuted" else ~permuted.permuted
    rows = labels.manifold_examples(permuted, examples, int(inside.sum()) // classes, seed)
    return stream(seed, f"groups {examples}").permuted(rows, axis=1).T


def _rows(network: Network, parts: dict, others: dict | None = None) -> Iterator[dict]:
    for part, by_layer in parts.items():
        for layer in (None, *by_layer):
            row = {"layer": layer, "part": part}
            if layer is not None:
                row["depth"] = network.layers.index(layer)
            mine = _vector(by_layer, layer)
            row["norm"] = mine.norm().item()
            if others is not None:
                row["cosine"] = functional.cosine_similarity(mine, _vector(others[part], layer), dim=0, eps=0).item()
            yield row


def _vector(by_layer: dict[str, torch.Tensor], layer: str | None) -> torch.Tensor:
    """The gradient of one layer in double precision, or that of all together."""
    return (torch.cat([*by_layer.values()]) if layer is None else by_layer[layer]).double()


def in_batches(config: Gradients, run: Any) -> tuple[torch.Tensor, torch.Tensor, dict[str, np.ndarray]]:
    """What the section's gradients are taken over, for doing it by hand.

    The training images (n, channels, height, width) and trained labels (n,) in the order of their equal batches, and
    by example set the places (m,) of its images in that order. run: of the same config, see :func:`mfta.run`.
    """
    measurement = _Measurement(config, run)
    return measurement.images, measurement.targets, {name: g.ravel() for name, g in measurement.groups.items()}
