import numpy as np
import pandas as pd
import pytest
from in_sight import functions
from made_once import of_the_book, store_in


@pytest.fixture(scope="module")
def table(tmp_path_factory):
    options = {"epochs": 2, "manifolds": 30, "exact_draws": 1000, "dichotomies": 6, "train_per_class": 40}
    with store_in(tmp_path_factory.mktemp("store")):
        return of_the_book("capacity_theory", checkpoints=[], **options)


@pytest.mark.slow
def test_exact_cases_lie_within_their_errors(table):
    known = table[table["case"] == "exact"]
    distance = ((known["capacity"] - known["exact"]) / known["capacity_stderr"]).abs()
    assert len(known) == 23
    assert (known["kappa"] > 0).sum() == 11
    assert (distance < 4.5).all()
    assert (distance < 2).mean() > 0.7
    assert table["residual"].max() < 1e-6


@pytest.mark.slow
def test_activations_are_compared_at_every_stage_and_layer(table):
    rows = table[table["case"] == "activations"]
    assert set(rows["stage"]) == {"initial", "best", "last"}
    assert rows.groupby(["stage", "layer"]).size().eq(2).all()  # removed or not, one simulation
    assert rows.groupby(["stage", "layer"])["simulated"].nunique().eq(1).all()
    assert (rows["manifolds"] == 10).all()


@pytest.mark.slow
def test_simulation_agrees_on_balls_and_clouds(table):
    near = table[table["case"] == "simulated"]
    assert len(near) == 14
    assert near["simulated"].min() > 0.2
    ratio = near["capacity"] / near["simulated"]
    relative = np.hypot(near["capacity_stderr"] / near["capacity"], near["simulated_stderr"] / near["simulated"])
    assert ((ratio - 1).abs() < 0.05 + 3 * relative).all()
    balls = near[near["name"] == "ball"]
    assert (balls["simulated"] / balls["exact"]).max() > 1.3  # 16 points are not a ball in six dimensions
    ends = near[near["given_dimension"] == 1]
    assert (ends["capacity"] / ends["exact"] - 1).abs().max() < 0.1  # two points are a segment


@pytest.mark.slow
def test_removal_is_what_shared_centers_need(table):
    centers = table[table["case"] == "centers"]
    strongest = centers[centers["strength"] == centers["strength"].max()].set_index("removed")
    ratio = strongest["capacity"] / strongest["simulated"]
    assert ratio[False] > 1.3  # the theory alone is misled by shared centers
    assert abs(ratio[True] - 1) < 0.2


@pytest.mark.slow
def test_shuffled_labels_fall_to_the_floor_and_true_ones_do_not(table):
    rows = table[(table["case"] == "shuffled") & (table["points"] == 50)].set_index("name")
    over = rows["capacity"] / rows["exact"]
    assert 0.8 < over["shuffled labels"] < 1.2
    assert over["true labels"] > 2


def test_a_plane_separates_what_it_can_and_no_more():
    """Two points on one line from the origin, in one direction and in opposite ones."""
    separable = functions("capacity_theory").separable
    same, opposite = np.array([[[1.0]], [[2.0]]]), np.array([[[1.0]], [[-2.0]]])
    for side in ([1, 1], [-1, -1]):
        assert separable(same, np.array(side))
        assert not separable(opposite, np.array(side))
    for side in ([1, -1], [-1, 1]):
        assert not separable(same, np.array(side))
        assert separable(opposite, np.array(side))


def test_the_error_of_a_mean_follows_from_those_of_its_parts():
    error = functions("capacity_theory").error
    assert error(pd.Series([0.3, 0.4])) == pytest.approx(0.25)  # √(0.3² + 0.4²) / 2
