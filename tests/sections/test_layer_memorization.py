import numpy as np
import pytest
from made_once import of_the_book

import mfta
from mfta import data, jobs, labels, layer_geometry, paper, training
from mfta.errors import ParameterError
from mfta.geometry import GeometryError, analyze
from mfta.sections.layer_memorization import plane


def test_the_table_holds_every_layer_set_and_stage(tiny):
    table = mfta.compute("layer_memorization", seeds=[0], **tiny)
    geometry = table[table["layer"].notna() & table["manifold"].isna()]
    assert set(geometry["examples"]) == set(labels.EXAMPLES)
    assert set(geometry["stage"].fillna("")) >= {"initial", "best", "last"}
    assert geometry["depth"].nunique() == 10
    assert (geometry.groupby(["epoch", "stage"], dropna=False).size() == 40).all()
    history = table[table["layer"].isna()]
    assert set(history["epoch"]) == {0, 1, 2}


def test_the_drawn_plane_holds_what_two_axes_can_hold():
    generator = np.random.default_rng(0)
    flat = generator.standard_normal((30, 2)) @ generator.standard_normal((2, 12)) + 5
    places, share = plane(flat)
    assert share == pytest.approx(1)
    distances = np.linalg.norm(flat[:, None] - flat, axis=2)
    np.testing.assert_allclose(np.linalg.norm(places[:, None] - places, axis=2), distances, atol=1e-9)
    noisy = flat + generator.standard_normal(flat.shape)
    lengths = np.linalg.eigvalsh(np.cov(noisy.T))[::-1]
    assert plane(noisy)[1] == pytest.approx(lengths[:2].sum() / lengths.sum())


def test_a_few_classes_of_every_set_are_drawn_before_and_after_memorization(tiny):
    table = mfta.compute("layer_memorization", seeds=[0], **tiny)
    drawn = table[table["manifold"].notna()]
    assert (drawn.groupby(["stage", "examples", "manifold"]).size() == tiny["points"]).all()
    assert len(drawn) == 2 * 4 * 3 * tiny["points"]
    assert set(drawn["layer"]) == {"conv3_2"}


def test_the_input_has_the_same_geometry_at_every_epoch(tiny):
    table = mfta.compute("layer_memorization", seeds=[0], **tiny)
    at_input = table[table["layer"] == "input"].groupby("examples")["capacity"]
    assert (at_input.max() == at_input.min()).all()


def test_more_points_than_a_class_has_are_refused(tiny):
    with pytest.raises(ParameterError, match="points = 11 is more than the 10 unpermuted examples"):
        mfta.compute("layer_memorization", seeds=[0], **(tiny | {"points": 11}))


def test_activations_that_are_not_numbers_name_the_layer(tiny, monkeypatch):
    config = jobs.jobs("layer_memorization", "quick", [0], **tiny)[0].config
    dataset = data.load("digits", 20, seed=0)
    dataset.train_images[3] = float("nan")
    network = training.build(config.training, dataset)
    permuted = labels.permute(dataset.train_labels, 0.5, 0)
    examples = layer_geometry.example_rows(permuted, dataset.test_labels, 8, 0)
    with pytest.raises(GeometryError, match=r"layer input, .* examples: .*(NaN|finite)"):
        layer_geometry.measure(config, 0, network, dataset, examples)


@pytest.mark.slow
def test_digits_are_memorized_late_and_deep():
    """Permuted capacity doubles at the deepest hidden layer and stays within 10 % at the first."""
    table = of_the_book("layer_memorization", measured_epochs=[], draws=50)
    accuracy = table[table["layer"].isna()].set_index(["examples", "stage"])["accuracy"]
    assert accuracy["permuted", "last"].item() > 0.95
    assert accuracy["test", "last"].item() < accuracy["test", "best"].item() - 0.1
    permuted = table[(table["examples"] == "permuted") & table["depth"].notna()]
    by = permuted.pivot_table(index="depth", columns="stage", values="capacity")
    ratio = by["last"] / by["best"]
    assert ratio.iloc[-2] > 2
    assert abs(ratio.iloc[1] - 1) < 0.1


@pytest.mark.slow
def test_depth_zero_of_the_paper_from_pixels(cifar100):
    """CIFAR-100 pixels at P = 100, M = 50 against Fig. 3 at depth 0: no training is involved.

    The paper's capacity lies 4 to 6 % under ours at equal radius and dimension:
    its three values do not fit each other (notebooks/comparison.md).
    """
    dataset = data.load("cifar100")
    permuted = labels.permute(dataset.train_labels, 0.5, seed=0)
    examples = layer_geometry.example_rows(permuted, dataset.test_labels, 50, seed=0)
    published = paper.figure3().query("depth == 0 and stage == 'last'")
    for name, images in (("permuted", dataset.train_images), ("test", dataset.test_images)):
        answers = images[examples[name].ravel()].flatten(1).numpy()
        summary = analyze(answers.reshape(100, 50, -1).transpose(0, 2, 1)).check().summary()
        theirs = published[published["examples"] == name].set_index("measure")["value"]
        assert summary["radius"] == pytest.approx(theirs["radius"], rel=0.01)
        assert summary["dimension"] == pytest.approx(theirs["dimension"], rel=0.01)
        assert summary["capacity"] == pytest.approx(theirs["capacity"], rel=0.08)


def test_the_papers_curves_cross_between_depths_16_and_17():
    """Both are read off the paper's Fig. 3, at its last epoch."""
    rows = paper.figure3().query("measure == 'capacity' and stage == 'last'")
    by = rows.pivot_table(index="depth", columns="examples", values="value").dropna()
    assert (by["permuted"] <= by["restored"]).loc[:16].all()
    assert (by["permuted"] > by["restored"]).loc[17:].all()
