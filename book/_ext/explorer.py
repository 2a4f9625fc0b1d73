"""What the book's explorer plays with: stored tables of every preset as one small JSON.

Numbers are means and standard deviations over seeds, to four digits; what is undefined is null. A *stop* is a place
of the epoch slider: an epoch at which every seed was measured, or each seed's own early or best one.
"""

import json
import math
from collections.abc import Iterator
from typing import Any

import pandas as pd

from mfta import configs, paper, stored
from mfta.sections import config

MEASURES = {"capacity": "capacity", "radius": "radius_median", "dimension": "dimension"}


def text() -> str:
    """JSON of ``networks`` and ``paper``, its Fig. 3 as [depth, value] by series.

    The networks of which all is stored come first, and of these the nearest to the paper.
    """
    figure: dict[str, Any] = {}
    for key, curve in paper.figure3().groupby(["measure", "stage", "examples"]):
        measure, stage, examples = map(str, key)
        points = curve.sort_values("depth")[["depth", "value"]].to_numpy().tolist()
        figure.setdefault(measure, {}).setdefault(stage, {})[examples] = points
    content = {"networks": sorted(_networks(), key=lambda of: not PARTS.keys() <= of.keys()), "paper": figure}
    return json.dumps(content, separators=(",", ":"), allow_nan=False)


def _networks() -> Iterator[dict[str, Any]]:
    """By preset, its own network and the same with or without batch norm, where anything of it is stored."""
    for preset in reversed(configs.PRESETS):
        own = config("layer_memorization", preset)
        arms = {part: stored.arms(part, [preset]) for part in PARTS}
        for batch_norm in (own.batch_norm, not own.batch_norm):
            name = stored.arm(preset, batch_norm)
            parts = {part: PARTS[part](of[name]) for part, of in arms.items() if name in of}
            what = {"preset": preset, "network": own.network, "dataset": own.dataset, "batch_norm": batch_norm}
            if parts:
                yield {**what, **parts}


def layer_memorization(table: pd.DataFrame) -> dict[str, Any]:
    """Geometry by measure, example set and number at [stop][depth]; accuracy over epochs; the clouds of one seed."""
    rows = table[table["layer"].notna() & table["manifold"].isna()]
    layers = rows.sort_values("depth")["layer"].drop_duplicates().tolist()
    rows, stops = _at_stops(rows, "epoch", ["layer", "examples"])
    keys = [stop["key"] for stop in stops]
    geometry = {name: _grid(rows, keys, "layer", layers, column) for name, column in MEASURES.items()}
    curves = table[table["layer"].isna() & table["examples"].notna()].drop_duplicates(["seed", "epoch", "examples"])
    epochs = [int(epoch) for epoch in sorted(curves["epoch"].unique())]
    accuracy = {"epochs": epochs, **_grid(curves.assign(stop="all"), ["all"], "epoch", epochs, "accuracy")}
    drawn = table[table["manifold"].notna() & (table["seed"] == table["seed"].min())]
    clouds: dict[str, Any] = {"layer": next(iter(drawn["layer"]), None)}
    for (stage, examples), cloud in drawn.groupby(["stage", "examples"]):
        points = [of[["x", "y"]].round(2).to_numpy().tolist() for _, of in cloud.groupby("manifold")]
        clouds.setdefault(stage, {})[examples] = {"points": points, "explained": round(cloud["explained"].iloc[0], 3)}
    found = {"layers": layers, "stops": stops, "geometry": geometry, "accuracy": accuracy, "clouds": clouds}
    return {"seeds": _seeds(table), **found}


def rewinding(table: pd.DataFrame) -> dict[str, Any]:
    """Accuracy by treatment of batch norm, example set and number at [stop][what was rewound]."""
    rows = table[table["layer"].isna()]
    layers = rows.loc[rows["rewound_from"] == "single", "rewound"].unique().tolist()
    names = rows["rewound"].unique().tolist()
    at, stops = _at_stops(rows[rows["rewound"] != "none"], "rewound_to", ["batch_norm", "rewound", "examples"])
    trained = rows[rows["rewound"] == "none"]
    at = pd.concat([at, *(trained.assign(stop=stop["key"]) for stop in stops)])
    keys = [stop["key"] for stop in stops]
    accuracy = {kind: _grid(of, keys, "rewound", names, "accuracy") for kind, of in at.groupby("batch_norm")}
    return {"seeds": _seeds(table), "layers": layers, "names": names, "stops": stops, "accuracy": accuracy}


PARTS = {"layer_memorization": layer_memorization, "rewinding": rewinding}


def _at_stops(rows: pd.DataFrame, column: str, row: list[str]) -> tuple[pd.DataFrame, list[dict[str, Any]]]:
    """The rows of each stop, with its key as ``stop``; and the stops in order, with the epochs of the seeds there.

    row: the columns that tell the rows of one seed and stop apart.
    """
    parts = [rows.assign(stop=rows[column].map("{:.0f}".format))]
    parts += [rows[rows["stage"] == stage].assign(stop=stage) for stage in ("early", "best")]
    at = pd.concat(parts).drop_duplicates(["seed", "stop", *row])
    at = at[at.groupby("stop")["seed"].transform("nunique") == rows["seed"].nunique()]
    stops = {}
    for key, of in at.groupby("stop"):  # digits come before letters: where both are one epoch, the stage names it
        epochs = of.groupby("seed")[column].first().astype(int)
        last = "last" if (of["stage"] == "last").all() else None
        stops[tuple(epochs)] = {"key": key, "epochs": sorted(set(epochs)), "stage": last, "at": epochs.mean()}
    return at, sorted(stops.values(), key=lambda stop: stop["at"])


def _grid(rows: pd.DataFrame, stops: list, across: str, order: list, value: str) -> dict[str, Any]:
    """By example set, mean and standard deviation over seeds as lists over ``order`` in a list over ``stops``."""
    found: dict[str, Any] = {}
    for examples, of in rows.groupby("examples"):
        values = of.groupby(["stop", across])[value]
        for name, wide in (("mean", values.mean().unstack()), ("std", values.std().unstack())):
            lines = wide.reindex(index=stops, columns=order).to_numpy().tolist()
            found.setdefault(str(examples), {})[name] = [[_short(v) for v in line] for line in lines]
    return found


def _short(value: float) -> float | None:
    return None if math.isnan(value) else float(f"{value:.4g}")


def _seeds(table: pd.DataFrame) -> list[int]:
    return [int(seed) for seed in sorted(table["seed"].unique())]
