"""One readable training loop: permuted labels in, checkpoints and a history out.

A run lies in ``runs/<fingerprint of its config>/``: ``epoch_NNNN.pt`` (weights), ``history.csv``,
``resume.pt`` while it is under way, ``certificate.json`` when it is done.
"""

import math
import time
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
import torch
from torch import nn
from torch.nn import functional
from tqdm import tqdm

from mfta import data, definitions, labels, networks, store
from mfta.configs import Training
from mfta.errors import StoreError
from mfta.streams import stream, torch_stream

EVALUATION_BATCH = 128
LAYOUT = torch.channels_last
"""Memory layout of images and weights: about 1.5 times faster than the default on the CPU."""


@dataclass(frozen=True)
class Run:
    """A finished training: its config, its history and its weights at the kept epochs."""

    config: Training
    directory: Path
    history: pd.DataFrame
    """Columns epoch, examples, accuracy (fraction), loss (nats); epoch 0 is the untrained network."""
    best_epoch: int
    """The epoch ≥ 1 of highest test accuracy, the first of them."""

    @property
    def kept_epochs(self) -> list[int]:
        """Epochs whose weights were kept: 0, the config's checkpoints, the best and the last."""
        return sorted({0, *self.config.checkpoints, self.best_epoch, self.config.epochs})

    def stages(self, epoch: int) -> list[str]:
        """What an epoch is: initial, best, last; both where the best is the last; empty text for others."""
        named = {"initial": 0, "best": self.best_epoch, "last": self.config.epochs}
        return [name for name, at in named.items() if at == epoch] or [""]

    def state(self, epoch: int) -> dict[str, torch.Tensor]:
        """Weights and buffers after ``epoch``. Raises StoreError where they were not kept, or were changed."""
        if epoch not in self.kept_epochs:
            raise StoreError(f"epoch {epoch} of '{self.directory}' was not kept; kept: {self.kept_epochs}")
        path = checkpoint_path(self.directory, epoch)
        store.check_file(path)
        return _load(path)

    def network(self, epoch: int) -> networks.Network:
        """The network after ``epoch``, in evaluation mode (batch norm uses its running averages)."""
        network = build(self.config, data_of(self.config))
        network.load_state_dict(self.state(epoch))
        return network.eval()


def run(config: Training, fresh: bool = False) -> Run:
    """The finished run of ``config``: loaded if it is stored, else trained, going on where it stopped.

    fresh: a stored run made by another version of the training code is trained anew.
    """
    directory = store.runs_directory() / config.fingerprint
    torch.set_num_threads(config.threads)
    with store.lock(directory):
        certificate = store.read_certificate(directory)
        digest = definitions.digest(definitions_of(config))
        if certificate is not None and fresh and certificate.get("code") != digest:
            store.forget_certificate(directory)  # before any file changes, so that it never vouches for a mixture
            certificate = None
        if certificate is None:
            certificate = _train(config, directory, digest)
        store.check_certificate(directory, "run", config.fingerprint, config.model_dump(mode="json"))
        store.check_file(directory / "history.csv")
    history = pd.read_csv(directory / "history.csv")
    return Run(config, directory, history, certificate["best_epoch"])


def definitions_of(config: Training) -> dict[str, str]:
    """The definitions of the package that a trained network depends on, as they stand."""
    return definitions.of(config.model_dump(), run)


def data_of(config: Training) -> data.Dataset:
    """The images and true labels a config trains on."""
    return data.load(config.dataset, config.train_per_class, config.test_per_class, config.seed)


def labels_of(config: Training, dataset: data.Dataset) -> labels.PermutedLabels:
    """The labels a config trains on."""
    return labels.permute(dataset.train_labels, config.permuted_fraction, config.seed)


def build(config: Training, dataset: data.Dataset) -> networks.Network:
    """The untrained network of a config, on the device in use."""
    network = networks.build(
        config.network,
        dataset.classes,
        config.width,
        dataset.image_size,
        config.batch_norm,
        torch_stream(config.seed, "initial weights"),
    )
    return network.to(device()).to(memory_format=LAYOUT)


def device() -> torch.device:
    """The GPU where there is one, else the CPU."""
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def checkpoint_path(directory: Path, epoch: int) -> Path:
    """Where the weights after ``epoch`` lie."""
    return directory / f"epoch_{epoch:04d}.pt"


