"""The paper's own figures, digitised from the published pictures (package data in ``digitised/``).

Points were extracted by colour, to within ``READING``. Where one curve hides another the hidden point is absent.
"""

from importlib import resources

import pandas as pd

READING = {"capacity": 0.001, "radius": 0.02, "dimension": 0.4}
"""Error of reading one point."""


def figure3() -> pd.DataFrame:
    """Fig. 3: columns measure, stage (best, last), examples, depth (0 … 19), value."""
    return _read("figure3.csv")


def figure4() -> pd.DataFrame:
    """Fig. 4C–E: columns measure (accuracy, radius, dimension), stage (best, last), parameters, value."""
    return _read("figure4.csv")


def _read(name: str) -> pd.DataFrame:
    with resources.files("mfta").joinpath("digitised", name).open() as file:
        return pd.read_csv(file)
