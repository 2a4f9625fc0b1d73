import numpy as np
import pandas as pd
import pytest

from mfta import paper
from mfta.readout import comparison


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
