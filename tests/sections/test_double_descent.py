import itertools

import numpy as np
import pytest
from in_sight import functions

import mfta
from mfta import jobs, training


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
    answers = training.predict(run.network(2), run.dataset.train_images).argmax(1).numpy()
    rows = table[(table["width"] == 4) & (table["examples"] == "train") & (table["stage"] == "last")]
    assert rows.loc[rows["layer"].isna(), "accuracy"].item() == pytest.approx(np.mean(answers == run.labels.trained))


def test_geometry_of_three_sets_at_the_last_three_layers(table):
    last = table[table["layer"].notna() & (table["stage"] == "last")]
    assert len(last) == 2 * 3 * 3  # widths, layers, sets
    assert last.sort_values("depth")["layer"].unique().tolist() == ["pool3", "conv4_1", "head"]
    page = functions("double_descent")
    assert page.last_convolution(table) == "conv4_1"
    rows = page.by_size(table, "conv4_1")
    at = last[(last["layer"] == "conv4_1") & (last["examples"] == "test")].sort_values("parameters")
    shown = rows[(rows["measure"] == "dimension") & (rows["stage"] == "last")].sort_values("parameters")
    assert shown["value"].tolist() == at["dimension"].tolist()
