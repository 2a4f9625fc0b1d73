"""The trained network with some of its layers rewound to an earlier epoch.

Each layer alone, the first n together and the last n together, over a grid of epochs; what the network then
answers on the four example sets, and the geometry near its end (the paper's rewinding experiment, claim C4).
"""

import dataclasses
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import pandas as pd
import torch
from pydantic import Field
from tqdm import tqdm

from mfta import layer_geometry, training
from mfta.configs import Analysis, Epochs, Section
from mfta.data import Dataset
from mfta.labels import PermutedLabels
from mfta.streams import stream


class Rewinding(Section, Analysis):
    """Layers of the trained network rewound to earlier epochs."""

    sets = ("unpermuted", "permuted", "restored", "test")
    rewound_to: Epochs = Field((0,), description="epochs to go back to, besides the best")
    evaluated: int | None = Field(
        None, ge=2, description="training images to evaluate on and to re-estimate batch norm from; None: all"
    )


ANSWERS = ("examples", "accuracy", "loss")
State = dict[str, torch.Tensor]


@dataclass(frozen=True)
class Choice:
    """Which layers are rewound; ``name`` and ``direction`` as in the table's rewound and rewound_from."""

    name: str
    direction: str
    layers: tuple[str, ...]

    def row(self, epoch: int, stage: str) -> dict:
        """The columns of the table that say what was rewound, and to which epoch."""
        return {
            "rewound": self.name,
            "rewound_from": self.direction,
            "rewound_layers": len(self.layers),
            "rewound_to": epoch,
            "stage": stage,
        }


NOTHING = Choice("none", "", ())


def choices(layers: list[str]) -> list[Choice]:
    """Each of the ``layers`` alone, then the first n and the last n for every n; all of them end both."""
    listed = [Choice(layer, "single", (layer,)) for layer in layers]
    for n in range(1, len(layers) + 1):
        every = "all" if n == len(layers) else None
        listed.append(Choice(every or f"first {n}", "first", tuple(layers[:n])))
        listed.append(Choice(every or f"last {n}", "last", tuple(layers[-n:])))
    return listed


def rewound_state(last: State, earlier: State, keys: Iterable[str]) -> State:
    """The state ``last`` with the entries ``keys``, running averages among them, as in ``earlier``."""
    return last | {key: earlier[key] for key in keys}


def compute(config: Rewinding, fresh: bool = False) -> pd.DataFrame:
    """The section's table for one seed.

    Rows without a ``layer`` hold accuracy (fraction) and loss (nats) of one network on one example set: ``rewound``
    (none, conv3_1, first 3, last 5, all), ``rewound_from`` (single, first, last, or empty), ``rewound_layers`` (how
    many), ``rewound_to`` (epoch; the last where nothing is rewound), ``stage`` of that epoch, ``batch_norm``
    (carried, re-estimated, or absent from the network). Rows with a ``layer`` hold the geometry
    (:func:`mfta.layer_geometry.measure`) at the deepest hidden layer and the head, the last n layers being at the
    best epoch and batch norm carried. fresh: retrain a network that another version of the training code made.
    """
    run = training.run(config.training, fresh)
    dataset = training.data_of(config.training)
    permuted = training.labels_of(config.training, dataset)
    rows = [*_answers(config, run, dataset, permuted), *_geometry(config, run, dataset, permuted)]
    table = pd.DataFrame(rows)
    table.insert(0, "seed", config.seed)
    return table


def _answers(config: Rewinding, run: training.Run, dataset: Dataset, permuted: PermutedLabels) -> Iterator[dict]:
    """Accuracy and loss of every rewound network, with batch norm carried and then re-estimated."""
    network = run.network(config.epochs)
    keys = network.keys()
    sample, sample_labels = _sample(config, dataset, permuted)
    last = run.state(config.epochs)
    epochs = sorted({*config.rewound_to, run.best_epoch})
    todo = [(config.epochs, NOTHING), *((epoch, choice) for epoch in epochs for choice in choices(list(keys)))]
    known: dict[tuple[int, tuple[str, ...]], list[dict]] = {}
    for epoch, choice in tqdm(todo, desc=f"rewinding, seed {config.seed}", disable=None):
        rows = known.setdefault((epoch, choice.layers), [])
        if not rows:
            chosen = [key for layer in choice.layers for key in keys[layer]]
            network.load_state_dict(rewound_state(last, run.state(epoch), chosen))
            for variant in _variants(config):
                if variant == "re-estimated":
                    training.reestimate(network, sample.train_images)
                for answer in training.evaluate(network, sample, sample_labels, epoch, seed=config.seed):
                    rows.append({"batch_norm": variant, **{name: answer[name] for name in ANSWERS}})
        for row in rows:
            yield {**choice.row(epoch, run.stages(epoch)[0]), **row}


def _geometry(config: Rewinding, run: training.Run, dataset: Dataset, permuted: PermutedLabels) -> Iterator[dict]:
    """Geometry at the deepest hidden layer and the head, the last n layers being at the best epoch."""
    network = run.network(config.epochs)
    keys = network.keys()
    examples = layer_geometry.example_rows(permuted, dataset.test_labels, config.points, config.seed)
    last, best = run.state(config.epochs), run.state(run.best_epoch)
    final = [choice for choice in choices(list(keys)) if choice.direction == "last"]
    for choice in tqdm([NOTHING, *final], desc=f"geometry, seed {config.seed}", disable=None):
        epoch = run.best_epoch if choice.layers else config.epochs
        chosen = [key for layer in choice.layers for key in keys[layer]]
        network.load_state_dict(rewound_state(last, best, chosen))
        rows = layer_geometry.measure(config, config.seed, network, dataset, examples, network.layers[-2:])
        what = {**choice.row(epoch, run.stages(epoch)[0]), "batch_norm": _variants(config)[0]}
        yield from ({**what, **row} for row in rows)


def _variants(config: Rewinding) -> list[str]:
    return ["carried", "re-estimated"] if config.batch_norm else ["absent"]


def _sample(config: Rewinding, dataset: Dataset, permuted: PermutedLabels) -> tuple[Dataset, PermutedLabels]:
    """The data with ``config.evaluated`` training images, in an order drawn at random."""
    order = stream(config.seed, "evaluated").permutation(len(dataset.train_images))[: config.evaluated]
    labels = PermutedLabels(permuted.true[order], permuted.trained[order], permuted.block[order])
    images, true = dataset.train_images[order], dataset.train_labels[order]
    return dataclasses.replace(dataset, train_images=images, train_labels=true), labels
