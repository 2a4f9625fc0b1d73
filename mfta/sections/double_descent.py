"""Test accuracy and final-layer geometry against the size of the network.

One job is one width at one seed; the paper's Fig. 4C–E follows from a scan of them (claim C5).
"""

import numpy as np
import pandas as pd
from pydantic import Field

from mfta import labels, layer_geometry, training
from mfta.configs import Analysis, Section


class DoubleDescent(Section, Analysis):
    """One width of a scan of network sizes."""

    sets = ("unpermuted", "train", "test")
    grid = ("seed", "width")
    width: int = Field(16, ge=1, description="channels of the first stage")


def compute(config: DoubleDescent, fresh: bool = False) -> pd.DataFrame:
    """The section's table for one seed and width; every row has seed, network, width and ``parameters``.

    Rows with a ``layer`` hold the geometry (:func:`mfta.layer_geometry.measure`) at the last three layers (of
    ``resnet18`` the last block, its mean over places, and the head), at the best and the last epoch, of three sets of
    ``examples``: test, unpermuted, and train, which is all training images by the label they were trained with. Rows
    without one hold accuracy (fraction) and loss (nats) after each epoch of the four example sets and of train.
    fresh: retrain a network that another version of the training code made.
    """
    run = training.run(config.training, fresh)
    examples = {
        "unpermuted": labels.manifold_examples(run.labels, "unpermuted", config.points, config.seed),
        "train": labels.class_examples(run.labels.trained, config.points, config.seed, "train"),
        "test": labels.class_examples(run.dataset.test_labels, config.points, config.seed, "test"),
    }
    rows: list[dict] = []
    for epoch in sorted({run.best_epoch, config.epochs}):
        network = run.network(epoch)
        measured = layer_geometry.measure(config, config.seed, network, run.dataset, examples, network.layers[-3:])
        rows += [{"epoch": epoch, "stage": s, **row} for s in run.stages(epoch) for row in measured]
    share = float(np.mean(run.labels.permuted))
    for epoch in run.history["epoch"].unique():
        answers = run.history[run.history["epoch"] == epoch]
        listed = [*answers.to_dict("records"), {"epoch": epoch, **_train(answers, share)}]
        rows += [{"stage": stage, **row} for stage in run.stages(epoch) for row in listed]
    table = pd.DataFrame(rows)
    table.insert(0, "network", config.network)
    table.insert(1, "width", config.width)
    table.insert(2, "parameters", sum(p.numel() for p in run.network(0).parameters()))
    return table


def _train(answers: pd.DataFrame, share: float) -> dict:
    """Accuracy and loss over all training images, of which ``share`` are permuted."""
    weights = pd.Series({"unpermuted": 1 - share, "permuted": share})
    weights = weights[weights > 0]  # an empty set has no accuracy
    by_set = answers.set_index("examples").loc[weights.index, ["accuracy", "loss"]]
    return {"examples": "train", **by_set.mul(weights, axis=0).sum().to_dict()}
