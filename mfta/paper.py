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


def tables() -> dict[str, pd.DataFrame]:
    """The figures as the tables of their sections, one seed, number 0.

    Which layer Fig. 4 measures is not known; it stands as the last block. Its one curve of test accuracy stands for
    both halves of the test images.
    """
    depths = _wide(figure3(), ["stage", "examples", "depth"])
    # Points are missing where one curve hides another; the layers are there, and thirds are counted over them.
    every = pd.DataFrame({"depth": range(depths["depth"].max() + 1), "stage": "", "examples": "", "seed": 0})
    depths = pd.concat([depths, every], ignore_index=True)
    sizes = _wide(figure4(), ["stage", "parameters"])
    last = sizes.loc[sizes["stage"] == "last", ["seed", "parameters", "accuracy"]].assign(epoch=1)
    halves = [last.assign(examples=f"test half {half}") for half in (1, 2)]
    layers = sizes.drop(columns="accuracy").assign(layer="conv", examples="test")
    return {
        "layer_memorization": depths.assign(layer=depths["depth"].map("depth {:.0f}".format)),
        "double_descent": pd.concat([*halves, layers], ignore_index=True),
    }


def _wide(figure: pd.DataFrame, by: list[str]) -> pd.DataFrame:
    wide = figure.pivot_table(index=by, columns="measure", values="value").reset_index()
    return wide.rename(columns={"radius": "radius_median"}).assign(seed=0)


def _read(name: str) -> pd.DataFrame:
    with resources.files("mfta").joinpath("digitised", name).open() as file:
        return pd.read_csv(file)
