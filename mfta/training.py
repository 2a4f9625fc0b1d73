"""One readable training loop: permuted labels in, checkpoints and a history out.

A run lies in ``runs/<fingerprint of its config>/``: ``epoch_NNNN.pt`` (weights), ``history.csv``,
``resume.pt`` while it is under way, ``certificate.json`` when it is done.
"""

import math
import sys
import time
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import pandas as pd
import torch
from torch import nn
from tqdm import tqdm

from mfta import data, definitions, labels, networks, store
from mfta.configs import Training
from mfta.epoch import EVALUATION_BATCH, LAYOUT, device, evaluate, predict, reestimate, train_epoch
from mfta.errors import StoreError
from mfta.labels import PermutedLabels
from mfta.streams import stream, torch_stream

__all__ = ["EVALUATION_BATCH", "LAYOUT", "Run", "device", "evaluate", "predict", "reestimate", "run", "train_epoch"]

CHANCES = 2
"""Permuted labels count as not yet memorized up to so many times the accuracy of chance."""
RESUMED_WITHIN = 1.0
"""Seconds of training that an interruption may cost where epochs are shorter; of longer ones it costs one at most."""


@dataclass(frozen=True)
class Run:
    """A finished training: its config, its history and its weights at the kept epochs."""

    config: Training
    directory: Path
    history: pd.DataFrame
    """Columns epoch, examples, accuracy (fraction), loss (nats); epoch 0 is the untrained network."""
    best_epoch: int
    """The epoch ≥ 1 of highest test accuracy, the first of them."""
    early_epoch: int | None
    """The last epoch ≥ 1 up to which permuted accuracy stayed within twice chance; None: not even the first."""

    @cached_property
    def dataset(self) -> data.Dataset:
        """Images, standardised, with their true labels."""
        return data_of(self.config)

    @cached_property
    def labels(self) -> PermutedLabels:
        """The labels that the network was trained on, and which of them were permuted."""
        return labels_of(self.config, self.dataset)

    @property
    def kept_epochs(self) -> list[int]:
        """Epochs whose weights were kept: 0, all early ones, the config's checkpoints, the best and the last."""
        return sorted(_kept(self.config, self.best_epoch, self.early_epoch or 0))

    def stages(self, epoch: int) -> list[str]:
        """What an epoch is: initial, best, last, early; several where they coincide; empty text for others."""
        named = {"initial": 0, "best": self.best_epoch, "last": self.config.epochs, "early": self.early_epoch}
        return [name for name, at in named.items() if at == epoch] or [""]

    def state(self, epoch: int) -> dict[str, torch.Tensor]:
        """Weights and buffers after ``epoch``. Raises StoreError where they were not kept, or were changed."""
        if epoch not in self.kept_epochs:
            raise StoreError(f"epoch {epoch} of '{self.directory}' was not kept; kept: {self.kept_epochs}")
        path = checkpoint_path(self.directory, epoch)
        store.check_file(path)
        return _load(path)

    def network(self, at: int | Mapping[str, torch.Tensor]) -> networks.Network:
        """The network after an epoch, or with a state made by hand, in evaluation mode."""
        network = build(self.config, self.dataset)
        network.load_state_dict(self.state(at) if isinstance(at, int) else at)
        return network.eval()


def run(config: Training, fresh: bool = False) -> Run:
    """The finished run of ``config``: loaded if it is stored, else trained, going on where it stopped.

    fresh: a stored run made by another version of the training code is trained anew.
    """
    directory = store.runs_directory() / config.fingerprint
    torch.set_num_threads(config.threads)
    store.keep_freed_memory()
    with store.lock(directory):
        certificate = store.read_certificate(directory)
        digest = definitions.digest(definitions_of(config))
        if certificate is not None and fresh and certificate.get("code") != digest:
            store.remove(directory / "certificate.json")  # before any file changes: it never vouches for a mixture
            certificate = None
        if certificate is None:
            certificate = _train(config, directory, digest)
        store.check_certificate(directory, "run", config.fingerprint, config.model_dump(mode="json"))
        if not isinstance(certificate.get("best_epoch"), int):
            raise StoreError(f"'{directory}' does not say which epoch was the best: remove it to train it again")
        store.check_file(directory / "history.csv")
    history = pd.read_csv(directory / "history.csv")
    return Run(config, directory, history, certificate["best_epoch"], certificate.get("early_epoch"))


def definitions_of(config: Training) -> dict[str, str]:
    """The definitions of the package that a trained network depends on, as they stand."""
    return definitions.of(config.model_dump(), run)


def data_of(config: Training) -> data.Dataset:
    """The images and true labels a config trains on."""
    return data.load(config.dataset, config.train_per_class, config.test_per_class, config.seed)


def labels_of(config: Training, dataset: data.Dataset) -> PermutedLabels:
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
        config.hidden,
        config.dropout,
    )
    return network.to(device()).to(memory_format=LAYOUT)


def precision_of(config: Training) -> str:
    """What ``auto`` stands for here: bfloat16 on a GPU or a processor with instructions for it, else float32."""
    if config.precision != "auto":
        return config.precision
    return "bfloat16" if device().type == "cuda" or store.has_matrix_instructions() else "float32"


def checkpoint_path(directory: Path, epoch: int) -> Path:
    """Where the weights after ``epoch`` lie."""
    return directory / f"epoch_{epoch:04d}.pt"


