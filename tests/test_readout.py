import math

from mfta.readout import with_spread


def test_one_seed_has_no_spread():
    assert with_spread(2.284, math.nan) == "2.28 (one seed)"
    assert with_spread(3.281, 0.289) == "3.28 ± 0.29"
