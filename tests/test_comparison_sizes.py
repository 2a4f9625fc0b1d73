"""The scan of sizes against the paper's Fig. 4C–E."""

import numpy as np
import pandas as pd
import pytest

from mfta import figures, paper
from mfta.readout import comparison, comparison_sizes

SIZES = [3_801, 47_592, 158_000, 1_000_000, 5_012_000, 11_220_132]  # the first lies far below the paper's


def table(scale=1.0, seeds=(0, 1), stages=("best", "last")):
    """A scan that repeats the paper's curve at its digitised sizes, times ``scale``, and has 9 elsewhere."""
    rows = []
    for (stage, measure), curve in paper.figure4().groupby(["stage", "measure"]):
        known = curve.set_index("parameters")["value"]
        for size in SIZES:
            value = scale * known.get(size, known.iloc[0] if size < 10**6 else known.iloc[-1])
            for seed in seeds:
                row = {"seed": seed, "stage": stages[stage == "last"], "examples": "test", "parameters": size}
                place = {} if measure == "accuracy" else {"layer": "conv", "depth": 4}
                rows.append({**row, **place, measure: value if size > 10**4 else 9.0})
    trap = {"layer": "head", "depth": 5, "radius": 9.0, "dimension": 9.0}
    rows += [{**row, **trap} for row in rows if row.get("layer")]
    return pd.DataFrame(rows)


def test_the_paper_meets_itself_at_its_own_points():
    compared = comparison_sizes.with_figure4(table())
    digitised = paper.figure4()
    both = compared.merge(digitised, on=["measure", "stage", "parameters"])
    assert len(both) >= 10
    assert both["theirs"].to_numpy() == pytest.approx(both["value"].to_numpy())
    assert both["ours"].to_numpy() == pytest.approx(both["value"].to_numpy())
    assert compared["spread"].max() == 0


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
    compared = comparison_sizes.with_figure4(given).set_index(["measure", "stage", "parameters"])
    assert compared.loc[("dimension", "last", np.sqrt(a * b)), "theirs"] == pytest.approx((low + high) / 2)


def test_signs_turn_with_the_epochs_and_a_scale_moves_only_the_level():
    whole = comparison_sizes.from_best_to_last(comparison_sizes.with_figure4(table()))
    scaled = comparison_sizes.from_best_to_last(comparison_sizes.with_figure4(table(1.2)))
    turned = comparison_sizes.from_best_to_last(comparison_sizes.with_figure4(table(stages=("last", "best"))))
    assert whole.loc["dimension", "same_sign"] == scaled.loc["dimension", "same_sign"] == 1
    assert turned.loc["dimension", "same_sign"] == 0
    assert scaled.loc["dimension", "ours"] == pytest.approx(1.2 * whole.loc["dimension", "ours"])


@pytest.mark.parametrize(("scale", "met"), [(1.0, True), (1.3, False)])
def test_the_sentence_counts_what_is_met(scale, met):
    compared = comparison_sizes.with_figure4(table(scale))
    size = (compared["measure"] == "dimension").sum()
    expected = (compared["difference"].abs() <= comparison.WITHIN)[compared["measure"] == "dimension"].sum()
    said = comparison_sizes.sentence(compared)
    assert f"and {expected} of {size} dimensions lie within 10%" in said
    assert (expected == size) == met
    assert comparison_sizes.sentence(None) == ""


def test_the_figure_draws_the_ratio_of_every_compared_size():
    compared = comparison_sizes.with_figure4(table(1.25))
    axes = figures.ratio_to_paper_by_size(compared, comparison.WITHIN).axes
    assert [panel.get_ylabel().split(":")[0] for panel in axes] == ["test accuracy", "radius R", "dimension D"]
    for panel, measure in zip(axes, comparison_sizes.MEASURES, strict=True):
        for container, stage in zip(panel.containers, ("best", "last"), strict=True):
            rows = compared[(compared["measure"] == measure) & (compared["stage"] == stage)]
            assert container.lines[0].get_xdata().tolist() == rows["parameters"].tolist()
            assert container.lines[0].get_ydata() == pytest.approx((rows["difference"] + 1).to_numpy())
