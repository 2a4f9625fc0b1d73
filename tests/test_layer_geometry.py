"""The geometry in a section's table is that of the epoch, the images and the labels that its row names."""

import numpy as np
import pytest
import torch

import mfta
from mfta import activations, configs, data, labels, layer_geometry, networks, sections, training
from mfta.geometry import analyze

TINY = {"seeds": [1], "epochs": 3, "train_per_class": 20, "points": 8, "draws": 8, "permuted_fraction": 0.5}
TINY |= {"batch_norm": True, "hidden": 0, "remove_centers": False}
OTHERS = {
    "layer_memorization": {"checkpoints": [], "measured_epochs": [], "width": 4},
    "clean_labels": {"checkpoints": [], "width": 4},
    "double_descent": {"checkpoints": [], "widths": [4]},
}
STAGES = {
    "layer_memorization": ("initial", "early", "best", "last"),
    "clean_labels": ("initial", "best", "last"),
    "double_descent": ("best", "last"),
}


def images_of(run, name, points=8, seed=1):
    """The images of a set's class manifolds, and their rows (classes, points)."""
    if name == "test":
        return run.dataset.test_images, labels.class_examples(run.dataset.test_labels, points, seed, name)
    if name == "train":
        return run.dataset.train_images, labels.class_examples(run.labels.trained, points, seed, name)
    return run.dataset.train_images, labels.manifold_examples(run.labels, name, points, seed)


def at_the_head(run, network, name):
    """Capacity, radius and dimension of the logits, from what the network predicts."""
    images, rows = images_of(run, name)
    logits = training.predict(network, images[rows.ravel()]).numpy().reshape(*rows.shape, -1)
    found = analyze(logits.transpose(0, 2, 1), n_draws=8, seed=1, remove_centers=False).summary()
    return [found[measure] for measure in ("capacity", "radius", "dimension")]


@pytest.mark.parametrize("section", OTHERS)
def test_every_row_is_of_its_own_epoch_and_set(section, first_is_best):
    chosen = TINY | OTHERS[section]
    table = mfta.compute(section, **chosen)
    config = sections.grid(section, "quick", **chosen)[0]
    run = training.run(config.training)
    heads = table[(table["layer"] == "head") & table["capacity"].notna()]
    assert set(heads["examples"]) == set(config.sets)
    assert (run.best_epoch, run.early_epoch) == (1, 2)
    stages = {"initial": 0, "early": 2, "best": 1, "last": 3}
    found = dict(zip(heads["stage"], heads["epoch"], strict=True))
    assert found == {name: epoch for name, epoch in stages.items() if name in STAGES[section]}
    for row in heads.itertuples():
        network = run.network(int(row.epoch))
        if row.epoch == 0:
            training.reestimate(network, run.dataset.train_images)
        expected = at_the_head(run, network, row.examples)
        assert [row.capacity, row.radius, row.dimension] == pytest.approx(expected, rel=1e-3), row.stage


def test_rows_of_rewound_networks_are_of_layers_that_went_back_to_the_best_epoch(first_is_best):
    chosen = TINY | {"checkpoints": [], "rewound_to": [], "width": 4}
    table = mfta.compute("rewinding", **chosen)
    run = training.run(sections.grid("rewinding", "quick", **chosen)[0].training)
    assert run.best_epoch == 1
    last, best = run.state(3), run.state(run.best_epoch)
    keys = run.network(3).keys()
    rows = table[(table["layer"] == "head") & (table["examples"] == "test")].set_index("rewound_layers")
    for n in (0, 2, len(keys)):
        back = [key for layer in list(keys)[len(keys) - n :] for key in keys[layer]]
        network = run.network(last | {key: best[key] for key in back})
        assert rows.loc[n, ["capacity", "radius", "dimension"]].tolist() == pytest.approx(
            at_the_head(run, network, "test"), rel=1e-3
        )


CHOICES = [
    {"kappa": 0.5},
    {"remove_centers": True},
    {"projection": 20},
    {"before_activation": True},
    {"draws": 11},
    {},
]


@pytest.mark.parametrize("choice", CHOICES, ids=str)
def test_what_an_analysis_chooses_is_what_is_done(choice):
    analysis = configs.Analysis(**{"points": 6, "draws": 20, "remove_centers": False} | choice)
    dataset = data.load("digits", 20, 10, seed=2)
    network = networks.build("convnet", 10, 4, (1, 8, 8), generator=torch.Generator().manual_seed(0)).eval()
    permuted = labels.permute(dataset.train_labels, 0.5, 2)
    examples = layer_geometry.example_rows(permuted, dataset.test_labels, 6, seed=2)
    rows = layer_geometry.measure(analysis, 7, network, dataset, examples, ["conv2_1"])
    assert [row["examples"] for row in rows] == list(labels.EXAMPLES)
    for row in rows:
        images = dataset.test_images if row["examples"] == "test" else dataset.train_images
        index = examples[row["examples"]]
        [(_, answers)] = activations.record(
            network, images[index.ravel()], ["conv2_1"], before_activation=analysis.before_activation
        )
        if analysis.projection:
            answers = activations.project(answers, analysis.projection, 7)
        clouds = answers.reshape(10, 6, -1).transpose(0, 2, 1)
        found = analyze(clouds, analysis.kappa, analysis.draws, 7, analysis.remove_centers, cross_check=False)
        for name in ("capacity", "capacity_stderr", "radius", "dimension", "removed_rank"):
            assert row[name] == pytest.approx(found.summary()[name], rel=1e-4), name


def test_large_radii_are_counted_beside_the_median():
    """Of ten classes of equal spread four have a center near the mean of all; their radii dominate any mean."""
    generator = np.random.default_rng(0)
    centers = generator.standard_normal((10, 64)) * np.repeat([1.0, 0.05], [6, 4])[:, None]
    centers -= centers.mean(0)
    centers[6:] *= 0.05 / np.abs(centers[6:]).mean(1, keepdims=True)
    points = (centers[:, None] + 0.3 * generator.standard_normal((10, 6, 64))).reshape(60, 1, 8, 8)
    images, classes = torch.from_numpy(points.astype(np.float32)), np.repeat(np.arange(10), 6)
    dataset = data.Dataset("made", images, classes, images, classes, "")
    network = networks.build("convnet", 10, 4, (1, 8, 8)).eval()
    analysis = configs.Analysis(points=6, draws=20, remove_centers=False)
    (row,) = layer_geometry.measure(analysis, 0, network, dataset, {"test": np.arange(60).reshape(10, 6)}, ["input"])
    assert row["radius"] > 1.5 * row["radius_median"]
    assert row["large_radii"] == 4
