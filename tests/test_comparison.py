"""Our values against the paper's Fig. 3, point by point."""

import numpy as np
import pandas as pd
import pytest
from in_sight import functions

from mfta import paper

agreement, untrained = functions("robustness").agreement, functions("comparison").untrained


def table(scale=1.0, seeds=(0, 1)):
    """A table of layer memorization that repeats the paper's figure, times ``scale``."""
    figure = paper.figure3().pivot_table(index=["stage", "examples", "depth"], columns="measure", values="value")
    rows = figure.reset_index().assign(layer="a", manifold=np.nan)
    rows[["capacity", "radius", "dimension"]] *= scale
    return pd.concat([rows.assign(seed=seed) for seed in seeds], ignore_index=True)


def test_the_paper_meets_itself():
    found = agreement(table())
    assert found["points"] == len(paper.figure3())
    assert found["met"] == found["same sign"] == 1
    assert found["rank agreement"] == pytest.approx(1)
    assert paper.beside_figure3(table())["spread"].abs().max() == pytest.approx(0)


@pytest.mark.parametrize(("scale", "met"), [(1.099, 1), (1.101, 0), (0.901, 1), (0.899, 0)])
def test_a_tenth_is_the_limit_and_ranks_do_not_mind(scale, met):
    found = agreement(table(scale))
    assert found["met"] == met
    assert found["rank agreement"] == pytest.approx(1)
    assert found["same sign"] == 1


def test_each_half_of_the_layers_and_epoch_has_its_share():
    given = table()
    given.loc[(given["depth"] > 9) & (given["stage"] == "last"), paper.MEASURES] *= 2
    found = agreement(given)
    for half in ("first", "second"):
        for stage in ("best", "last"):
            assert found[f"{half} half, {stage}"] == ((half, stage) != ("second", "last"))


def test_exchanged_epochs_turn_every_sign():
    turned = table().replace({"stage": {"best": "last", "last": "best"}})
    assert agreement(turned)["same sign"] == 0


def test_the_untrained_network_stands_in_for_both_epochs():
    """One that has the last epoch's values from the start meets all of that epoch, and its changes have no sign."""
    given = table()
    last = given[given["stage"] == "last"]
    with_start = pd.concat([given[given["stage"] == "best"], last.assign(stage="initial")])
    found = agreement(untrained(with_start))
    assert found["first half, last"] == found["second half, last"] == 1
    assert found["second half, best"] < 1
    assert found["same sign"] == 0


def test_networks_of_other_depth_have_no_point_in_common():
    short = table().query("depth < 10")
    assert not paper.comparable(short)
    assert paper.beside_figure3(short).empty
    assert agreement(short) == {}


def test_hidden_linear_layers_lie_beyond_the_figure():
    """With VGG-16's own hidden layers depth 19 is the first of them; the second and the head are not compared."""
    given = table()
    beyond = given[given["depth"] == 19].assign(depth=21)
    beyond[paper.MEASURES] *= 5
    assert agreement(pd.concat([given, beyond])) == agreement(given)


def test_ours_is_the_mean_over_seeds():
    given = pd.concat([table(seeds=(0, 1)), table(4.0, seeds=(2,))])
    compared = paper.beside_figure3(given)
    assert compared["ours"].to_numpy() == pytest.approx(2 * compared["theirs"].to_numpy())
    assert compared["spread"].to_numpy() == pytest.approx(3**0.5 * compared["theirs"].to_numpy())


def compared(ours, theirs):
    """Changes from the best to the last epoch at one depth each, of the permuted capacity."""
    rows = []
    for depth, ends in enumerate(zip(ours, theirs, strict=True)):
        for stage, share in (("best", 0), ("last", 1)):
            values = {name: 0.05 + share * by for name, by in zip(("ours", "theirs"), ends, strict=True)}
            rows.append({"measure": "capacity", "examples": "permuted", "depth": depth, "stage": stage, **values})
    return pd.DataFrame(rows)


def test_changes_of_the_paper_within_twice_the_error_of_reading_do_not_count():
    found = paper.changes(compared((0.01, 0.01, -0.01), (0.0021, -0.0019, 0.02)), ["measure"]).loc["capacity"]
    assert (found["points"], found["same_sign"]) == (2, 0.5)
    assert paper.changes(compared((0.01,), (0.0019,)), ["measure"]).empty


def test_ranks_are_of_the_order_alone():
    depths = np.arange(5.0)
    rows = pd.DataFrame({"measure": "capacity", "stage": "last", "examples": "test", "depth": depths})
    assert paper.ranks(rows.assign(ours=np.exp(5 * depths), theirs=depths)).item() == pytest.approx(1)
    assert paper.ranks(rows.assign(ours=[0, 1, 2, 4, 3], theirs=depths)).item() == pytest.approx(0.9)
    assert np.isnan(paper.ranks(rows[:3].assign(ours=depths[:3], theirs=depths[:3])).item())


def test_the_papers_accuracy_over_sizes_is_that_at_its_end():
    found = paper.tables()["double_descent"]
    figure = paper.figure4().query("measure == 'accuracy' and stage == 'last'").set_index("parameters")["value"]
    for half in (1, 2):
        rows = found[found["examples"] == f"test half {half}"].set_index("parameters")["accuracy"].dropna()
        pd.testing.assert_series_equal(rows.sort_index(), figure.sort_index(), check_names=False)
