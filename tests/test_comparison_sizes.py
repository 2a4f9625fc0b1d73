"""The scan of sizes against the paper's Fig. 4C–E."""

import numpy as np
import pandas as pd
import pytest

from mfta import figures, paper
from mfta.readout import comparison, comparison_sizes

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
    compared = comparison_sizes.with_figure4(table())
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
    compared = comparison_sizes.with_figure4(table())
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
    compared = comparison_sizes.with_figure4(given).set_index(["measure", "stage", "layer", "parameters"])
    assert compared.loc[("dimension", "last", "conv", np.sqrt(a * b)), "theirs"] == pytest.approx((low + high) / 2)


def test_signs_turn_with_the_epochs_and_a_scale_moves_only_the_level():
    given = (table(), table(1.2), table(stages=("last", "best")))
    whole, scaled, turned = (
        comparison_sizes.from_best_to_last(comparison_sizes.with_figure4(scan)).loc[("dimension", "conv")]
        for scan in given
    )
    assert whole["points"] >= 2
    assert whole["same_sign"] == scaled["same_sign"] == 1
    assert turned["same_sign"] == 0
    assert scaled["ours"] == pytest.approx(1.2 * whole["ours"])


def test_each_layer_is_counted_by_itself_and_the_one_of_the_papers_shape_comes_first():
    """The head is three times the paper's at every size; the other layer is the paper's but for one size."""
    given = table()
    given.loc[(given["parameters"] == 158_000) & (given["layer"] == "conv"), ["radius", "dimension"]] *= 2
    compared = comparison_sizes.with_figure4(given)
    found = comparison_sizes.by_layer(compared)
    for measure in ("radius", "dimension"):
        points = ((compared["measure"] == measure) & (compared["layer"] == "conv")).sum()
        assert found.loc[("head", measure), "within"] == 0
        assert found.loc[("conv", measure), "points"] == points
        assert found.loc[("conv", measure), "highest"] == pytest.approx(2)
        assert found.loc[("head", measure), "lowest"] > 2.5
    assert found.loc[("conv", "dimension"), "within"] == pytest.approx(1 - 2 / points)  # one size, two epochs
    said = comparison_sizes.sentence(compared)
    low, high = found.loc[("head", "radius"), ["lowest", "highest"]]
    assert said.startswith(
        f"Over sizes and both epochs ours over the paper's goes at head from {low:.2f} to {high:.2f}"
    )
    assert "to 2.00 for the dimension." in said
    assert comparison_sizes.sentence(None) == ""


@pytest.mark.parametrize(("width", "features", "so"), [(4, 32, "more features"), (64, 512, "may be that mean")])
def test_a_dimension_that_the_mean_over_places_cannot_have_is_named(width, features, so):
    """Gaussian clouds of 50 points have a dimension near 36 in many features and less than 32 in 32."""
    given = table().assign(width=width)
    said = comparison_sizes.pooled_sentence(comparison_sizes.with_figure4(given), given)
    assert f"47,592 parameters, and its mean over places {features} features" in said
    assert "the paper's curve stands at 28.5 there" in said
    assert so in said
    assert comparison_sizes.pooled_sentence(None, None) == ""


def test_the_figure_draws_the_ratio_of_every_compared_size():
    compared = comparison_sizes.with_figure4(table(1.25))
    axes = figures.ratio_to_paper_by_size(compared, comparison.WITHIN).axes
    assert [panel.get_title() for panel in axes] == ["conv", "head", "", ""]
    places = [(measure, layer) for measure in ("radius", "dimension") for layer in ("conv", "head")]
    for panel, (measure, layer) in zip(axes, places, strict=True):
        for container, stage in zip(panel.containers, ("best", "last"), strict=True):
            rows = compared[
                (compared["measure"] == measure) & (compared["layer"] == layer) & (compared["stage"] == stage)
            ]
            assert container.lines[0].get_xdata().tolist() == rows["parameters"].tolist()
            assert container.lines[0].get_ydata() == pytest.approx((rows["difference"] + 1).to_numpy())
