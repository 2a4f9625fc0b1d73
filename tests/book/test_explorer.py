"""What the explorer is given: means over seeds at the stops of its sliders."""

import json
import math
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from made_up import rewinding
from test_stored import keep

from mfta import paper

sys.path.insert(0, str(Path(__file__).parents[2] / "book" / "_ext"))
import explorer

BEST = {0: 2, 1: 3}
"""Each seed's own best epoch; epochs 0, 3 and 9 are measured in both."""


def memorization():
    rows = []
    for seed, best in BEST.items():
        for epoch in sorted({0, best, 3, 9}):
            stage = "best" if epoch == best else {0: "initial", 9: "last"}.get(epoch, "")
            for depth, layer in enumerate(("input", "conv", "head")):
                row = {"seed": seed, "epoch": epoch, "stage": stage, "layer": layer, "depth": depth}
                values = {"capacity": 0.01 * epoch + depth + 0.1 * seed, "radius_median": 1.0, "dimension": math.nan}
                rows += [{**row, "examples": name, **values} for name in ("permuted", "test")]
        rows += [{"seed": seed, "epoch": e, "stage": "", "examples": "test", "accuracy": e / 9} for e in range(10)]
        cloud = {"seed": seed, "epoch": 9, "stage": "last", "layer": "conv", "examples": "test", "explained": 0.5}
        rows += [{**cloud, "manifold": m, "x": 1.234, "y": seed} for m in (0.0, 1.0) for _ in range(4)]
    return pd.DataFrame(rows)


def test_stops_are_common_epochs_and_each_seeds_own_best():
    found = explorer.layer_memorization(memorization())
    assert [(stop["key"], stop["epochs"], stop["stage"]) for stop in found["stops"]] == [
        ("0", [0], None), ("best", [2, 3], None), ("3", [3], None), ("9", [9], "last"),
    ]  # fmt: skip
    assert found["layers"] == ["input", "conv", "head"]


def test_geometry_is_the_mean_and_deviation_over_seeds():
    grid = explorer.layer_memorization(memorization())["geometry"]
    at = {"mean": 2 + 0.01 * 2.5 + 0.05, "std": np.std([2.02, 2.13], ddof=1)}
    for name, value in at.items():
        assert grid["capacity"]["permuted"][name][1][2] == pytest.approx(value, rel=1e-3)
    assert grid["dimension"]["test"]["mean"][0] == [None, None, None]


def test_clouds_are_those_of_one_seed():
    clouds = explorer.layer_memorization(memorization())["clouds"]
    assert clouds["layer"] == "conv"
    assert clouds["last"]["test"] == {"points": [[[1.23, 0.0]] * 4] * 2, "explained": 0.5}


def test_a_rewound_network_is_found_by_what_was_rewound():
    table = rewinding(final=2, first=5, gap=0.3, layers=6).assign(rewound_to=7)
    table.loc[table["rewound"] == "none", "rewound_to"] = 9
    found = explorer.rewinding(table)
    assert [stop["key"] for stop in found["stops"]] == ["best"]

    def test_accuracy(name):
        return found["accuracy"]["carried"]["test"]["mean"][0][found["names"].index(name)]

    assert test_accuracy("none") == test_accuracy("last 1") == test_accuracy("first 4") == pytest.approx(0.6)
    assert test_accuracy("all") == test_accuracy("last 2") == test_accuracy("first 5") == pytest.approx(0.9)


def test_the_page_gets_valid_json_of_what_is_stored():
    assert json.loads(explorer.text())["networks"] == []
    keep("layer_memorization", memorization())
    content = json.loads(explorer.text())
    [network] = content["networks"]
    assert (network["preset"], network["dataset"], network["batch_norm"]) == ("quick", "digits", False)
    assert "rewinding" not in network
    points = sum(len(c) for of in content["paper"].values() for at in of.values() for c in at.values())
    assert points == len(paper.figure3())
