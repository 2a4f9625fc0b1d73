"""Effects read off tables whose numbers are known: the number itself, where an interval alone would hide a slip."""

import numpy as np
import pandas as pd
import pytest
from test_claims import BY_KEY, SEEDS, gradients, layers, rewound, scan

from mfta import effects
from mfta.judge import find


def value(key, rule, table):
    """The finding's mean of a claim's rule."""
    return find({of.key: of for of in BY_KEY[key].rules}[rule], table).value


def test_every_bound_of_the_second_edition_is_as_it_was_fixed():
    """They are not touched once a table of full or paper exists; factors are logarithms inside."""
    bounds = {
        "C1": {"advantage": (1.02, None), "permuted": (0.95, 1.05), "first layers": (1.02, None), "layers": None},
        "C2": {"memorized": (0.9, None), "radius": (None, 0.9), "dimension": (None, 0.9), "depth": (1.1, None),
               "over unpermuted": (1.1, None)},
        "C3": {"memorized": (0.9, None), "permuted": (0.95, 1.05), "true labels": (None, 1.1)},
        "C4": {"memorized": (0.9, None), "gap": (0.01, None), "few": (0.5, None), "area": (0.05, None),
               "first layers": (None, 0.0), "few, re-estimated": (0.5, None), "area, re-estimated": (0.05, None),
               "number": None, "nine tenths": None},
        "C5": {"interpolation": (0.99, None), "dip": (0.01, None), "dimension": (1.02, None), "radius": (None, 0.98),
               "dimension, pooled": (1.02, None), "dimension, output": (1.02, None)},
        "C6": {"signal": (-0.25, None), "inner product": (None, 0.25), "floor": (0.9, 1.1), "exponent": (-0.6, -0.4),
               "epochs 1 and 2": (None, 0.5), "growth": (1.1, None), "layers": (None, 0.25)},
    }  # fmt: skip
    for key, of in bounds.items():
        found = {rule.key: (rule.above, rule.below, rule.factor) for rule in BY_KEY[key].rules}
        assert list(found) == list(of)
        for name, ends in of.items():
            *given, factor = found[name]
            for end, wanted in zip(given, ends or (None, None), strict=True):
                shown = np.exp(end) if factor and end is not None else end
                assert shown == (wanted if wanted is None else pytest.approx(wanted, rel=1e-12)), (key, name)


def test_an_advantage_is_that_of_the_set_of_true_labels_that_gains_least():
    early = {"unpermuted": 1.3, "restored": 1.2, "test": 1.1, "permuted": 1.05}
    table = layers(noise=0, **{f"{name}__capacity__early__all": factor for name, factor in early.items()})
    assert value("C1", "advantage", table) == pytest.approx(np.log(1.1 / 1.05))


def test_true_labels_differ_by_the_larger_difference_to_either_side():
    table = layers(noise=0, restored__capacity__last__first=0.8, test__capacity__last__first=1.1)
    assert value("C3", "true labels", table) == pytest.approx(-np.log(0.8))


def test_the_rise_in_the_final_third_counts_beyond_that_in_the_first():
    table = layers(noise=0, permuted__capacity__last__first=1.2, permuted__capacity__last__final=1.8)
    assert value("C2", "depth", table) == pytest.approx(np.log(1.8 / 1.2))


def test_a_layer_counts_where_one_set_is_ahead_in_every_seed():
    table = layers(noise=0, restored__capacity__early__first=1.1)
    assert value("C1", "layers", table) == pytest.approx(4 / 12)  # of twelve layers the first third
    behind = (table["seed"] == 2) & (table["depth"] == 3) & (table["examples"] == "restored")
    table.loc[behind & (table["stage"] == "early"), "capacity"] *= 0.5
    assert value("C1", "layers", table) == pytest.approx(3 / 12)


def test_what_was_rewound_to_other_epochs_than_the_best_has_no_part():
    table = rewound()
    other = table[table["rewound"] != "none"].assign(stage="initial", accuracy=0.01)
    both = pd.concat([table, other])
    for of in (effects.gap, effects.few("main"), effects.area("main"), effects.first_over_half):
        pd.testing.assert_series_equal(of(both), of(table))


def test_the_final_few_layers_are_at_most_a_third():
    table = rewound(few=0.4)
    for n, accuracy in ((3, 0.01), (4, 0.04)):
        table.loc[(table["rewound"] == f"last {n}") & (table["examples"] != "permuted"), "accuracy"] += accuracy
    assert (effects.number_chosen(table) == 3).all()  # of nine; four would recover more
    assert value("C4", "few", table) == pytest.approx(0.4 + 0.002 * 2 + 0.1)


