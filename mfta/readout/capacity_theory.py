"""What the theory page says in numbers."""

import numpy as np
import pandas as pd


def values(table: pd.DataFrame) -> dict[str, float]:
    """Numbers of the theory section over all seeds.

    exact_within_two: share of exact cases within two standard errors over draws; exact_worst: the largest
    distance in standard errors; exact_cases: how many. cloud_difference: largest |theory/simulation − 1|
    over clouds; cloud_error: the simulation's own relative error there. centers_as_they_are and
    centers_removed: theory/simulation at the strongest shared centres. digits_initial, digits_best: mean
    theory/simulation over layers. floor_ratio, true_ratio: capacity over 2/M at the most points.
    unconverged, residual: draws that missed the solver's target, and the largest residual of any.
    """
    known = table[table["case"] == "exact"]
    distance = ((known["capacity"] - known["exact"]) / known["capacity_stderr"]).abs()
    clouds = _seed_means(table[table["case"] == "simulated"], ["spread"])
    centers = table[table["case"] == "centers"]
    strongest = centers[centers["strength"] == centers["strength"].max()]
    classes = table[table["case"] == "activations"].groupby("stage")[["capacity", "simulated"]].mean()
    labelled = table[table["case"] == "shuffled"]
    most = labelled[labelled["points"] == labelled["points"].max()]
    over_floor = (most["capacity"] / most["exact"]).groupby(most["name"]).mean()
    by_removal = strongest.groupby(strongest["removed"].astype(bool))[["capacity", "simulated"]].mean()
    return {
        "exact_within_two": float((distance < 2).mean()),
        "exact_worst": float(distance.max()),
        "exact_cases": float(len(known)),
        "cloud_difference": float((clouds["capacity"] / clouds["simulated"] - 1).abs().max()),
        "cloud_error": float((clouds["simulated_stderr"] / clouds["simulated"]).max()),
        "centers_as_they_are": float(by_removal["capacity"][False] / by_removal["simulated"][False]),
        "centers_removed": float(by_removal["capacity"][True] / by_removal["simulated"][True]),
        "digits_initial": float(classes["capacity"]["initial"] / classes["simulated"]["initial"]),
        "digits_best": float(classes["capacity"]["best"] / classes["simulated"]["best"]),
        "floor_ratio": float(over_floor["shuffled labels"]),
        "true_ratio": float(over_floor["true labels"]),
        "unconverged": float(table["unconverged"].sum()),
        "residual": float(table["residual"].max()),
        "most_points": float(most["points"].iloc[0]),
    }


def _seed_means(rows: pd.DataFrame, by: list[str]) -> pd.DataFrame:
    """Means over seeds, and the standard error of the simulated mean."""
    grouped = rows.groupby(by)
    means = grouped[["capacity", "simulated"]].mean()
    error = grouped["simulated_stderr"].agg(lambda e: np.sqrt(np.square(e).sum()) / len(e))
    return means.assign(simulated_stderr=error)
