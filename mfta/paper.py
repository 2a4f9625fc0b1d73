"""The paper's own figures, digitised from the published pictures, and numbers its authors print (in ``digitised/``).

Points were extracted by colour, to within ``READING``. Where one curve hides another the hidden point is absent.
"""

from pathlib import Path

import numpy as np
import pandas as pd

READING = {"capacity": 0.001, "radius": 0.02, "dimension": 0.4}
"""Error of reading one point."""
WITHIN = 0.10
"""Relative difference up to which a point counts as met."""
MEASURES = ["capacity", "radius", "dimension"]
SERIES = ["measure", "stage", "examples"]


def figure3() -> pd.DataFrame:
    """Fig. 3: columns measure, stage (best, last), examples, depth (0 … 19), value."""
    return _read("figure3.csv")


def figure4() -> pd.DataFrame:
    """Fig. 4C–E: columns measure (accuracy, radius, dimension), stage (best, last), parameters, value."""
    return _read("figure4.csv")


def authors_vgg16() -> pd.DataFrame:
    """What the authors' public notebook prints of a VGG-16 trained on true labels: 17 layers with their depth.

    The input, 13 convolutions, two hidden linear layers and the output, as their code records them: before any ReLU.
    Columns depth, layer, capacity, radius, dimension, center_correlation. Of 100 classes of CIFAR-100, 50 training
    images each, cropped, flipped and turned at random.
    """
    return _read("authors_vgg16.csv")


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


def comparable(table: pd.DataFrame) -> bool:
    """Whether a table of layer memorization has the layers of VGG-16: 20, or 22 with its two hidden linear layers.

    Depth 19 of the figure is the first of the paper's three linear layers. Here it is the same one, or the head of a
    network without hidden linear layers.
    """
    return table["depth"].max() in (19, 21)


def beside_figure3(table: pd.DataFrame) -> pd.DataFrame:
    """One row a digitised point of Fig. 3: ours (mean over seeds), ``spread`` (their deviation), theirs, difference.

    table: layer memorization of a network with the paper's layers (:func:`comparable`), else no row is returned.
    difference: ours/theirs − 1. ``half``: of the depth, first or second. ``met``: within ``WITHIN``.
    """
    rows = table[table["depth"].notna() & table["stage"].isin(["best", "last"])]
    if not comparable(table):
        rows = rows[:0]
    long = rows.melt(["seed", "stage", "examples", "depth", "layer"], MEASURES, "measure", "value")
    ours = long.groupby([*SERIES, "depth", "layer"])["value"].agg(ours="mean", spread="std").reset_index()
    both = figure3().rename(columns={"value": "theirs"}).merge(ours, on=[*SERIES, "depth"], validate="one_to_one")
    half = np.where(both["depth"] > 19 / 2, "second", "first")
    return met(both.assign(half=half))


def changes(compared: pd.DataFrame, by: list[str]) -> pd.DataFrame:
    """How often our change from the best to the last epoch has the sign of the paper's, by columns of ``compared``.

    compared: a row a point and stage, as of :func:`beside_figure3`. Changes of the paper up to twice the error of
    reading a point do not count (that of an accuracy is not known, and all do). Columns: points, same_sign (share).
    """
    at = [name for name in ("measure", "examples", "layer", "depth", "parameters") if name in compared]
    wide = compared.pivot_table(index=at, columns="stage", values=["ours", "theirs"], sort=False)
    if not len(wide):
        return pd.DataFrame(columns=["points", "same_sign"])
    change = wide.xs("last", axis=1, level="stage") - wide.xs("best", axis=1, level="stage")
    change = change.dropna().reset_index()
    change = change[change["theirs"].abs() > 2 * change["measure"].map(READING).fillna(0)]
    same = change.assign(same=np.sign(change["ours"]) == np.sign(change["theirs"])).groupby(by, sort=False)
    return same.agg(points=("same", "size"), same_sign=("same", "mean"))


def ranks(compared: pd.DataFrame) -> pd.Series:
    """Spearman's correlation of our curve and the paper's over depth, by ``SERIES``; NaN below four points."""
    by = compared.groupby(SERIES, sort=False)
    values = [rows["ours"].corr(rows["theirs"], method="spearman", min_periods=4) for _, rows in by]
    return pd.Series(values, by.size().index, dtype=float)


def met(both: pd.DataFrame) -> pd.DataFrame:
    """With the relative difference of the columns ours and theirs, and whether it is within ``WITHIN``."""
    difference = both["ours"] / both["theirs"] - 1
    return both.assign(difference=difference, met=difference.abs() <= WITHIN)


def _wide(figure: pd.DataFrame, by: list[str]) -> pd.DataFrame:
    wide = figure.pivot_table(index=by, columns="measure", values="value").reset_index()
    return wide.rename(columns={"radius": "radius_median"}).assign(seed=0)


def _read(name: str) -> pd.DataFrame:
    return pd.read_csv(Path(__file__).with_name("digitised") / name)
