"""One seed's trained network, to take apart: what a section does to every seed, done once by hand."""

from collections.abc import Mapping
from functools import cached_property
from typing import Any

import torch

from mfta import configs, training
from mfta.jobs import jobs
from mfta.streams import stream


class Trained(training.Run):
    """A trained network with its checkpoints, its data and its labels; see :func:`run`."""

    config: configs.Section

    @property
    def seed(self) -> int:
        """Of data, labels, weights and order."""
        return self.config.seed

    @property
    def epochs(self) -> int:
        """The last epoch; epoch 0 is the untrained network."""
        return self.config.epochs

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
    of = training.run(config.training, fresh=preset == "quick")
    return Trained(config, of.directory, of.history, of.best_epoch, of.early_epoch)
