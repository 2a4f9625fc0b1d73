"""Probes: what they read of made-up features, and of a trained network's layers."""

import numpy as np
import pytest

import mfta
from mfta import labels, training
from mfta.geometry import effective_geometry
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


def test_the_penalty_of_a_fold_is_chosen_by_the_others(noise, monkeypatch):
    """So that what is judged has no part in the choice: the best of each fold by itself is more than that."""
    from sklearn.linear_model import RidgeClassifier

    strengths = np.array([0.01, 1.0, 100.0])
    monkeypatch.setattr(probes, "STRENGTHS", strengths)
    features = noise + 0.8 * np.eye(CLASSES, FEATURES)[LABELS]
    right = np.zeros((5, len(strengths)))
    for fold in range(5):
        kept, left = fold != FOLDS, fold == FOLDS
        size = np.square(features[kept] - features[kept].mean(0)).sum() / FEATURES
        for column, strength in enumerate(strengths):
            judge = RidgeClassifier(strength * size).fit(features[kept] - features[kept].mean(0), LABELS[kept])
            right[fold, column] = judge.score(features[left] - features[kept].mean(0), LABELS[left])
    by_others = [np.delete(right, fold, axis=0).sum(0).argmax() for fold in range(5)]
    honest = right[np.arange(5), by_others].mean()
    assert honest < right[:, right.sum(0).argmax()].mean() < right.max(1).mean()  # no ties anywhere
    assert probes.linear_probe(features, LABELS, FOLDS) == pytest.approx(honest)


def test_neighbours_are_near_in_direction_whatever_the_length(noise):
    features = noise + 1.0 * np.eye(CLASSES, FEATURES)[LABELS]
    lengths = np.exp(2 * np.random.default_rng(1).standard_normal((len(LABELS), 1)))
    assert probes.nearest(lengths * features, LABELS, 5) == probes.nearest(features, LABELS, 5)


def test_a_row_is_of_its_own_epoch_and_of_the_first_classes(first_is_best):
    tiny = {"epochs": 2, "train_per_class": 20, "points": 10, "draws": 2, "checkpoints": (), "seeds": [1], "width": 4}
    table = mfta.compute("probes", **tiny, effective_classes=4, neighbours=3)
    run = mfta.run("probes", **tiny, effective_classes=4, neighbours=3)
    assert run.best_epoch == 1
    rows = {
        "test": labels.class_examples(run.dataset.test_labels, 10, 1, "test"),
        "permuted": labels.manifold_examples(run.labels, "permuted", 10, 1),
    }
    heads = table[table.layer == "head"].set_index(["stage", "examples"])
    for stage, epoch in (("best", 1), ("last", 2)):
        for name, index in rows.items():
            images = run.dataset.test_images if name == "test" else run.dataset.train_images
            logits = training.predict(run.network(epoch), images[index.ravel()]).numpy()
            near = probes.nearest(logits, np.repeat(np.arange(10), 10), 3)
            assert heads.loc[(stage, name), "neighbours"] == pytest.approx(near)
    pixels = run.dataset.test_images[rows["test"][:4].ravel()].flatten(1).numpy().reshape(4, 10, -1)
    found = effective_geometry(pixels.transpose(0, 2, 1), "balanced", 2, 1).capacity[0]
    given = table[(table.layer == "input") & (table.examples == "test")].effective_capacity
    assert given.tolist() == pytest.approx([found] * 2)


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
