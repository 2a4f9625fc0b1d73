import numpy as np
import pandas as pd
import pytest

from mfta import paper
from mfta.geometry.exact import ball_capacity
from mfta.readout import comparison, consistency


def table(scale=1.0, seeds=(0, 1)):
    """A table of layer memorization that repeats the paper's figure, times ``scale``."""
    figure = paper.figure3().pivot_table(index=["stage", "examples", "depth"], columns="measure", values="value")
    rows = figure.reset_index().assign(layer="a", manifold=np.nan)
    rows[["capacity", "radius", "dimension"]] *= scale
    return pd.concat([rows.assign(seed=seed) for seed in seeds], ignore_index=True)


def test_the_paper_meets_itself():
    compared = comparison.with_figure3(table())
    found = comparison.values(compared)
    assert found["points"] == len(paper.figure3())
    assert found["within_share"] == found["same_sign"] == 1
    assert found["rank_agreement"] == pytest.approx(1)
    assert compared["spread"].abs().max() == pytest.approx(0)


@pytest.mark.parametrize(("scale", "within"), [(1.099, 1), (1.101, 0), (0.901, 1), (0.899, 0)])
def test_a_tenth_is_the_limit_and_ranks_do_not_mind(scale, within):
    found = comparison.values(comparison.with_figure3(table(scale)))
    assert found["within_share"] == within
    assert found["rank_agreement"] == pytest.approx(1)
    assert found["same_sign"] == 1


def test_each_half_of_the_layers_and_epoch_has_its_share():
    given = table()
    given.loc[(given["depth"] > 9) & (given["stage"] == "last"), ["capacity", "radius", "dimension"]] *= 2
    shares = comparison.halves(comparison.with_figure3(given))
    assert shares == {(h, s): (h, s) != ("second", "last") for h in ("first", "second") for s in ("best", "last")}
    assert "at the best and 100% at the last epoch, in the second 100% and 0%" in outcome(given)


def outcome(given):
    source = dict.fromkeys(("preset", "network", "dataset", "seeds"), "any")
    return comparison.texts(comparison.with_figure3(given), source)["outcome_sentence"]


def test_exchanged_epochs_turn_every_sign():
    turned = table().replace({"stage": {"best": "last", "last": "best"}})
    assert comparison.values(comparison.with_figure3(turned))["same_sign"] == 0


def test_the_pages_tables_have_words_as_heads():
    compared = comparison.with_figure3(table())
    for shown in (comparison.by_series(compared), comparison.changes(compared)):
        heads = comparison.for_readers(shown)
        assert not any("_" in name for name in [*heads.columns, *heads.index.names])
    assert "rank agreement" in comparison.for_readers(comparison.by_series(compared))


def test_networks_of_other_depth_are_refused():
    short = table().query("depth < 10")
    assert not comparison.comparable(short)
    with pytest.raises(ValueError, match="depths"):
        comparison.with_figure3(short)


@pytest.mark.parametrize("kappa", [0.0, 0.3])
def test_balls_fit_and_a_margin_is_found_again(kappa):
    """Theirs are balls at a margin, ours at none: ratios below 1 and 1, and the margin that was put in."""
    compared = comparison.with_figure3(table())
    wide = compared.pivot_table(index=["stage", "examples", "depth"], columns="measure", values="theirs").dropna()
    for column, margin in (("ours", 0.0), ("theirs", kappa)):
        balls = [ball_capacity(*size, margin) for size in zip(wide["radius"], wide["dimension"], strict=True)]
        balls = wide.assign(capacity=balls).melt(ignore_index=False, value_name=column).reset_index()
        compared = compared.drop(columns=column).merge(balls, how="left")
    found = consistency.ratios(compared)
    assert len(found) == len(wide)
    assert found["ours"].to_numpy() == pytest.approx(1)
    assert found["margin"].to_numpy() == pytest.approx(kappa, abs=1e-6)
    assert (found["theirs"] < 0.98).all() == bool(kappa)


def test_ratios_apart_by_set_and_by_depth_are_told_apart():
    rows = [("best", d, e, ratio) for d, ratio in ((0, 0.9), (5, 0.97)) for e in ("permuted", "test", "restored")]
    found = pd.DataFrame(rows, columns=["stage", "depth", "examples", "theirs"])
    assert consistency.apart(found) == pytest.approx((0, 0.07))
    found.loc[found["examples"] == "test", "theirs"] += 0.02
    assert consistency.apart(found) == pytest.approx((0.02, 0.07))


def test_the_error_of_a_ratio_is_what_reading_errors_make_of_it():
    """Drawn reading errors scatter the ratio of every point by what is said."""
    compared = comparison.with_figure3(table()).query("depth in (0, 19) and stage == 'last'")
    expected = consistency.ratios(compared)["error"].to_numpy()
    generator = np.random.default_rng(0)
    sizes = compared["measure"].map(paper.READING).to_numpy()
    drawn = []
    for _ in range(100):
        read = compared["theirs"] + generator.normal(0, sizes)
        drawn.append(consistency.ratios(compared.assign(theirs=read))["theirs"].to_numpy())
    scatter = np.std(drawn, axis=0, ddof=1)
    assert scatter == pytest.approx(expected, rel=4 / np.sqrt(2 * 100))