def _train(config: Training, directory: Path, digest: str) -> dict:
    started = time.monotonic()
    dataset = data_of(config)
    permuted = labels_of(config, dataset)
    images = dataset.train_images.to(device(), memory_format=LAYOUT)
    targets = torch.from_numpy(permuted.trained).to(device())
    followed = stream(config.seed, "followed").permutation(len(images))[: config.followed]
    everything = len(followed) == len(images)
    precision = precision_of(config)
    network = build(config, dataset)
    if config.compiled:
        network.compile()
    optimizer = _optimizer(config, network)
    history: list[dict] = []
    best, early, spent, first = (-1.0, 0), 0, 0.0, 0
    trained: list[str] = []
    files: dict[str, str] = {}
    resume, written = directory / "resume.pt", -math.inf
    if saved := _interrupted(directory, digest, config):
        network.load_state_dict(saved["network"])
        optimizer.load_state_dict(saved["optimizer"])
        history, best, early, trained = saved["history"], saved["best"], saved["early"], saved["precision"]
        spent, first, files = saved["spent"], saved["epoch"] + 1, saved["files"]

    bar = tqdm(range(first, config.epochs + 1), initial=first, total=config.epochs + 1, disable=None)
    bar.set_description(f"{config.network} on {config.dataset}, seed {config.seed}, {precision}")
    for epoch in bar:
        began = time.monotonic()
        if epoch > 0:
            train_epoch(config, network, optimizer, images, targets, epoch, precision)
            trained.append(precision)
        rows = evaluate(network, dataset, permuted, epoch, None if everything else followed, precision, config.seed)
        history += rows
        accuracy = {row["examples"]: row["accuracy"] for row in rows}
        bar.set_postfix({name: f"{accuracy[name]:.3f}" for name in labels.EXAMPLES})
        if epoch == early + 1 and accuracy["permuted"] <= CHANCES / dataset.classes:
            early = epoch
        if epoch > 0 and accuracy["test"] > best[0]:
            best = (accuracy["test"], epoch)
        kept = {checkpoint_path(directory, at).name: at for at in _kept(config, best[1], early)}
        files = {name: checksum for name, checksum in files.items() if name in kept}  # without a former best
        if epoch in kept.values():
            path = checkpoint_path(directory, epoch)
            _save(network.state_dict(), path)
            files |= store.checksums([path])
        if time.monotonic() - written >= RESUMED_WITHIN:
            progress = {
                "code": digest,
                "fingerprint": config.fingerprint,
                "epoch": epoch,
                "network": network.state_dict(),
                "optimizer": optimizer.state_dict(),
                "history": history,
                "best": best,
                "early": early,
                "precision": trained,
                "files": files,
                "spent": spent + time.monotonic() - started,
            }
            _save(progress, resume)
            _forget_all_but(files, directory)
            written = time.monotonic()
        store.progress(bar, epoch, config.epochs, time.monotonic() - began)

    _forget_all_but(files, directory)
    if not everything or "bfloat16" in trained:  # the stages that are judged: all images, in single precision
        for epoch in {best[1], config.epochs}:
            network.load_state_dict(_load(checkpoint_path(directory, epoch)))
            history = [row for row in history if row["epoch"] != epoch]
            history += evaluate(network, dataset, permuted, epoch, seed=config.seed)
        history.sort(key=lambda row: row["epoch"])
    table = pd.DataFrame(history)
    store.write(directory / "history.csv", lambda buffer: table.to_csv(buffer, index=False))
    certificate = store.certified(
        {
            "kind": "run",
            "fingerprint": config.fingerprint,
            "config": config.model_dump(mode="json"),
            "code": digest,
            "definitions": definitions_of(config),
            "files_sha256": files | store.checksums([directory / "history.csv"]),
            "best_epoch": best[1],
            "early_epoch": early or None,
            "data_sha256": dataset.checksum,
            "device": str(device()),
            "epochs_by_precision": {name: trained.count(name) for name in sorted(set(trained))},
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


def _save(content: dict, path: Path) -> None:
    store.write(path, lambda buffer: torch.save(content, buffer))


def _load(path: Path) -> dict:
    """Read tensors and plain values alone: a file that holds code is refused, never run."""
    try:
        content = torch.load(path, weights_only=True, map_location=device())
    except Exception:
        content = None
    if not isinstance(content, dict):
        reason = "it is cut, or holds more than tensors and plain values"
        raise StoreError(f"'{path}' is not a checkpoint of ours ({reason}): remove '{path.parent}'")
    return content


def _interrupted(directory: Path, digest: str, config: Training) -> dict | None:
    """What an interrupted training goes on from; None where there is nothing, or what lies there is not what it left.

    None of the checkpoints is taken on trust: each must have the checksum that it was written with.
    """
    resume = directory / "resume.pt"
    if not resume.exists():
        return None
    try:
        saved = _load(resume)
        if (saved.get("code"), saved.get("fingerprint")) != (digest, config.fingerprint):
            return None
        if saved["files"] == store.checksums([directory / name for name in saved["files"]]):
            return saved
        reason = f"a checkpoint in '{directory}' was changed"
    except (StoreError, OSError) as error:
        reason = str(error).partition(": remove")[0]
    tqdm.write(f"{reason}: the training starts over", file=sys.stderr)
    return None


def _kept(config: Training, best: int, early: int) -> set[int]:
    """Epochs whose weights are kept: 0, all early ones, the config's checkpoints, the best and the last."""
    return {*range(early + 1), *config.checkpoints, best, config.epochs}


def _forget_all_but(files: Collection[str], directory: Path) -> None:
    """Remove the weights of other epochs: those that were the best of their time."""
    for path in directory.glob("epoch_*.pt"):
        if path.name not in files:
            path.unlink()
