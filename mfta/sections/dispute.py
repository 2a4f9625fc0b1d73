"""Who is right? Layers rewound, with what to do about batch norm's running averages as a choice.

The paper rewinds the last n layers and looks at test accuracy; Maini et al. (ICML 2023) rewind one layer and look at
memorized training examples, and in their code running averages stay those of the final network.
"""

import pandas as pd
from pydantic import Field

from mfta import training
from mfta.configs import Epochs, Section
from mfta.sections.rewinding import answers

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
    return pd.DataFrame(answers(config, run, AVERAGES))
