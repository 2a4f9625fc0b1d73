"""What the theory page says in numbers."""

import numpy as np
import pandas as pd

GIVEN = ["case", "name", "given_radius", "given_dimension", "spread", "manifolds", "features", "strength"]
GIVEN += ["removed", "stage", "layer", "depth"]
AGREEMENT = 0.05
"""Relative difference up to which theory and simulation are said to agree."""


def compared(table: pd.DataFrame) -> pd.DataFrame:
    """Theory beside simulation, one row a case: means over seeds, and errors of these means.

    Columns: what was given; capacity, simulated and exact (NaN where there is none); capacity_stderr (over
    draws) and simulated_stderr; ratio, theory over simulation, and ratio_stderr.
    """
    errors = ["capacity_stderr", "simulated_stderr"]
    rows = table[table["simulated"].notna()].copy()
    rows[errors] = np.square(rows[errors])
    grouped = rows.groupby(GIVEN, dropna=False, sort=False)
    means = grouped[["capacity", "simulated", "exact"]].mean()
    means[errors] = np.sqrt(grouped[errors].sum().div(grouped.size(), axis=0).div(grouped.size(), axis=0))
    means["ratio"] = means["capacity"] / means["simulated"]
    relative = [means[f"{name}_stderr"] / means[name] for name in ("capacity", "simulated")]
    means["ratio_stderr"] = means["ratio"] * np.hypot(relative[0], relative[1])
    return means.reset_index()


def values(table: pd.DataFrame) -> dict[str, float | str]:
    """Numbers of the theory section over all seeds.

    exact_within_two: share of exact cases within two standard errors over draws; exact_worst: the largest
    distance in standard errors; exact_cases: how many. agreeing: how many of the ``compared`` balls and
    clouds agree within 5 %; farthest: which agree least, farthest_excess ± farthest_error; mean_excess ±
    mean_excess_error: how far theory lies above simulation there, on average; least_capacity,
    fewest_manifolds: the smallest of them. few_ratio, many_ratio and few_features_ratio, many_features_ratio:
    theory/simulation at both ends of ``sizes``, each with `_error`; few, many, few_features, many_features:
    these ends; few_loss: P/(P − 1) at the fewest. sampled_excess, sampled_dimension, sampled_radius: the
    sampled ball furthest above the whole ball in simulated capacity. centers_as_they_are, centers_removed:
    theory/simulation at the strongest shared centres. classes: manifolds of the activations;
    STAGE_as_they_are, STAGE_removed: mean theory/simulation over layers; STAGE_deepest: simulated capacity at
    the deepest layer measured. floor_ratio, true_ratio: capacity over 2/M at the most points. unconverged,
    residual: draws that missed the solver's target, and the largest residual of any.
    """
    known = table[table["case"] == "exact"]
    distance = ((known["capacity"] - known["exact"]) / known["capacity_stderr"]).abs()
    pairs = compared(table)
    labelled = table[table["case"] == "shuffled"]
    most = labelled[labelled["points"] == labelled["points"].max()]
    over_floor = (most["capacity"] / most["exact"]).groupby(most["name"]).mean()
    return {
        "exact_within_two": float((distance < 2).mean()),
        "exact_worst": float(distance.max()),
        "exact_cases": float(len(known)),
        **_agreement(pairs[pairs["case"] == "simulated"]),
        **_sizes(pairs[pairs["case"] == "sizes"]),
        **_centers(pairs[pairs["case"] == "centers"]),
        **_activations(pairs[pairs["case"] == "activations"]),
        "floor_ratio": float(over_floor["shuffled labels"]),
        "true_ratio": float(over_floor["true labels"]),
        "unconverged": float(table["unconverged"].sum()),
        "residual": float(table["residual"].max()),
        "most_points": float(most["points"].iloc[0]),
    }


def _agreement(pairs: pd.DataFrame) -> dict[str, float | str]:
    weight, away = 1 / np.square(pairs["ratio_stderr"]), (pairs["ratio"] - 1).abs()
    worst = _largest(pairs, away)
    ball = f"balls of dimension {worst['given_dimension']:.0f} and radius {worst['given_radius']:g}"
    balls = pairs[pairs["name"] == "ball"]
    sampled = _largest(balls, balls["simulated"] / balls["exact"])
    return {
        "compared": float(len(pairs)),
        "agreeing": "All" if (away <= AGREEMENT).all() else f"{(away <= AGREEMENT).sum()} of",
        "farthest": ball if worst["name"] == "ball" else f"clouds of spread {worst['spread']:g}",
        "farthest_excess": float(worst["ratio"] - 1),
        "farthest_error": float(worst["ratio_stderr"]),
        "mean_excess": float((weight * pairs["ratio"]).sum() / weight.sum() - 1),
        "mean_excess_error": float(1 / np.sqrt(weight.sum())),
        "least_capacity": float(pairs["simulated"].min()),
        "fewest_manifolds": float(pairs["manifolds"].min()),
        "sampled_excess": float(sampled["simulated"] / sampled["exact"]),
        "sampled_dimension": float(sampled["given_dimension"]),
        "sampled_radius": float(sampled["given_radius"]),
    }


def _sizes(pairs: pd.DataFrame) -> dict[str, float]:
    found: dict[str, float] = {}
    for column, ends in (("manifolds", ("few", "many")), ("features", ("few_features", "many_features"))):
        # The other size stays at what most rows have.
        other = "features" if column == "manifolds" else "manifolds"
        series = pairs[pairs[other] == pairs[other].mode()[0]].sort_values(column)
        for name, row in zip(ends, (series.iloc[0], series.iloc[-1]), strict=True):
            found |= {name: float(row[column]), f"{name}_ratio": float(row["ratio"])}
            found[f"{name}_ratio_error"] = float(row["ratio_stderr"])
    return found | {"few_loss": found["few"] / (found["few"] - 1)}


def _centers(pairs: pd.DataFrame) -> dict[str, float]:
    strongest = pairs[pairs["strength"] == pairs["strength"].max()]
    removed = strongest["removed"].astype(bool)
    return {
        "centers_as_they_are": float(strongest["ratio"][~removed].iloc[0]),
        "centers_removed": float(strongest["ratio"][removed].iloc[0]),
    }


def _activations(pairs: pd.DataFrame) -> dict[str, float]:
    found: dict[str, float] = {"classes": float(pairs["manifolds"].iloc[0])}
    for stage, rows in pairs.groupby("stage"):
        removed = rows["removed"].astype(bool)
        found[f"{stage}_as_they_are"] = float(rows["ratio"][~removed].mean())
        found[f"{stage}_removed"] = float(rows["ratio"][removed].mean())
        found[f"{stage}_deepest"] = float(_largest(rows, rows["depth"])["simulated"])
    return found


def _largest(rows: pd.DataFrame, by: pd.Series) -> pd.Series:
    return rows.iloc[int(by.to_numpy().argmax())]
