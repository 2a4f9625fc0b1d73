"""Running averages of rewound layers: carried and re-estimated as in section 2, kept as nothing else does."""

import pytest

import mfta

TINY = {"seeds": [1], "epochs": 3, "train_per_class": 20, "evaluated": 50, "checkpoints": [1], "rewound_to": [1]}
KEYS = ["rewound", "rewound_from", "rewound_to", "batch_norm", "examples"]


@pytest.fixture(scope="module")
def tables():
    other = {"points": 10, "draws": 10, "batch_norm": True, "hidden": 0}
    of_rewinding = mfta.compute("rewinding", **TINY, **other)
    return mfta.compute("dispute", **TINY), of_rewinding[of_rewinding.layer.isna()]


def test_carried_and_reestimated_are_those_of_section_2(tables):
    ours, theirs = tables
    both = ours.merge(theirs, on=KEYS, suffixes=("", "_theirs"))
    assert len(both) == len(theirs) == (ours.batch_norm != "kept").sum()
    assert (both.accuracy == both.accuracy_theirs).all()
    assert (both.loss == both.loss_theirs).all()


def test_kept_averages_are_another_network_unless_nothing_is_rewound_or_only_what_has_none(tables):
    back = tables[0].query("rewound_to == 1 or rewound == 'none'")
    wide = back.pivot_table(index=[*KEYS[:3], "examples"], columns="batch_norm", values="loss")
    same = wide.index.get_level_values("rewound").isin(["none", "head", "last 1"])
    assert (wide.kept == wide.carried)[same].all()
    assert (wide.kept != wide.carried)[~same].mean() > 0.9  # an empty set apart, or one that all get wrong alike


def test_without_batch_norm_there_is_nothing_to_choose():
    table = mfta.compute("dispute", **TINY, batch_norm=False)
    assert set(table.batch_norm) == {"absent"}
