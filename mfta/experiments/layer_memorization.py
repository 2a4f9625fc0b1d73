"""Section 1: where in depth, and when in training, permuted labels are memorized.

The geometry of the unpermuted, permuted, restored and test examples at every layer of one network, for the
untrained network, at the best and the last epoch and at epochs between (the paper's Figs. 2 and 3).
"""

import pandas as pd
from tqdm import tqdm

from mfta import training
from mfta.configs import LayerMemorization
from mfta.experiments import layer_geometry

CODE = (*training.CODE, *layer_geometry.CODE, "experiments/layer_memorization.py")
"""What this section's table depends on."""


def compute(config: LayerMemorization, fresh: bool = False) -> pd.DataFrame:
    """The section's table for one seed.

    Rows with a ``layer`` hold the geometry of one example set there
    (:func:`mfta.experiments.layer_geometry.measure`); rows without one hold accuracy (fraction) and loss
    (nats) of the whole network after each epoch. ``stage`` is initial, best, last or empty.
    fresh: retrain a network that another version of the training code made.
    """
    run = training.run(config.training, fresh)
    dataset = training.data_of(config.training)
    permuted = training.labels_of(config.training, dataset)
    examples = layer_geometry.example_rows(permuted, dataset.test_labels, config.points, config.seed)
    measured: list[dict] = []
    epochs = sorted({0, *config.measured_epochs, run.best_epoch, config.epochs})
    for epoch in tqdm(epochs, desc=f"geometry, seed {config.seed}", unit="epoch", disable=None):
        network = run.network(epoch)
        rows = layer_geometry.measure(config, config.seed, network, dataset, examples)
        for stage in run.stages(epoch):
            measured += [{"epoch": epoch, "stage": stage, **row} for row in rows]
    history = [
        {**row, "stage": stage} for row in run.history.to_dict("records") for stage in run.stages(row["epoch"])
    ]
    table = pd.DataFrame([*measured, *history])
    table.insert(0, "seed", config.seed)
    return table
