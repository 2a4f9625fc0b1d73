"""What the page of section 1 says in numbers."""

import math

import pandas as pd

from mfta import paper
from mfta.readout import with_spread


def geometry(table: pd.DataFrame) -> pd.DataFrame:
    """The rows that hold the geometry of one layer and example set."""
    # The points of drawn manifolds have a layer too, but no depth; older tables have no such points.
    return table[table["layer"].notna() & table["depth"].notna()]


def values(table: pd.DataFrame) -> dict[str, float]:
    """The section's numbers: means over seeds, ``*_spread`` their standard deviation (NaN at one seed).

    ``permuted_capacity_ratio_deep`` and ``_first``: permuted capacity at the last over the best epoch, at
    the deepest and at the first hidden layer. ``crossing``: where the permuted capacity passes the restored
    one at the last epoch, as a share of the depth (:func:`crossing`), with ``crossing_paper`` from Fig. 3 and
    ``crossing_seeds`` the number of seeds that have one.
    """
    ratios = permuted_capacity_ratio(table)
    hidden = sorted(ratios.columns)[1:-1]
    history = table[table["layer"].isna()].set_index(["seed", "examples", "stage"])["accuracy"]
    by_name = {
        "permuted_capacity_ratio_deep": ratios[hidden[-1]],
        "permuted_capacity_ratio_first": ratios[hidden[0]],
        "test_accuracy_best": history.xs(("test", "best"), level=("examples", "stage")),
        "test_accuracy_last": history.xs(("test", "last"), level=("examples", "stage")),
        "permuted_accuracy_best": history.xs(("permuted", "best"), level=("examples", "stage")),
        "permuted_accuracy_last": history.xs(("permuted", "last"), level=("examples", "stage")),
    }
    last = geometry(table)
    last = last[last["stage"] == "last"]
    by_name["crossing"] = pd.Series([crossing(rows) for _, rows in last.groupby("seed")]) / last["depth"].max()
    answer: dict[str, float] = {}
    for name, by_seed in by_name.items():
        answer[name] = float(by_seed.mean())
        answer[f"{name}_spread"] = float(by_seed.std())
    theirs = paper.figure3().query("measure == 'capacity' and stage == 'last'")
    answer["crossing_paper"] = float(crossing(theirs.rename(columns={"value": "capacity"})) / theirs["depth"].max())
    answer["crossing_seeds"] = int(by_name["crossing"].notna().sum())
    return answer


def outcome(table: pd.DataFrame) -> str:
    """The section's numbers in two sentences."""
    found = values(table)

    def text(name: str) -> str:
        return with_spread(found[name], found[f"{name}_spread"])

    return (
        f"From the best to the last epoch the permuted capacity changes by a factor of"
        f" {text('permuted_capacity_ratio_deep')} at the deepest hidden layer, and of"
        f" {text('permuted_capacity_ratio_first')} at the first. Test accuracy goes from"
        f" {found['test_accuracy_best']:.3f} to {found['test_accuracy_last']:.3f}, permuted accuracy from"
        f" {found['permuted_accuracy_best']:.3f} to {found['permuted_accuracy_last']:.3f}, and the permuted curve"
        f" passes the restored one at a share of the depth of {text('crossing')}."
    )


def crossing(rows: pd.DataFrame) -> float:
    """The depth from which on the permuted capacity stays above the restored one, between measured depths.

    rows: one seed at one epoch. Interpolated linearly; NaN where the permuted capacity is not above at the
    end, or is above everywhere.
    """
    by = rows.pivot_table(index="depth", columns="examples", values="capacity")
    above = (by["permuted"] - by["restored"]).dropna()
    below = above.index[above <= 0]
    if not len(below) or below[-1] == above.index[-1]:
        return math.nan
    before, after = below[-1], above.index[above.index > below[-1]][0]
    return float(before + (after - before) * above[before] / (above[before] - above[after]))


def permuted_capacity_ratio(table: pd.DataFrame) -> pd.DataFrame:
    """Permuted capacity at the last over the best epoch: one row a seed, one column a depth."""
    return stage_ratio(table, "permuted", "capacity")


def stage_ratio(table: pd.DataFrame, examples: str, measure: str) -> pd.DataFrame:
    """A measure of one example set at the last over the best epoch: rows are seeds, columns depths."""
    rows = geometry(table)
    rows = rows[rows["examples"] == examples]
    by_stage = {
        stage: rows[rows["stage"] == stage].pivot_table(index="seed", columns="depth", values=measure)
        for stage in ("best", "last")
    }
    return by_stage["last"] / by_stage["best"]


def by_layer(table: pd.DataFrame, measure: str) -> pd.DataFrame:
    """``capacity``, ``radius`` (median over manifolds) or ``dimension``, best and last epoch, seeds averaged."""
    rows = geometry(table).assign(epoch=lambda rows: rows["stage"])
    rows = rows[rows["epoch"].isin(["best", "last"])].astype({"depth": int})
    values = "radius_median" if measure == "radius" else measure
    return rows.pivot_table(index=["depth", "layer"], columns=["epoch", "examples"], values=values, aggfunc="mean")


def hidden_layers(table: pd.DataFrame, number: int) -> list[str]:
    """``number`` hidden layers spread evenly from the first to the deepest."""
    rows = geometry(table)
    names = rows.drop_duplicates("depth").sort_values("depth")["layer"].tolist()[1:-1]
    return [names[round(i * (len(names) - 1) / (number - 1))] for i in range(number)]


def evidence(table: pd.DataFrame) -> pd.DataFrame:
    """What vouches for the geometry of each example set, written out: residuals, draws lost, ranks, large radii."""
    return pd.DataFrame({examples: _vouched(rows) for examples, rows in geometry(table).groupby("examples")})


def _vouched(rows: pd.DataFrame) -> dict[str, str]:
    ranks = rows["removed_rank"].astype(int)
    return {
        "measurements": f"{len(rows)}",
        "largest optimality residual": f"{rows['residual'].max():.1e}",
        "draws that did not converge": f"{rows['unconverged'].sum():.0f}",
        "directions removed from the centres": f"{ranks.min()} to {ranks.max()}",
        "manifolds beyond three median radii": f"{rows['large_radii'].sum():.0f}",
    }
