"""The second reference: a network that saw true labels alone, and the published numbers beside it."""

import numpy as np
import pytest

import mfta
from mfta import exact, networks, paper

TINY = {"seeds": [1], "epochs": 12, "train_per_class": 40, "points": 20, "draws": 40}
ONE_EPOCH = {**TINY, "epochs": 1}


@pytest.fixture(scope="module")
def table():
    return mfta.compute("clean_labels", **TINY)


def test_every_layer_is_measured_before_and_after(table):
    layers = table[table.layer.notna()].groupby("stage").layer.unique()
    assert {"initial", "last"} <= {*layers.index}
    assert all([*of] == [*layers["last"]] for of in layers)
    assert {*table.examples} == {"unpermuted", "test"}


def test_no_label_was_permuted_and_the_network_learns():
    run = mfta.run("clean_labels", **TINY)
    assert not run.labels.permuted.any()
    assert (run.labels.trained == run.dataset.train_labels).all()
    end = run.history[(run.history.epoch == run.epochs) & (run.history.examples == "unpermuted")]
    assert end.accuracy.item() > 0.5  # chance is .1


def test_an_untrained_batch_norm_gets_statistics():
    normed = mfta.compute("clean_labels", **ONE_EPOCH, batch_norm=True).query(
        "stage == 'initial' and layer == 'head'"
    )
    plain = mfta.compute("clean_labels", **ONE_EPOCH, batch_norm=False).query(
        "stage == 'initial' and layer == 'head'"
    )
    assert np.isfinite(normed.capacity).all()
    assert (normed.capacity.to_numpy() != plain.capacity.to_numpy()).all()


def test_the_published_numbers_fit_each_other_and_stand_at_the_layers_with_weights():
    published = paper.authors_vgg16()
    layers = networks.build("vgg16", classes=100, width=8, hidden=8).layers
    weighted = [depth for depth, layer in enumerate(layers) if not layer.startswith("pool")]
    assert published.depth.tolist() == weighted
    # The theory's own relation, up to how values are averaged over manifolds: a digit read wrongly would break it.
    of_balls = [exact.ball_capacity(row.radius, row.dimension) for row in published.itertuples()]
    assert np.allclose(published.capacity, of_balls, rtol=0.05)
