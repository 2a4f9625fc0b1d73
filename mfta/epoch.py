"""One epoch of training, and the accuracy of the four example sets after it."""

import math

import numpy as np
import torch
from torch import nn
from torch.nn import functional
from torch.optim.swa_utils import update_bn

from mfta import labels
from mfta.configs import Training
from mfta.data import Dataset
from mfta.errors import DivergedError
from mfta.schedules import SCHEDULES
from mfta.streams import stream, torch_stream

EVALUATION_BATCH = 128
LAYOUT = torch.channels_last
"""Memory layout of images and weights: about 1.5 times faster than the default on the CPU."""


def device() -> torch.device:
    """The GPU where there is one, else the CPU."""
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def train_epoch(
    config: Training,
    network: nn.Module,
    optimizer: torch.optim.Optimizer,
    images: torch.Tensor,
    targets: torch.Tensor,
    epoch: int,
    precision: str = "float32",
) -> None:
    """One pass over ``images`` (n, channels, height, width) and ``targets`` (n,), both on the device.

    epoch: from 1; the order of the images, the augmentation, what is dropped and the learning rate follow from it.
    precision: float32 or bfloat16. A last batch of one image joins the one before it where there is batch norm.
    Raises DivergedError where the loss is not finite.
    """
    if config.dropout:
        torch.manual_seed(int(stream(config.seed, "dropout", epoch).integers(2**62)))
    order = torch.from_numpy(stream(config.seed, "batches", epoch).permutation(len(images)))
    flips = torch_stream(config.seed, "augmentation", epoch)
    network.train()
    batches = list(order.to(images.device).split(config.batch_size))
    if config.batch_norm and len(batches) > 1 and len(batches[-1]) == 1:
        batches[-2:] = [torch.cat(batches[-2:])]  # batch norm has no variance over one image
    for step, batch in enumerate(batches):
        progress = (epoch - 1 + step * config.batch_size / len(images)) / config.epochs
        optimizer.param_groups[0]["lr"] = config.learning_rate * SCHEDULES[config.schedule](progress)
        inputs = _augmented(images[batch], flips) if config.augment else images[batch]
        optimizer.zero_grad(set_to_none=True)
        with autocast(precision):
            loss = functional.cross_entropy(network(inputs), targets[batch])
        if not math.isfinite(loss.item()):
            raise DivergedError(
                f"training diverged in epoch {epoch} at learning_rate = {config.learning_rate:g}: its loss is not"
                " finite; take a smaller learning_rate"
            )
        loss.backward()
        optimizer.step()


def autocast(precision: str) -> torch.autocast:
    """Mixed precision where ``precision`` is bfloat16; weights and their sums stay float32."""
    return torch.autocast(device().type, torch.bfloat16, enabled=precision == "bfloat16")


def _augmented(images: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
    """Random horizontal flips and shifts by up to four pixels, zeros moving in, a choice an image."""
    n, _, height, width = images.shape
    flip = torch.rand(n, generator=generator) < 0.5
    images = torch.where(flip.to(images.device)[:, None, None, None], images.flip(3), images)
    down, right = torch.randint(0, 9, (2, n), generator=generator).to(images.device)
    rows = down[:, None] + torch.arange(height, device=images.device)
    columns = right[:, None] + torch.arange(width, device=images.device)
    padded = functional.pad(images, (4, 4, 4, 4))
    picked = torch.arange(n, device=images.device)[:, None, None]
    return padded[picked, :, rows[:, :, None], columns[:, None, :]].permute(0, 3, 1, 2)


def evaluate(
    network: nn.Module,
    dataset: Dataset,
    permuted: labels.PermutedLabels,
    epoch: int,
    chosen: np.ndarray | None = None,
    precision: str = "float32",
    seed: int = 0,
) -> list[dict]:
    """Accuracy and loss of the example sets: rows epoch, examples, accuracy (fraction), loss (nats).

    chosen: indices of the training images to take; None takes all. All test images are taken; besides ``test``,
    accuracies on two halves of them, ``test half 1`` and ``test half 2``, serve choices that must not be made and
    judged on the same images; ``seed`` splits them. precision: as in training, or float32.
    """
    rows = np.arange(len(dataset.train_images)) if chosen is None else chosen
    inside, true, trained = permuted.permuted[rows], permuted.true[rows], permuted.trained[rows]
    train = predict(network, dataset.train_images if chosen is None else dataset.train_images[rows], precision)
    test = predict(network, dataset.test_images, precision)
    half = stream(seed, "test halves").permutation(len(test)) % 2 == 1
    sets = {
        "unpermuted": (train[~inside], true[~inside]),
        "permuted": (train[inside], trained[inside]),
        "restored": (train[inside], true[inside]),
        "test": (test, dataset.test_labels),
        "test half 1": (test[half], dataset.test_labels[half]),
        "test half 2": (test[~half], dataset.test_labels[~half]),
    }
    return [
        {"epoch": epoch, "examples": name, **_agreement(logits, torch.tensor(targets))}
        for name, (logits, targets) in sets.items()
    ]


def _agreement(logits: torch.Tensor, targets: torch.Tensor) -> dict[str, float]:
    return {
        "accuracy": (logits.argmax(1) == targets).double().mean().item(),
        "loss": functional.cross_entropy(logits.double(), targets).item() if len(targets) else math.nan,
    }


@torch.no_grad()
def predict(network: nn.Module, images: torch.Tensor, precision: str = "float32") -> torch.Tensor:
    """Logits (n, classes) in float32 on the CPU, in evaluation mode, in fixed batches."""
    network.eval()
    with autocast(precision):
        batches = [network(batch.to(device(), memory_format=LAYOUT)) for batch in images.split(EVALUATION_BATCH)]
    return torch.cat([logits.float().cpu() for logits in batches])


def reestimate(network: nn.Module, images: torch.Tensor) -> None:
    """Estimate all running averages of batch norm anew from ``images`` (n, channels, height, width).

    They are reset and become the plain average over one pass in equal, fixed batches, every layer
    normalising by its own batch as in training. The network is left in evaluation mode.
    """
    batches = images.tensor_split(-(-len(images) // EVALUATION_BATCH))
    network.train()
    update_bn((batch.to(device(), memory_format=LAYOUT) for batch in batches), network)
    network.eval()
