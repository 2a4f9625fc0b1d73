"""A second reference: the geometry of every layer of a network trained on true labels alone.

The notebook of the paper's authors prints such numbers of a VGG-16 (:func:`mfta.paper.authors_vgg16`).
"""

import pandas as pd

from mfta import labels, layer_geometry, training
from mfta.configs import Analysis, Section


class CleanLabels(Section, Analysis):
    """Geometry of unpermuted and test examples at every layer, before and after training."""

    sets = ("unpermuted", "test")


def compute(config: CleanLabels, fresh: bool = False) -> pd.DataFrame:
    """The section's table for one seed, of which the presets permute no labels.

    Rows with a ``layer`` hold the geometry of one example set there (:func:`mfta.layer_geometry.measure`), of the
    untrained network and at the best and the last epoch; rows without one the accuracy (fraction) and loss (nats)
    after each epoch. fresh: retrain a network that another version of the training code made.
    """
    run = training.run(config.training, fresh)
    examples = {
        "unpermuted": labels.manifold_examples(run.labels, "unpermuted", config.points, config.seed),
        "test": labels.class_examples(run.dataset.test_labels, config.points, config.seed, "test"),
    }
    curves = run.history[run.history["examples"].isin(config.sets)]
    rows = [{**row, "stage": stage} for row in curves.to_dict("records") for stage in run.stages(row["epoch"])]
    for epoch in sorted({0, run.best_epoch, config.epochs}):
        network = run.network(epoch)
        if epoch == 0 and config.batch_norm:
            training.reestimate(network, run.dataset.train_images)  # running averages of 0 and 1 normalise nothing
        measured = layer_geometry.measure(config, config.seed, network, run.dataset, examples)
        rows += [{"epoch": epoch, "stage": stage, **row} for row in measured for stage in run.stages(epoch)]
    return pd.DataFrame(rows)
