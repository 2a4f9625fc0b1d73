"""The paper's own figures, digitised from the published pictures, and numbers its authors print (in ``digitised/``).

Points were extracted by colour, to within ``READING``. Where one curve hides another the hidden point is absent.
"""

import math
from pathlib import Path

import numpy as np
import pandas as pd

READING = {"capacity": 0.001, "radius": 0.02, "dimension": 0.4}
"""Error of reading one point."""
WITHIN = 0.10
"""Relative difference up to which a point counts as met."""
BEYOND = 1.1
"""Factor by which a size may lie outside the paper's: its narrowest network is drawn at a rounded place."""
MEASURES = ["capacity", "radius", "dimension"]
SERIES = ["measure", "stage", "examples"]


def figure3() -> pd.DataFrame:
    """Fig. 3: columns measure, stage (best, last), examples, depth (0 … 19), value."""
    return _read("figure3.csv")


def figure4() -> pd.DataFrame:
    """Fig. 4C–E: columns measure (accuracy, radius, dimension), stage (best, last), parameters, value."""
    return _read("figure4.csv")


def authors_vgg16() -> pd.DataFrame:
    """What the authors' public notebook prints of a VGG-16 trained on true labels: seven layers with their depth.

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
    return _met(both.assign(half=half))


def beside_figure4(table: pd.DataFrame) -> pd.DataFrame:
    """One row a size, measure, stage and layer: ours (mean over seeds), ``spread`` (deviation), theirs, difference.

    table: double descent. Geometry is that of the test examples at every measured layer, since which one is the
    paper's is not known; accuracy has the layer ``""``. theirs: the paper's curve, linear in the log of parameters
    between its digitised points; sizes it does not reach are left out.
    """
    rows = table[(table["examples"] == "test") & table["stage"].isin(["best", "last"])]
    measures = ["accuracy", *MEASURES[1:]]
    rows = rows.assign(layer=rows["layer"].fillna(""))
    long = rows.melt(["seed", "stage", "layer", "parameters"], measures, "measure").dropna(subset="value")
    by = long.groupby(["measure", "stage", "layer", "parameters"], sort=False)["value"]
    ours = by.agg(ours="mean", spread="std").reset_index()
    found = []
    for (measure, stage), curve in figure4().sort_values("parameters").groupby(["measure", "stage"]):
        at = ours[(ours["measure"] == measure) & (ours["stage"] == stage)]
        low, high = curve["parameters"].min() / BEYOND, curve["parameters"].max() * BEYOND
        at = at[at["parameters"].between(low, high)]
        theirs = np.interp(np.log(at["parameters"]), np.log(curve["parameters"]), curve["value"])
        found.append(at.assign(theirs=theirs))
    return _met(pd.concat(found, ignore_index=True))


def changes(compared: pd.DataFrame, by: list[str]) -> pd.DataFrame:
    """How often our change from the best to the last epoch has the sign of the paper's, by columns of ``compared``.

    compared: of :func:`beside_figure3` or :func:`beside_figure4`. Changes of the paper up to twice the error of
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


def agreement(table: pd.DataFrame) -> dict[str, float]:
    """How well a table of layer memorization meets Fig. 3, in shares: of all points, by half and epoch, of signs.

    Keys: points (their number), met, ``first half, best`` and so on, rank agreement (median), same sign. Empty where
    the network has other layers.
    """
    compared = beside_figure3(table)
    if not len(compared):
        return {}
    parts = compared.groupby(["half", "stage"])["met"].mean()
    signs = changes(compared, ["measure"])
    count = signs["points"].sum()
    return {
        "points": len(compared),
        "met": float(compared["met"].mean()),
        **{f"{part['half']} half, {part['stage']}": part["met"] for part in parts.reset_index().to_dict("records")},
        "rank agreement": float(ranks(compared).median()),
        "same sign": float((signs["points"] * signs["same_sign"]).sum() / count) if count else math.nan,
    }


def untrained(table: pd.DataFrame) -> pd.DataFrame:
    """The rows of the untrained network in place of both stages: what meets the figure without any training."""
    rows = table[table["depth"].notna() & (table["stage"] == "initial")]
    return pd.concat([rows.assign(stage=stage) for stage in ("best", "last")], ignore_index=True)


def _met(both: pd.DataFrame) -> pd.DataFrame:
    difference = both["ours"] / both["theirs"] - 1
    return both.assign(difference=difference, met=difference.abs() <= WITHIN)


def _wide(figure: pd.DataFrame, by: list[str]) -> pd.DataFrame:
    wide = figure.pivot_table(index=by, columns="measure", values="value").reset_index()
    return wide.rename(columns={"radius": "radius_median"}).assign(seed=0)


def _read(name: str) -> pd.DataFrame:
    return pd.read_csv(Path(__file__).with_name("digitised") / name)
