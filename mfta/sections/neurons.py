"""Neurons: on how few channels does the label of one example hang, and in which layers are they?

After Maini et al. (ICML 2023): of the trained network channels are zeroed one at a time, for each example those that
matter most to it and least to others, until the example loses the label that it was trained on.
"""

from collections.abc import Callable, Iterable, Iterator

import numpy as np
import pandas as pd
import torch
from pydantic import Field
from tqdm import tqdm

from mfta import training
from mfta.configs import Section
from mfta.labels import PermutedLabels
from mfta.networks import Network
from mfta.streams import stream

Masks = dict[str, torch.Tensor]
"""By layer (images, channels): 0 where a channel is zeroed for that image, else 1."""


class Neurons(Section):
    """Channels zeroed one at a time until an example of the training set loses its label."""

    sets = ("unpermuted", "permuted")
    images: int = Field(200, ge=1, description="images of each set, of those that are given their trained label")
    most: int = Field(60, ge=1, description="channels zeroed at most")
    others: int = Field(25, ge=1, description="other images of each set, whose labels should be kept")


def compute(config: Neurons, fresh: bool = False) -> pd.DataFrame:
    """The section's table for one seed, at the last epoch: unpermuted examples, and permuted ones with another label.

    Rows without a ``layer`` are one image (its row of the training set): ``channels``, how many were zeroed until the
    image lost its trained label, NaN where ``most`` were too few; ``others``, the share of other images that keep
    theirs with these channels zeroed, among images that had it. Rows with one (hidden, with weights) say which share
    of the channels zeroed lay there, each image counting alike (``zeroed``), and which share of all do (``there``).
    fresh: retrain a network that another version of the training code made.
    """
    run = training.run(config.training, fresh)
    network = run.network(config.epochs).requires_grad_(False)
    images, targets = run.dataset.train_images, torch.from_numpy(run.labels.trained)
    right = (training.predict(network, images).argmax(1) == targets).numpy()
    apart, chosen = examples(run.labels, right, config)
    others = images[apart], targets[apart]
    preserved = {layer: of.mean(0) for layer, of in margins(network, *others)[1].items()}
    rows: list[dict] = []
    for name, judged in chosen.items():
        what = {"epoch": config.epochs, "stage": "last", "examples": name}
        steps = tqdm(range(1, config.most + 1), desc=f"neurons, seed {config.seed}, {name}", disable=None)
        masks, counts = zeroed(network, images[judged], targets[judged], preserved, steps)
        for place, image in enumerate(judged):
            with torch.no_grad():
                logits = _logits(network, others[0], {layer: of[[place]] for layer, of in masks.items()})
            kept = (_margin(logits, others[1]) > 0).double().mean().item()
            rows.append({**what, "image": image, "channels": counts[place], "others": kept})
        rows += ({**what, **row} for row in _by_layer(network, masks))
    return pd.DataFrame(rows)


def examples(labels: PermutedLabels, right: np.ndarray, config: Neurons) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """Rows of the training set: the others, whose labels should be kept, and by set the images to be judged.

    right: (n,) whether the network gives an image its trained label.
    """
    order = stream(config.seed, "neurons").permutation(len(right))
    sets = {"unpermuted": right & ~labels.permuted, "permuted": right & (labels.trained != labels.true)}
    chosen = {name: order[of[order]] for name, of in sets.items()}
    judged = {name: index[config.others :][: config.images] for name, index in chosen.items()}
    return np.concatenate([index[: config.others] for index in chosen.values()]), judged


def zeroed(
    network: Network, images: torch.Tensor, targets: torch.Tensor, preserved: Masks, steps: Iterable[int]
) -> tuple[Masks, np.ndarray]:
    """Which channels are zeroed until each image (n, channels, height, width) loses its target (n,), and how many.

    preserved: by layer, for each channel the slope of the others' mean margin (:func:`margins`). At each step the
    channel of the greatest slope of the image's own margin less that of the others goes. steps: 1, 2, … as many as
    channels may go; NaN where those were too few.
    """
    masks = _ones(network, len(images))
    counts = np.full(len(images), np.nan)
    slopes = margins(network, images, targets)[1]
    for step in steps:
        left = torch.from_numpy(np.isnan(counts))
        if not left.any():
            break
        gains = [(slopes[name] - preserved[name]).where(of > 0, -torch.inf) for name, of in masks.items()]
        place = torch.cat(gains, 1).argmax(1)
        for of in masks.values():
            here = left & (place >= 0) & (place < of.shape[1])
            of[here, place[here]] = 0
            place = place - of.shape[1]
        margin, slopes = margins(network, images, targets, masks)
        counts[(left & (margin <= 0)).numpy()] = step
    return masks, counts


def margins(
    network: Network, images: torch.Tensor, targets: torch.Tensor, masks: Masks | None = None
) -> tuple[torch.Tensor, Masks]:
    """Of each image the target's logit less the greatest other (n,), and its slope in every channel's mask (n, C).

    masks: None zeroes nothing. To first order, zeroing a channel costs its slope.
    """
    given = {name: of.clone().requires_grad_() for name, of in (masks or _ones(network, len(images))).items()}
    margin = _margin(_logits(network, images, given), targets)
    slopes = torch.autograd.grad(margin.sum(), list(given.values()))
    return margin.detach(), dict(zip(given, slopes, strict=True))


def _margin(logits: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
    own = logits.gather(1, targets[:, None])[:, 0]
    return own - logits.scatter(1, targets[:, None], -torch.inf).amax(1)


def _logits(network: Network, images: torch.Tensor, masks: Masks) -> torch.Tensor:
    """Logits, on the CPU, where each layer's channels are multiplied by their mask (of one image: for all)."""

    def hook(mask: torch.Tensor) -> Callable[..., torch.Tensor]:
        return lambda _module, _given, answer: answer * mask.reshape(*mask.shape, *(1,) * (answer.dim() - 2))

    hooks = [
        network.get_submodule(module).register_forward_hook(hook(masks[layer].to(training.device())))
        for layer, module in _last_modules(network).items()
    ]
    try:
        return network(images.to(training.device(), memory_format=training.LAYOUT)).float().cpu()
    finally:
        for each in hooks:
            each.remove()


def _last_modules(network: Network) -> dict[str, str]:
    """By hidden layer with weights, the last module with weights before its activation (not of a shortcut)."""
    last = {}
    for layer, keys in network.keys().items():
        if layer != "head":
            last[layer] = [key.rpartition(".")[0] for key in keys if ".downsample." not in key][-1]
    return last


def _ones(network: Network, images: int) -> Masks:
    modules = _last_modules(network)
    return {layer: torch.ones(images, len(network.get_parameter(f"{of}.weight"))) for layer, of in modules.items()}


def _by_layer(network: Network, masks: Masks) -> Iterator[dict]:
    gone = {layer: (1 - of).sum(1) for layer, of in masks.items()}
    every = torch.stack([*gone.values()]).sum(0).clamp(min=1)
    total = sum(of.shape[1] for of in masks.values())
    for layer, of in gone.items():
        share, there = (of / every).mean().item(), masks[layer].shape[1] / total
        yield {"layer": layer, "depth": network.layers.index(layer), "zeroed": share, "there": there}
