"""What section pages show of larger presets: the stored tables nearest to the paper, and their numbers in words."""

import pandas as pd
from made_up import double_descent, rewinding
from test_stored import keep

from mfta.readout import double_descent as descent_page
from mfta.readout import rewinding as rewinding_page
from mfta.readout.larger import larger


def test_the_largest_stored_preset_beyond_the_pages_own_is_shown():
    keep("rewinding", rewinding(seeds=3))
    assert larger("rewinding", "quick") == (None, "No table of a larger preset is stored.")
    keep("rewinding", rewinding(seeds=2), preset="small")
    table, source = larger("rewinding", "quick")
    assert table["seed"].nunique() == 2
    assert source == "Stored with the preset small: vgg16 on cifar100, 50% of the labels permuted, seeds 0, 1."
    assert larger("rewinding", "small")[0] is None
    keep("rewinding", rewinding(seeds=1), preset="paper")
    assert set(larger("rewinding", "quick")[0]["seed"]) == {0}
    assert larger("rewinding", "paper")[0] is None
    assert larger("gradients", "quick")[0] is None


def test_the_words_of_rewinding_turn_with_the_table():
    for final, first, word in ((2, 5, "as the paper claims"), (5, 2, "against the paper's claim")):
        table = rewinding(final=final, first=first)
        alone = table[table["rewound"] == "last 1"].assign(rewound_from="single")
        alone = [alone.assign(rewound=layer) for layer in ("conv1", "conv2")]
        said = rewinding_page.outcome(pd.concat([table, *alone]))
        assert f"{final:.2f} ± 0.00 final ones or {first:.2f} ± 0.00 first ones" in said
        assert word in said


def test_the_words_of_double_descent_turn_with_the_table():
    for accuracy, words in (
        ((0.8, 0.9, 0.7, 0.95, 0.97), "Beyond 2 standard errors, test accuracy at the last epoch falls and recovers"),
        ((0.8, 0.85, 0.87, 0.95, 0.97), "It is not so that test accuracy"),
    ):
        table = double_descent(accuracy=accuracy)
        trained = table[table["layer"].isna()].assign(examples="train")
        trained["accuracy"] = trained["width"].map(lambda width: 1.0 if width >= 8 else 0.5)
        said = descent_page.outcome(pd.concat([table, trained]))
        assert words in said
        assert "interpolates its training set (train accuracy of at least 99%) has 64,000." in said
