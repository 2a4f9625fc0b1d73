"""Our values against the paper's, point by point, where both have one."""

import math

import numpy as np
import pandas as pd

from mfta import paper
from mfta.readout.layer_memorization import geometry

WITHIN = 0.10
"""Relative difference up to which a point counts as met."""
MEASURES = ["capacity", "radius", "dimension"]
SERIES = ["measure", "stage", "examples"]
HEADS = {
    "stage": "epoch",
    "within": f"share within {WITHIN:.0%}",
    "median_difference": "median difference",
    "rank_agreement": "rank agreement",
    "same_sign": "share of equal signs",
    "lowest": "lowest ratio",
    "highest": "highest ratio",
}
"""What the page writes above a column; others go by their name."""


def comparable(table: pd.DataFrame) -> bool:
    """Whether a table of layer memorization has the paper's twenty layers (those of VGG-16)."""
    return int(geometry(table)["depth"].max()) == int(paper.figure3()["depth"].max())


def with_figure3(table: pd.DataFrame) -> pd.DataFrame:
    """One row a digitised point of Fig. 3: ours (mean over seeds), ``spread`` (their deviation), theirs, difference.

    table: layer memorization of a network with the paper's layers. difference: ours/theirs − 1.
    Raises ValueError for a network of other depths.
    """
    if not comparable(table):
        raise ValueError("the depths of this network are not those of the paper's figure")
    rows = geometry(table)
    rows = rows[rows["stage"].isin(["best", "last"])].melt(
        ["seed", "stage", "examples", "depth", "layer"], MEASURES, "measure", "value"
    )
    ours = rows.groupby([*SERIES, "depth", "layer"])["value"].agg(ours="mean", spread="std").reset_index()
    theirs = paper.figure3().rename(columns={"value": "theirs"})
    both = theirs.merge(ours, on=[*SERIES, "depth"], how="left", validate="one_to_one")
    return both.assign(difference=both["ours"] / both["theirs"] - 1)


def by_series(compared: pd.DataFrame) -> pd.DataFrame:
    """By measure, stage and example set: points, share within ``WITHIN``, median difference, rank agreement.

    rank agreement: Spearman's correlation between the two curves over depth; NaN below four points or where a
    curve is constant.
    """
    rows = []
    for key, points in compared.groupby(SERIES, sort=False):
        met = float((points["difference"].abs() <= WITHIN).mean())
        rows.append((*key, len(points), met, points["difference"].median(), _rank_agreement(points)))
    columns = [*SERIES, "points", "within", "median_difference", "rank_agreement"]
    return pd.DataFrame(rows, columns=columns).set_index(SERIES)


def changes(compared: pd.DataFrame) -> pd.DataFrame:
    """By measure and example set: how often the change from best to last epoch has the paper's sign.

    Only points whose change in the paper is larger than twice the error of reading one.
    """
    errors = {measure: 2 * error for measure, error in paper.READING.items()}
    wide = compared.pivot_table(index=["measure", "examples", "depth"], columns="stage", values=["ours", "theirs"])
    change = wide.xs("last", axis=1, level="stage") - wide.xs("best", axis=1, level="stage")
    change = change.dropna().reset_index()
    change = change[change["theirs"].abs() > change["measure"].map(errors)]
    same = np.sign(change["ours"]) == np.sign(change["theirs"])
    counted = change.assign(same=same).groupby(["measure", "examples"])
    return counted.agg(points=("same", "size"), same_sign=("same", "mean"))


def for_readers(table: pd.DataFrame) -> pd.DataFrame:
    """A table of :func:`by_series` or :func:`changes` with words as heads, rounded."""
    return table.round(2).rename(columns=HEADS).rename_axis(index=lambda name: HEADS.get(name, name))


def halves(compared: pd.DataFrame) -> dict[tuple[str, str], float]:
    """Share of points within ``WITHIN`` by half of the depth (``first``, ``second``) and stage."""
    half = (compared["depth"] > compared["depth"].max() / 2).map({False: "first", True: "second"})
    met = compared["difference"].abs() <= WITHIN
    shares = met.groupby([half, compared["stage"]]).mean()
    return {(str(place[0]), str(place[1])): float(share) for place, share in zip(shares.index, shares, strict=True)}


def values(compared: pd.DataFrame) -> dict[str, float | int]:
    """The numbers of the page: points, share within ``WITHIN``, median rank agreement, share of equal signs."""
    series, signs = by_series(compared), changes(compared)
    total = int(signs["points"].sum())
    return {
        "points": len(compared),
        "within_share": float((compared["difference"].abs() <= WITHIN).mean()),
        "rank_agreement": float(series["rank_agreement"].median()),
        "signs": total,
        "same_sign": float((signs["points"] * signs["same_sign"]).sum() / total) if total else math.nan,
    }


def texts(compared: pd.DataFrame | None, source: dict[str, str]) -> dict[str, str]:
    """Two sentences: what is compared, and how it came out.

    source: preset, dataset, network, seeds, as :func:`mfta.readout.larger.story` gives them.
    """
    if compared is None:
        return {"origin_sentence": "No table of a network with the paper's layers is stored.", "outcome_sentence": ""}
    found = values(compared)
    share = {place: f"{met:.0%}" for place, met in halves(compared).items()}
    return {
        "origin_sentence": (
            f"Compared is the preset {source['preset']}: {source['network']} on {source['dataset']}, seeds"
            f" {source['seeds']}, at {found['points']} digitised points."
        ),
        "outcome_sentence": (
            f"Of these, {found['within_share']:.0%} lie within {WITHIN:.0%} of the paper's value: in the first half"
            f" of the layers {share['first', 'best']} at the best and {share['first', 'last']} at the last epoch,"
            f" in the second {share['second', 'best']} and {share['second', 'last']}. The median rank agreement over"
            f" depth is {found['rank_agreement']:.2f}; from the best to the last epoch {found['same_sign']:.0%}"
            f" of {found['signs']} changes have the paper's sign."
        ),
    }


def _rank_agreement(rows: pd.DataFrame) -> float:
    if len(rows) < 4:
        return math.nan
    return float(rows["ours"].corr(rows["theirs"], method="spearman"))