def _train(config: Training, directory: Path, digest: str) -> dict:
    started = time.monotonic()
    dataset = data_of(config)
    permuted = labels_of(config, dataset)
    images = dataset.train_images.to(device(), memory_format=LAYOUT)
    targets = torch.from_numpy(permuted.trained).to(device())
    network = build(config, dataset)
    if config.compiled:
        network.compile()
    optimizer = _optimizer(config, network)
    history: list[dict] = []
    best, spent, first = (-1.0, 0), 0.0, 0
    resume = directory / "resume.pt"
    if resume.exists():
        saved = _load(resume)
        if saved.get("code") == digest and saved.get("fingerprint") == config.fingerprint:
            network.load_state_dict(saved["network"])
            optimizer.load_state_dict(saved["optimizer"])
            history, best, spent, first = saved["history"], saved["best"], saved["spent"], saved["epoch"] + 1

    bar = tqdm(range(first, config.epochs + 1), initial=first, total=config.epochs + 1, disable=None)
    bar.set_description(f"{config.network} on {config.dataset}, seed {config.seed}")
    for epoch in bar:
        if epoch > 0:
            train_epoch(config, network, optimizer, images, targets, epoch)
        rows = evaluate(network, dataset, permuted, epoch)
        history += rows
        accuracy = {row["examples"]: row["accuracy"] for row in rows}
        bar.set_postfix({name: f"{value:.3f}" for name, value in accuracy.items()})
        keep = epoch in {0, config.epochs, *config.checkpoints}
        if epoch > 0 and accuracy["test"] > best[0]:
            _forget(config, directory, best[1])
            best, keep = (accuracy["test"], epoch), True
        if keep:
            _save(network.state_dict(), checkpoint_path(directory, epoch))
        progress = {
            "code": digest,
            "fingerprint": config.fingerprint,
            "epoch": epoch,
            "network": network.state_dict(),
            "optimizer": optimizer.state_dict(),
            "history": history,
            "best": best,
            "spent": spent + time.monotonic() - started,
        }
        _save(progress, resume)

    table = pd.DataFrame(history)
    store.write(directory / "history.csv", lambda buffer: table.to_csv(buffer, index=False))
    certificate = store.certified(
        {
            "kind": "run",
            "fingerprint": config.fingerprint,
            "config": config.model_dump(mode="json"),
            "code": digest,
            "definitions": definitions_of(config),
            "files_sha256": store.checksums([directory / "history.csv", *directory.glob("epoch_*.pt")]),
            "best_epoch": best[1],
            "data_sha256": dataset.checksum,
            "device": str(device()),
            "parameters": sum(p.numel() for p in network.parameters()),
            "unchanged_fraction": permuted.unchanged_fraction,
            "wall_seconds": round(spent + time.monotonic() - started, 1),
        }
    )
    store.write_json(directory / "certificate.json", certificate)
    resume.unlink(missing_ok=True)
    return certificate


def _optimizer(config: Training, network: nn.Module) -> torch.optim.Optimizer:
    rate, decay = config.learning_rate, config.weight_decay
    if config.optimizer == "adam":
        return torch.optim.Adam(network.parameters(), rate, weight_decay=decay)
    return torch.optim.SGD(network.parameters(), rate, config.momentum, weight_decay=decay)


def train_epoch(
    config: Training,
    network: nn.Module,
    optimizer: torch.optim.Optimizer,
    images: torch.Tensor,
    targets: torch.Tensor,
    epoch: int,
) -> None:
    """One pass over ``images`` (n, channels, height, width) and ``targets`` (n,), both on the device.

    epoch: from 1; the order of the images, the augmentation and the learning rate follow from it.
    """
    order = torch.from_numpy(stream(config.seed, "batches", epoch).permutation(len(images)))
    flips = torch_stream(config.seed, "augmentation", epoch)
    network.train()
    mixed = torch.autocast(images.device.type, torch.bfloat16, enabled=config.precision == "bfloat16")
    for step, batch in enumerate(order.to(images.device).split(config.batch_size)):
        if len(batch) < 2:
            continue  # batch norm has no variance over one image
        progress = (epoch - 1 + step * config.batch_size / len(images)) / config.epochs
        cosine = 0.5 * (1 + math.cos(math.pi * progress))
        optimizer.param_groups[0]["lr"] = config.learning_rate * (cosine if config.schedule == "cosine" else 1)
        inputs = _augmented(images[batch], flips) if config.augment else images[batch]
        optimizer.zero_grad(set_to_none=True)
        with mixed:
            loss = functional.cross_entropy(network(inputs), targets[batch])
        loss.backward()
        optimizer.step()


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


def evaluate(network: nn.Module, dataset: data.Dataset, permuted: labels.PermutedLabels, epoch: int) -> list[dict]:
    """Accuracy and loss of the four example sets: rows epoch, examples, accuracy (fraction), loss (nats)."""
    train = predict(network, dataset.train_images)
    test = predict(network, dataset.test_images)
    inside = permuted.permuted
    sets = {
        "unpermuted": (train[~inside], permuted.true[~inside]),
        "permuted": (train[inside], permuted.trained[inside]),
        "restored": (train[inside], permuted.true[inside]),
        "test": (test, dataset.test_labels),
    }
    rows = []
    for name, (logits, targets) in sets.items():
        answer = torch.tensor(targets)  # a copy, as labels of a data set cannot be written
        rows.append(
            {
                "epoch": epoch,
                "examples": name,
                "accuracy": (logits.argmax(1) == answer).double().mean().item(),
                "loss": functional.cross_entropy(logits.double(), answer).item() if len(answer) else float("nan"),
            }
        )
    return rows


@torch.no_grad()
def predict(network: nn.Module, images: torch.Tensor) -> torch.Tensor:
    """Logits (n, classes) on the CPU, in evaluation mode, in fixed batches."""
    network.eval()
    return torch.cat(
        [network(batch.to(device(), memory_format=LAYOUT)).cpu() for batch in images.split(EVALUATION_BATCH)]
    )


def _save(content: dict, path: Path) -> None:
    store.write(path, lambda buffer: torch.save(content, buffer))


def _load(path: Path) -> dict:
    """Read tensors and plain values alone: a file that holds code is refused, never run."""
    try:
        return torch.load(path, weights_only=True, map_location=device())
    except Exception:
        reason = "it is cut, or holds more than tensors and plain values"
        raise StoreError(f"'{path}' is not a checkpoint of ours ({reason}): remove '{path.parent}'") from None


def _forget(config: Training, directory: Path, epoch: int) -> None:
    """Remove the weights of a former best epoch that nothing else asks for."""
    if epoch not in {0, config.epochs, *config.checkpoints}:
        checkpoint_path(directory, epoch).unlink(missing_ok=True)
