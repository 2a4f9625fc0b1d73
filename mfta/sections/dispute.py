"""Who is right? Layers rewound, with what to do about batch norm's running averages as a choice.

The paper rewinds the last n layers and looks at test accuracy; Maini et al. (ICML 2023) rewind one layer and look at
memorized training examples, and in their code running averages stay those of the final network.
"""

import pandas as pd
from pydantic import Field
from tqdm import tqdm

from mfta import training
from mfta.configs import Epochs, Section
from mfta.sections.rewinding import ANSWERS, NOTHING, choices, rewound_state
from mfta.streams import stream

AVERAGES = ("carried", "kept", "re-estimated")
"""Of a rewound layer: its own of then, those of the final network, or all layers' anew from training images."""


class Dispute(Section):
    """Layers of the trained network rewound, running averages treated in three ways."""

    sets = ("unpermuted", "permuted", "restored", "test")
    rewound_to: Epochs = Field((), description="epochs to go back to, besides the best")
    evaluated: int | None = Field(
        None, ge=2, description="training images to evaluate on and to re-estimate batch norm from; None: all"
    )


def compute(config: Dispute, fresh: bool = False) -> pd.DataFrame:
    """The section's table for one seed: accuracy (fraction) and loss (nats), a row a rewound network and example set.

    Columns as in :mod:`mfta.sections.rewinding`, whose rows of accuracy it repeats; ``batch_norm`` is one of
    ``AVERAGES``, or absent from the network. fresh: retrain a network that another version of the training code made.
    """
    run = training.run(config.training, fresh)
    dataset = training.data_of(config.training)
    permuted = training.labels_of(config.training, dataset)
    order = stream(config.seed, "evaluated").permutation(len(dataset.train_images))[: config.evaluated]
    network, last = run.network(config.epochs), run.state(config.epochs)
    keys, averages = network.keys(), {name for name, _ in network.named_buffers()}
    earlier = {epoch: run.state(epoch) for epoch in sorted({*config.rewound_to, run.best_epoch})}
    wanted = [(config.epochs, NOTHING), *((epoch, choice) for epoch in earlier for choice in choices([*keys]))]
    rows: list[dict] = []
    for epoch, choice in tqdm(wanted, desc=f"dispute, seed {config.seed}", disable=None):
        of_layers = [key for layer in choice.layers for key in keys[layer]]
        for treatment in AVERAGES if averages else ("absent",):
            rewound = [key for key in of_layers if treatment != "kept" or key not in averages]
            network.load_state_dict(rewound_state(last, earlier.get(epoch, last), rewound))
            if treatment == "re-estimated":
                training.reestimate(network, dataset.train_images[order])
            what = {**choice.row(epoch, run.stages(epoch)[0]), "batch_norm": treatment}
            answers = training.evaluate(network, dataset, permuted, epoch, order, seed=config.seed)
            rows += [{"seed": config.seed, **what, **{name: answer[name] for name in ANSWERS}} for answer in answers]
    return pd.DataFrame(rows)
