"""One seed's trained network, to take apart: what a section does to every seed, done once by hand."""

from collections.abc import Mapping
from functools import cached_property
from typing import Any

import pandas as pd
import torch

from mfta import configs, data, labels, networks, training
from mfta.jobs import jobs
from mfta.streams import stream


class Trained:
    """A trained network with its checkpoints, its data and its labels; see :func:`run`."""

    def __init__(self, config: configs.Section, fresh: bool = False) -> None:  # noqa: D107 (above)
        self.config = config
        self.seed: int = config.seed
        self.epochs: int = config.epochs
        """The last epoch; epoch 0 is the untrained network."""
        self._run = training.run(config.training, fresh)
        self.best_epoch: int = self._run.best_epoch
        """The epoch ≥ 1 of highest test accuracy, the first of them."""
        self.early_epoch: int | None = self._run.early_epoch
        """The last epoch ≥ 1 before permuted labels are memorized; None where there is none."""
        self.kept_epochs: list[int] = self._run.kept_epochs
        """Epochs whose weights are stored."""
        self.history: pd.DataFrame = self._run.history
        """Columns epoch, examples, accuracy (fraction), loss (nats)."""
        self.dataset: data.Dataset = training.data_of(config.training)
        """Images, standardised, with their true labels."""
        self.labels: labels.PermutedLabels = training.labels_of(config.training, self.dataset)
        """The labels that the network was trained on, and which of them were permuted."""

    @cached_property
    def _keys(self) -> dict[str, list[str]]:
        return self.network(0).keys()

    @property
    def layers(self) -> list[str]:
        """The layers that have weights, from the first to the head; ``network(epoch).layers`` has all."""
        return list(self._keys)

    def keys(self, layer: str) -> list[str]:
        """The keys of :meth:`state` that belong to one of :attr:`layers`, its batch norm's among them."""
        return self._keys[layer]

    def state(self, epoch: int) -> dict[str, torch.Tensor]:
        """Weights and buffers after ``epoch``. Raises StoreError for one that is not among :attr:`kept_epochs`."""
        return self._run.state(epoch)

    def network(self, at: int | Mapping[str, torch.Tensor]) -> networks.Network:
        """The network after an epoch, or with a state made by hand, in evaluation mode."""
        network = training.build(self.config.training, self.dataset)
        network.load_state_dict(self.state(at) if isinstance(at, int) else at)
        return network.eval()

    def evaluate(self, state: Mapping[str, torch.Tensor]) -> list[dict]:
        """Accuracy (fraction) and loss (nats) of the network in ``state``, one dict a set of ``examples``.

        In a section that evaluates on some training images alone (``evaluated``), on the same ones.
        """
        order = stream(self.seed, "evaluated").permutation(len(self.dataset.train_images))
        chosen = order[: getattr(self.config, "evaluated", None)]
        rows = training.evaluate(self.network(state), self.dataset, self.labels, 0, chosen, seed=self.seed)
        return [{name: row[name] for name in ("examples", "accuracy", "loss")} for row in rows]


def run(section: str, preset: str = "quick", seed: int | None = None, seeds: Any = None, **overrides: Any) -> Trained:
    """The trained network behind ``section`` at one seed: loaded where it is stored, else trained and stored.

    seed: None takes the first of ``seeds``, and of the preset's where that is None too. Of what else a section
    runs over (``widths``), the first is taken. overrides: any parameter of the section; None means as the preset
    says. So the parameters of ``mfta.compute`` are taken as they are. Raises ParameterError, DataError or
    StoreError, each with one line that says what to do.
    """
    chosen = seeds if seed is None else [seed]
    config = jobs(section, preset, chosen, **overrides)[0].config
    return Trained(config, fresh=preset == "quick")
