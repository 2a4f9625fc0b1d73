import pytest

import mfta
from mfta.readout import capacity_theory as readout


@pytest.fixture(scope="module")
def table(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        place = tmp_path_factory.mktemp("store")
        patch.setenv("MFTA_RUNS", str(place / "runs"))
        patch.setenv("MFTA_RESULTS", str(place / "results"))
        options = {"epochs": 2, "manifolds": 30, "exact_draws": 1000, "dichotomies": 6, "train_per_class": 40}
        return mfta.compute("capacity_theory", seeds=[0], checkpoints=[], **options)


@pytest.mark.slow
def test_exact_cases_lie_within_their_errors(table):
    known = table[table["case"] == "exact"]
    distance = ((known["capacity"] - known["exact"]) / known["capacity_stderr"]).abs()
    assert len(known) == 17
    assert (distance < 4.5).all()
    assert (distance < 2).mean() > 0.7
    assert table["residual"].max() < 1e-6


@pytest.mark.slow
def test_simulation_agrees_on_clouds_and_says_what_removal_is_for(table):
    values = readout.values(table)
    assert values["cloud_difference"] < 0.05 + 3 * values["cloud_error"]
    assert values["centers_as_they_are"] > 1.3  # the theory alone is misled by shared centres
    assert abs(values["centers_removed"] - 1) < 0.2


@pytest.mark.slow
def test_shuffled_labels_fall_to_the_floor_and_true_ones_do_not(table):
    values = readout.values(table)
    assert 0.8 < values["floor_ratio"] < 1.2
    assert values["true_ratio"] > 2
