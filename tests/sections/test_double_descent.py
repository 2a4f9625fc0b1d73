import itertools

import numpy as np
import pandas as pd
import pytest

import mfta
from mfta import jobs, training
from mfta.readout import double_descent as readout

SIZES = [10, 20, 30, 40, 50]


@pytest.fixture
def overrides():
    return {"epochs": 2, "train_per_class": 20, "points": 8, "draws": 20, "widths": [1, 4], "seeds": [0]}


@pytest.fixture
def table(overrides):
    return mfta.compute("double_descent", **overrides)


def test_one_job_a_seed_and_width(overrides):
    listed = jobs.jobs("double_descent", **overrides | {"seeds": [0, 1]})
    assert [(job.config.seed, job.config.width) for job in listed] == [(0, 1), (0, 4), (1, 1), (1, 4)]


def test_sizes_are_the_networks_own(table):
    """Convolutions w, 2w, 4w, 8w wide with batch norm and no bias, and a linear head."""
    for width, parameters in table.groupby("width")["parameters"].unique().items():
        channels = [1, width, 2 * width, 4 * width, 8 * width]
        weights = sum(9 * a * b for a, b in itertools.pairwise(channels))
        assert parameters.tolist() == [weights + 2 * sum(channels[1:]) + 10 * channels[-1] + 10]


def test_train_accuracy_is_that_over_all_training_images(table, overrides):
    config = jobs.jobs("double_descent", **overrides)[1].config
    run = training.run(config.training)
    dataset = training.data_of(config.training)
    trained = training.labels_of(config.training, dataset).trained
    answers = training.predict(run.network(2), dataset.train_images).argmax(1).numpy()
    rows = table[(table["width"] == 4) & (table["examples"] == "train") & (table["stage"] == "last")]
    assert rows.loc[rows["layer"].isna(), "accuracy"].item() == pytest.approx(np.mean(answers == trained))


def test_geometry_of_three_sets_at_the_last_three_layers(table):
    last = table[table["layer"].notna() & (table["stage"] == "last")]
    assert len(last) == 2 * 3 * 3  # widths, layers, sets
    assert readout.final_layers(table) == ["pool3", "conv4_1", "head"]
    assert readout.deepest_hidden(table) == "conv4_1"


def test_a_scan_is_of_the_layer_asked_for(table):
    of_layers = {
        layer: readout.scan(table, "dimension", "last", layer=layer) for layer in readout.final_layers(table)
    }
    for layer, by in of_layers.items():
        rows = table[(table["layer"] == layer) & (table["stage"] == "last") & (table["examples"] == "test")]
        assert by.to_numpy().ravel().tolist() == rows.sort_values("parameters")["dimension"].tolist()
    assert readout.scan(table, "dimension", "last").equals(of_layers["conv4_1"])


def curves(*rows):
    return pd.DataFrame(rows, columns=SIZES)


def test_a_dip_is_measured_to_its_lower_shoulder():
    depth, error = readout.turn(curves([0.5, 0.8, 0.6, 0.7, 0.9], [0.5, 0.8, 0.6, 0.7, 0.9]))
    assert depth == pytest.approx(0.2)
    assert error == pytest.approx(0)


def test_curves_that_only_rise_or_fall_have_no_dip():
    rising = curves(*[np.linspace(0.1, 0.9, 5)] * 3)
    assert readout.turn(rising)[0] < 0
    assert readout.turn(1 - rising)[0] < 0


def test_noise_alone_is_not_a_dip():
    """Over many scans of pure noise the measured depth averages to nothing, as its place is found elsewhere."""
    generator = np.random.default_rng(0)
    depths = [readout.turn(curves(*generator.standard_normal((3, 5))))[0] for _ in range(400)]
    assert abs(np.mean(depths)) < 3 * np.std(depths) / np.sqrt(len(depths))


def test_one_seed_has_no_standard_error():
    depth, error = readout.turn(curves([0.5, 0.8, 0.6, 0.7, 0.9]))
    assert depth == pytest.approx(0.2)
    assert np.isnan(error)
    assert "One seed" in readout.sentence(depth, error, "it dips")


@pytest.mark.parametrize(
    ("size", "error", "word"), [(0.1, 0.04, "Beyond"), (0.1, 0.06, "undecided"), (-0.1, 0.04, "not so")]
)
def test_words_follow_the_standard_error(size, error, word):
    assert word in readout.sentence(size, error, "it dips")


def test_interpolation_is_the_smallest_network_that_fits_all():
    rows = [
        {
            "seed": s,
            "width": w,
            "parameters": 100 * w,
            "stage": "last",
            "examples": "train",
            "layer": np.nan,
            "accuracy": a,
        }
        for s in (0, 1)
        for w, a in ((1, 0.5), (2, 0.992), (4, 1.0))
    ]
    table = pd.DataFrame(rows).assign(stage="last", examples="train", layer=np.nan)
    assert readout.interpolation(table) == 200
    assert np.isnan(readout.interpolation(table[table["width"] == 1]))
    assert readout.three_widths(table) == [1, 2, 4]


def test_a_network_that_interpolates_only_in_passing_is_told_apart():
    """Two widths fit all at epoch 1; at the last epoch neither does, and the sentence says both."""
    accuracy = {(1, 1): 0.5, (1, 2): 0.6, (2, 1): 0.995, (2, 2): 0.98, (3, 1): 1.0, (3, 2): 0.97}
    rows = [
        {"seed": 0, "width": w, "parameters": 100 * w, "epoch": e, "stage": "last" if e == 2 else "", "accuracy": a}
        for (w, e), a in accuracy.items()
    ]
    train = pd.DataFrame(rows).assign(examples="train", layer=np.nan)
    assert np.isnan(readout.interpolation(train))
    assert readout.interpolation(train, ever=True) == 200
    geometry = {"layer": "conv", "depth": 1, "dimension": 9.0, "radius_median": 1.0}
    test = train.assign(examples="test").query("stage == 'last'")
    table = pd.concat([train, test, test.assign(**geometry)])
    table = pd.concat([table, table[table["examples"] == "test"].assign(stage="best")])
    said = readout.outcome(table)
    assert "At the last epoch none interpolates" in said
    assert "the smallest that does so at some epoch has 200." in said
