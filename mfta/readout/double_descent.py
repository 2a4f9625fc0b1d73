"""What the page of section 3 says in numbers and in words."""

import math

import pandas as pd
from scipy import stats

from mfta.readout import dips

INTERPOLATED = 0.99
"""Final train accuracy from which a network counts as interpolating its training set."""
ENOUGH = 2.0
"""Standard errors a dip must exceed to count as seen."""


def values(table: pd.DataFrame) -> dict[str, float | str]:
    """The section's numbers, each over the seeds that have all widths; ``*_stderr`` over these seeds.

    ``dip``: of final test accuracy between a narrower and a wider network (:func:`turn`); ``dip_best`` the
    same at the best epoch; ``dimension_turn`` and ``radius_turn``: the bump upwards of test dimension and
    radius of the deepest hidden layer at the last epoch, as a share of their mean. ``interpolation_parameters``:
    of the smallest network whose mean final train accuracy is at least ``INTERPOLATED`` (NaN: none).
    """
    accuracy = {stage: scan(table, "accuracy", stage) for stage in ("best", "last")}
    turns = {"dip": turn(accuracy["last"]), "dip_best": turn(accuracy["best"])}
    for measure, column in (("dimension", "dimension"), ("radius", "radius_median")):
        by = scan(table, column, "last")
        turns[f"{measure}_turn"] = turn(-by / by.mean().mean())
    answer: dict[str, float | str] = {}
    for name, (size, error) in turns.items():
        answer |= {name: size, f"{name}_stderr": error}
    place = interpolation(table)
    return answer | {
        "interpolation_parameters": place,
        "interpolation_sentence": _interpolation_sentence(place, interpolation(table, ever=True)),
        "seeds_used": len(accuracy["last"]),
        "smallest": int(table["parameters"].min()),
        "largest": int(table["parameters"].max()),
        "dip_sentence": sentence(*turns["dip"], "test accuracy at the last epoch falls and recovers with width"),
        "dip_best_sentence": sentence(*turns["dip_best"], "it does so at the best epoch as well"),
        "dimension_sentence": sentence(*turns["dimension_turn"], "the dimension rises with width and falls again"),
        "radius_sentence": sentence(*turns["radius_turn"], "the radius rises with width and falls again"),
    }


def outcome(table: pd.DataFrame) -> str:
    """The section's numbers in a few sentences."""
    found = values(table)
    return (
        f"The networks have {found['smallest']:,d} to {found['largest']:,d} parameters."
        f" {found['interpolation_sentence']} {found['dip_sentence']} {found['dimension_sentence']}"
        f" {found['radius_sentence']}"
    )


def scan(
    table: pd.DataFrame, measure: str, stage: str, examples: str = "test", layer: str | None = None
) -> pd.DataFrame:
    """A measure by seed (rows) and parameters (columns); seeds that lack a width are left out.

    measure: ``accuracy``, or a geometry column at ``layer`` (None: the deepest hidden one).
    """
    rows = table[(table["stage"] == stage) & (table["examples"] == examples)]
    where = rows["layer"].isna() if measure == "accuracy" else rows["layer"] == (layer or deepest_hidden(table))
    return rows[where].pivot_table(index="seed", columns="parameters", values=measure).dropna()


def turn(by: pd.DataFrame) -> tuple[float, float]:
    """How deep a dip a curve has between two higher shoulders (:mod:`mfta.readout.dips`), with its standard error.

    by: rows are seeds, columns sizes in ascending order. Negative where the curve only rises or only falls. One seed
    has no standard error; NaN below three sizes.
    """
    depths = dips.by_seed(by, dips.depth).to_numpy(dtype=float)
    if not len(depths):
        return math.nan, math.nan
    return float(depths.mean()), float(stats.sem(depths)) if len(depths) > 1 else math.nan


def interpolation(table: pd.DataFrame, ever: bool = False) -> float:
    """Parameters of the smallest network that interpolates its training set on average; NaN if none does.

    At the last epoch, or (``ever``) at the epoch of each training at which most of it is fitted: at a constant
    learning rate a network that can interpolate does not do so after every epoch.
    """
    reached = scan(table, "accuracy", "last", "train")
    if ever:
        rows = table[table["layer"].isna() & (table["examples"] == "train") & table["seed"].isin(reached.index)]
        reached = rows.groupby(["seed", "parameters"])["accuracy"].max().unstack()
    mean = reached.mean()
    mean = mean[mean >= INTERPOLATED]
    return float(mean.index.min()) if len(mean) else math.nan


def _interpolation_sentence(last: float, ever: float) -> str:
    meaning = f"(train accuracy of at least {INTERPOLATED:.0%})"
    if not math.isnan(last):
        return f"The smallest that interpolates its training set {meaning} has {last:,.0f}."
    once = "" if math.isnan(ever) else f"; the smallest that does so at some epoch has {ever:,.0f}"
    return f"At the last epoch none interpolates its training set {meaning}{once}."


def deepest_hidden(table: pd.DataFrame) -> str:
    """The layer before the head; the only one of a table that has one."""
    return final_layers(table)[-2:][0]


def final_layers(table: pd.DataFrame) -> list[str]:
    """The measured layers in order of depth, the last of them the head."""
    rows = table[table["layer"].notna()]
    return rows.drop_duplicates("layer").sort_values("depth")["layer"].tolist()


def three_widths(table: pd.DataFrame) -> list[int]:
    """The narrowest width, the one at interpolation (else a middle one) and the widest."""
    widths = sorted(table["width"].unique())
    place = interpolation(table)
    middle = widths[len(widths) // 2]
    if not math.isnan(place):
        middle = int(table.loc[table["parameters"] == place, "width"].iloc[0])
    return sorted({int(widths[0]), int(middle), int(widths[-1])})


def sentence(size: float, error: float, what: str) -> str:
    """Whether ``what`` was seen, judged by its standard error over seeds."""
    if math.isnan(error):
        return f"One seed cannot say whether {what}."
    if size > ENOUGH * error:
        return f"Beyond {ENOUGH:.0f} standard errors, {what}."
    if size < -ENOUGH * error:
        return f"It is not so that {what}: the change has the opposite sign beyond {ENOUGH:.0f} standard errors."
    return f"Whether {what} stays undecided: the change is within {ENOUGH:.0f} standard errors of zero."


def by_width(table: pd.DataFrame) -> pd.DataFrame:
    """Test and train accuracy and test geometry of the deepest hidden layer by width, means over seeds."""
    columns = {
        (stage, name): scan(table, measure, stage, examples).mean()
        for stage in ("best", "last")
        for name, measure, examples in (
            ("test accuracy", "accuracy", "test"),
            ("train accuracy", "accuracy", "train"),
            ("radius", "radius_median", "test"),
            ("dimension", "dimension", "test"),
        )
    }
    widths = table.drop_duplicates("parameters").set_index("parameters")["width"]
    frame = pd.DataFrame(columns)
    frame.insert(0, ("", "width"), widths)
    return frame
