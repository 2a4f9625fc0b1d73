"""Probes: what they read of made-up features, and of a trained network's layers."""

import numpy as np
import pytest

import mfta
from mfta.sections import probes

CLASSES, EACH, FEATURES = 8, 25, 30
LABELS = np.repeat(np.arange(CLASSES), EACH)
FOLDS = np.tile(np.arange(EACH) % 5, CLASSES)
CHANCE = 1 / CLASSES
ERROR = (CHANCE * (1 - CHANCE) / len(LABELS)) ** 0.5
"""Of the share of labels read right by chance."""


@pytest.fixture
def noise():
    return np.random.default_rng(0).standard_normal((len(LABELS), FEATURES))


def both(features, labels=LABELS):
    return probes.nearest(features, labels, 5), probes.linear_probe(features, labels, FOLDS)


def test_labels_that_the_features_show_are_read_by_both(noise):
    shown = np.eye(CLASSES, FEATURES)[LABELS]
    assert both(3 * shown + 0.01 * noise) == (1, 1)


def test_labels_that_the_features_know_nothing_of_are_read_by_chance(noise):
    drawn = [both(noise, np.random.default_rng(n).permutation(LABELS)) for n in range(20)]
    # Neighbours are drawn from others, of which one fewer has the own label.
    fewer = (EACH - 1) / (len(LABELS) - 1)
    for shares in zip(*drawn, strict=True):
        assert abs(np.mean(shares) - (CHANCE + fewer) / 2) < 4 * ERROR / 20**0.5 + (CHANCE - fewer) / 2


def test_a_line_reads_what_neighbours_do_not(noise):
    # The classes lie along few directions of small variance under noise of large variance in the others.
    features = np.hstack([0.2 * np.eye(CLASSES)[LABELS] + 0.02 * noise[:, :CLASSES], 3 * noise[:, CLASSES:]])
    near, linear = both(features)
    assert linear == 1
    assert near < 0.5


def test_a_fold_is_judged_by_a_probe_that_never_saw_it():
    # A feature an image, as many as images: fitted images are read without error, others by chance (here: never).
    assert probes.linear_probe(np.eye(len(LABELS)), LABELS, FOLDS) <= CHANCE + 4 * ERROR


def test_the_linear_probe_is_scikit_learns_at_the_penalty_it_chose(noise, monkeypatch):
    from sklearn.linear_model import RidgeClassifier

    features = noise + 0.7 * np.eye(CLASSES, FEATURES)[LABELS]
    monkeypatch.setattr(probes, "STRENGTHS", np.array([0.1]))
    right = []
    for fold in range(5):
        kept, left = fold != FOLDS, fold == FOLDS
        inputs = features[kept] - features[kept].mean(0)
        penalty = 0.1 * np.square(inputs).sum() / FEATURES
        judge = RidgeClassifier(penalty).fit(features[kept], LABELS[kept])
        right.append(np.mean(judge.predict(features[left]) == LABELS[left]))
    assert probes.linear_probe(features, LABELS, FOLDS) == pytest.approx(np.mean(right))


def test_the_table_reads_the_same_images_by_both_labels():
    tiny = {"epochs": 2, "train_per_class": 40, "points": 10, "draws": 2, "checkpoints": (), "seeds": [1]}
    table = mfta.compute("probes", **tiny)
    run = mfta.run("probes", **tiny)
    stages = ["best", "last"]
    assert table.groupby(["stage", "examples"]).size().tolist() == [len(run.network(0).layers)] * 8
    assert set(table.stage) == set(stages)
    assert (table.chance == 0.1).all()
    assert table[["neighbours", "linear"]].stack().between(0, 1).all()
    pixels = table[table.layer == "input"].set_index(["stage", "examples"])
    assert (pixels.loc["best"].linear == pixels.loc["last"].linear).all()  # no weights lie before the input
    assert pixels.loc[("last", "restored"), "linear"] > 5 * 0.1 > pixels.loc[("last", "permuted"), "linear"] * 2
