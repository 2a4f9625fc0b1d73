"""The trained network with some of its layers rewound to an earlier epoch.

Each layer alone, the first n together and the last n together, over a grid of epochs; what the network then
answers on the four example sets, and the geometry near its end (the paper's rewinding experiment, claim C4).
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import pandas as pd
import torch
from pydantic import Field
from tqdm import tqdm

from mfta import layer_geometry, training
from mfta.configs import Analysis, Epochs, Section
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
    rows = [*answers(config, run, ("carried", "re-estimated")), *_geometry(config, run)]
    return pd.DataFrame(rows)


def answers(config: Any, run: training.Run, treatments: tuple[str, ...]) -> Iterator[dict]:
    """Accuracy and loss of every rewound network, a row a treatment of its running averages, where it has any.

    carried: a rewound layer's own of then; kept: those of the final network; re-estimated: all from training images.
    """
    order = stream(config.seed, "evaluated").permutation(len(run.dataset.train_images))[: config.evaluated]
    network, last = run.network(config.epochs), run.state(config.epochs)
    keys, averages = network.keys(), {name for name, _ in network.named_buffers()}
    epochs = sorted({*config.rewound_to, run.best_epoch})
    earlier = {epoch: run.state(epoch) for epoch in epochs}
    todo = [(config.epochs, NOTHING), *((epoch, choice) for epoch in epochs for choice in choices(list(keys)))]
    known: dict[tuple[int, tuple[str, ...]], list[dict]] = {}
    for epoch, choice in tqdm(todo, desc=f"rewinding, seed {config.seed}", disable=None):
        rows = known.setdefault((epoch, choice.layers), [])
        of_layers = [key for layer in choice.layers for key in keys[layer]]
        for treatment in () if rows else treatments if averages else ("absent",):
            rewound = [key for key in of_layers if treatment != "kept" or key not in averages]
            network.load_state_dict(rewound_state(last, earlier.get(epoch, last), rewound))
            if treatment == "re-estimated":
                training.reestimate(network, run.dataset.train_images[order])
            for answer in training.evaluate(network, run.dataset, run.labels, epoch, order, seed=config.seed):
                rows.append({"batch_norm": treatment, **{name: answer[name] for name in ANSWERS}})
        for row in rows:
            yield {**choice.row(epoch, run.stages(epoch)[0]), **row}


def _geometry(config: Rewinding, run: training.Run) -> Iterator[dict]:
    """Geometry at the deepest hidden layer and the head, the last n layers being at the best epoch."""
    network = run.network(config.epochs)
    keys = network.keys()
    examples = layer_geometry.example_rows(run.labels, run.dataset.test_labels, config.points, config.seed)
    last, best = run.state(config.epochs), run.state(run.best_epoch)
    final = [choice for choice in choices(list(keys)) if choice.direction == "last"]
    for choice in tqdm([NOTHING, *final], desc=f"geometry, seed {config.seed}", disable=None):
        epoch = run.best_epoch if choice.layers else config.epochs
        chosen = [key for layer in choice.layers for key in keys[layer]]
        network.load_state_dict(rewound_state(last, best, chosen))
        rows = layer_geometry.measure(config, config.seed, network, run.dataset, examples, network.layers[-2:])
        what = {**choice.row(epoch, run.stages(epoch)[0]), "batch_norm": "carried" if config.batch_norm else "absent"}
        yield from ({**what, **row} for row in rows)
