"""The second reference: a network that saw true labels alone, and the published numbers beside it."""

import numpy as np
import pytest

import mfta
from mfta import paper

TINY = {"seeds": [1], "epochs": 12, "train_per_class": 40, "points": 20, "draws": 40}


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
    normed = mfta.compute("clean_labels", **TINY, batch_norm=True).query("stage == 'initial' and layer == 'head'")
    plain = mfta.compute("clean_labels", **TINY, batch_norm=False).query("stage == 'initial' and layer == 'head'")
    assert np.isfinite(normed.capacity).all()
    assert (normed.capacity.to_numpy() != plain.capacity.to_numpy()).all()


def test_the_published_numbers_fit_each_other_and_span_the_figures_depths():
    published = paper.authors_vgg16()
    assert published.depth.is_monotonic_increasing
    assert published.depth.iloc[[0, -1]].tolist() == paper.figure3().depth.agg(["min", "max"]).tolist()
    # The theory's own identity, up to how values are averaged over manifolds: a digit read wrongly would break it.
    assert np.allclose(published.capacity, (1 + published.radius**-2.0) / published.dimension, rtol=0.03)
