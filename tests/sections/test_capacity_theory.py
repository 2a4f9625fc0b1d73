import numpy as np
import pandas as pd
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
    assert len(known) == 23
    assert (known["kappa"] > 0).sum() == 11
    assert (distance < 4.5).all()
    assert (distance < 2).mean() > 0.7
    assert table["residual"].max() < 1e-6


@pytest.mark.slow
def test_simulation_agrees_on_balls_and_clouds(table):
    pairs = readout.compared(table)
    near = pairs[pairs["case"] == "simulated"]
    assert len(near) == 14
    assert near["simulated"].min() > 0.2
    assert ((near["ratio"] - 1).abs() < readout.AGREEMENT + 3 * near["ratio_stderr"]).all()
    values = readout.values(table)
    assert values["compared"] == 14
    within = int(((near["ratio"] - 1).abs() <= readout.AGREEMENT).sum())
    assert values["agreeing"] == ("All" if within == 14 else f"{within} of")
    assert values["sampled_excess"] > 1.3  # 16 points are not a ball in six dimensions
    ends = pairs[pairs["given_dimension"] == 1]
    assert (ends["capacity"] / ends["exact"] - 1).abs().max() < 0.1  # two points are a segment


@pytest.mark.slow
def test_removal_is_what_shared_centers_need(table):
    values = readout.values(table)
    assert values["centers_as_they_are"] > 1.3  # the theory alone is misled by shared centres
    assert abs(values["centers_removed"] - 1) < 0.2


@pytest.mark.slow
def test_activations_are_compared_at_every_stage_and_layer(table):
    rows = table[table["case"] == "activations"]
    assert set(rows["stage"]) == {"initial", "best", "last"}
    assert rows.groupby(["stage", "layer"]).size().eq(2).all()  # removed or not, one simulation
    assert rows.groupby(["stage", "layer"])["simulated"].nunique().eq(1).all()
    assert (rows["manifolds"] == 10).all()


def test_errors_of_means_over_seeds_follow_their_definition():
    given = dict.fromkeys(readout.GIVEN, np.nan) | {"case": "simulated", "name": "cloud", "spread": 1.0}
    seen = [(1.0, 0.3, 2.0, 0.4), (3.0, 0.4, 2.0, 0.3)]
    names = ("capacity", "capacity_stderr", "simulated", "simulated_stderr")
    table = pd.DataFrame([given | {"exact": np.nan} | dict(zip(names, row, strict=True)) for row in seen])
    (row,) = readout.compared(table).to_dict("records")
    assert row["capacity"] == row["simulated"] == 2.0
    assert row["ratio"] == 1.0
    assert row["capacity_stderr"] == row["simulated_stderr"] == pytest.approx(0.25)  # √(0.3² + 0.4²) / 2
    assert row["ratio_stderr"] == pytest.approx(0.125 * np.sqrt(2))


@pytest.mark.slow
def test_shuffled_labels_fall_to_the_floor_and_true_ones_do_not(table):
    values = readout.values(table)
    assert 0.8 < values["floor_ratio"] < 1.2
    assert values["true_ratio"] > 2
