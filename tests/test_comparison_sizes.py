"""The scan of sizes against the paper's Fig. 4C–E."""

import numpy as np
import pandas as pd
import pytest
from in_sight import functions

from mfta import paper

beside_figure4 = functions("comparison").beside_figure4
SIZES = [3_801, 47_592, 158_000, 1_000_000, 5_012_000, 11_220_132]  # the first lies far below the paper's


def table(scale=1.0, seeds=(0, 1), stages=("best", "last")):
    """A scan that repeats the paper's curve, times ``scale``, at its sizes, and three times that at another layer."""
    rows = []
    for (stage, measure), curve in paper.figure4().groupby(["stage", "measure"]):
        known = curve.set_index("parameters")["value"]
        for size in SIZES:
            value = scale * known.get(size, known.iloc[0] if size < 10**6 else known.iloc[-1])
            for seed in seeds:
                row = {"seed": seed, "stage": stages[stage == "last"], "examples": "test", "parameters": size}
                place = {} if measure == "accuracy" else {"layer": "conv", "depth": 4}
                rows.append({**row, **place, measure: value if size > 10**4 else 9.0})
    head = pd.DataFrame([row for row in rows if row.get("layer")]).assign(layer="head", depth=5)
    head[["radius", "dimension"]] *= 3
    return pd.concat([pd.DataFrame(rows), head], ignore_index=True)


def test_the_paper_meets_itself_at_its_own_points():
    compared = beside_figure4(table())
    digitised = paper.figure4()
    both = compared[compared["layer"] != "head"].merge(digitised, on=["measure", "stage", "parameters"])
    assert len(both) >= 10
    assert both["theirs"].to_numpy() == pytest.approx(both["value"].to_numpy())
    assert both["ours"].to_numpy() == pytest.approx(both["value"].to_numpy())
    assert compared["spread"].max() == 0
    for measure in ("radius", "dimension"):
        ratio = compared[compared["measure"] == measure].groupby("layer")["ours"].sum()
        assert ratio["head"] == pytest.approx(3 * ratio["conv"])


def test_sizes_the_paper_does_not_reach_are_left_out():
    compared = beside_figure4(table())
    assert set(compared["parameters"]) <= set(SIZES[1:])
    of = compared.groupby(["measure", "stage"])["parameters"].agg(["min", "max"])
    assert of.loc[("accuracy", "last"), "min"] == 47_592  # the narrowest, drawn at 50,000
    assert of.loc[("radius", "best"), "min"] == 158_000  # hidden under the other curve below 100,000
    assert 11_220_132 not in set(compared["parameters"])  # beyond the last digitised point by more than a tenth


def test_between_points_the_curve_is_straight_in_the_logarithm():
    curve = paper.figure4().query("measure == 'dimension' and stage == 'last'").sort_values("parameters")
    (a, b), (low, high) = curve["parameters"].to_numpy()[3:5], curve["value"].to_numpy()[3:5]
    given = table()
    given["parameters"] = given["parameters"].replace(158_000, np.sqrt(a * b))
    compared = beside_figure4(given).set_index(["measure", "stage", "layer", "parameters"])
    assert compared.loc[("dimension", "last", "conv", np.sqrt(a * b)), "theirs"] == pytest.approx((low + high) / 2)


def test_signs_turn_with_the_epochs_and_a_scale_moves_only_the_level():
    given = (table(), table(1.2), table(stages=("last", "best")))
    whole, scaled, turned = (
        paper.changes(beside_figure4(scan), ["measure", "layer"]).loc[("dimension", "conv")] for scan in given
    )
    assert whole["points"] >= 2
    assert whole["same_sign"] == scaled["same_sign"] == 1
    assert turned["same_sign"] == 0


def test_each_layer_is_counted_by_itself():
    """The head is three times the paper's at every size; the other layer is the paper's but for one size."""
    given = table()
    given.loc[(given["parameters"] == 158_000) & (given["layer"] == "conv"), ["radius", "dimension"]] *= 2
    compared = beside_figure4(given)
    met = compared.groupby(["layer", "measure"])["met"].agg(["mean", "size"])
    assert met.loc[("head", "radius"), "mean"] == met.loc[("head", "dimension"), "mean"] == 0
    assert met.loc[("conv", "dimension"), "mean"] == pytest.approx(1 - 2 / met.loc[("conv", "dimension"), "size"])