def test_the_area_is_a_mean_over_all_numbers_but_none_and_all():
    assert effects.area("main")(rewound(few=0.8, first=0.1)).tolist() == pytest.approx([0.7] * 3)


def test_the_first_third_is_held_against_half_of_what_the_final_few_recover():
    table = rewound(few=0.8, first=0.3)
    beyond = table["rewound"] == "first 4"
    table.loc[beyond & (table["examples"] == "test half 2"), "accuracy"] += 0.05  # no longer of the first third
    expected = [0.3 + 0.002 * seed - (0.8 + 0.002 * seed) / 2 for seed in SEEDS]
    assert effects.first_over_half(table).tolist() == pytest.approx(expected)


def test_the_fewest_layers_are_the_first_number_that_recovers_the_share_itself():
    n = np.arange(9)
    rows = pd.DataFrame({"rewound_layers": n, "accuracy": n / 16, "seed": 0, "layer": np.nan, "batch_norm": "absent"})
    names = ["none", *(f"last {k}" for k in n[1:-1]), "all"]
    rows = rows.assign(rewound=names, rewound_from="last", examples="test", stage=["last", *["best"] * 8])
    assert effects.fewest(0.5)(rows).tolist() == [4]
    assert effects.fewest(0.51)(rows).tolist() == [5]
    assert effects.fewest(1.5)(rows).empty


def test_a_dip_is_found_on_one_half_and_measured_on_the_other_over_the_last_five_epochs():
    table = scan(dip=0.05)
    place = table["parameters"] == 1e5
    depth = value("C5", "dip", table)
    found, measured = (place & (table["examples"] == f"test half {half}") for half in (1, 2))
    table.loc[found, "accuracy"] -= 0.02  # on the half that finds it, it may look deeper than it is
    assert value("C5", "dip", table) == pytest.approx(depth)
    table.loc[measured & (table["epoch"] == 5), "accuracy"] = 0  # of ten epochs the last of those before
    assert value("C5", "dip", table) == pytest.approx(depth)
    table.loc[measured & (table["epoch"] == 6), "accuracy"] += 0.05
    assert value("C5", "dip", table) == pytest.approx(depth - 0.01)


def test_a_dip_lies_below_the_lower_of_its_peaks():
    table = scan(dip=0.05)  # 0.45 before it, 0.6 beyond, at it 0.35
    assert value("C5", "dip", table) == pytest.approx(0.45 - 0.35)
    deeper = (table["parameters"] == 1e6) & table["layer"].isna()
    table.loc[deeper, "accuracy"] -= 0.12  # 0.43: farther below the higher peak of the two beside it, not the lower
    assert value("C5", "dip", table) == pytest.approx(0.45 - 0.35)


def test_a_bump_is_beside_the_mean_of_both_peaks_at_the_last_convolution():
    table = scan()
    peaks = {1e4: 1.1, 1e5: 1.5, 1e7: 1.3}
    ratio = table["parameters"].map(peaks).fillna(1.0)
    at = table["layer"].notna()
    table.loc[at, "dimension"] = np.where(table["stage"] == "last", 20 * ratio, 20)[at]
    earlier = table[table["layer"] == "conv5_4"].assign(layer="conv1_1", dimension=20.0)
    expected = np.log(1.5) - (np.log(1.1) + np.log(1.3)) / 2
    assert value("C5", "dimension", pd.concat([earlier, table])) == pytest.approx(expected)
    table.loc[at, "radius_median"] = np.where((table["stage"] == "last") & (table["parameters"] == 1e5), 1.2, 1.0)[at]
    assert value("C5", "radius", table) == pytest.approx(np.log(1.2) - expected)  # beside that of the dimension


def test_layers_count_where_the_square_of_the_noise_lies_below_the_signal():
    """Of signals 0.5 and 0.02 beside a floor of 0.2, a norm, the first alone is above noise."""
    rows = [
        {"seed": 1, "varied": "halves", "part": "label_dependent", "layer": layer, "examples": examples,
         "signal": signal, "floor": floor}
        for layer, floor, signals in (("a", 0.6, (0.1, 0.5)), ("b", 0.2, (0.3, 0.02)))
        for examples, signal in zip(("permuted", "unpermuted"), signals, strict=True)
    ]  # fmt: skip
    assert value("C6", "layers", pd.DataFrame(rows)) == pytest.approx(0.1 / 0.5)


def test_growth_is_the_ratio_at_the_last_epoch_over_that_of_the_first_two():
    assert value("C6", "growth", gradients(growth=3.0)) == pytest.approx(np.log(3.0))
