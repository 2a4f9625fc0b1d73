"""What pages take from the store: the preset's tables over all seeds, sound ones only, none computed."""

import math

import pandas as pd
import pytest
from made_up import gradients, memorization, rewinding

from mfta import configs, sections, store, stored, verdicts
from mfta.jobs import Job
from mfta.readout import build
from mfta.readout import verdicts as readout


def keep(section, table, preset="quick", **overrides):
    """Store the rows of each seed as a table of its own."""
    for seed, rows in table.groupby("seed"):
        job = Job(section, preset, sections.config(section, preset, seed=seed, **overrides))
        certificate = {
            "kind": "table",
            "fingerprint": job.config.fingerprint,
            "config": job.config.model_dump(mode="json"),
        }
        others = {"code": "old", "device": "cpu", "threads": 1, "wall_seconds": 1.5}
        store.write_table(job.directory, rows, certificate | others)
    return job


def test_seeds_beyond_the_presets_own_are_gathered():
    keep("gradients", gradients(seeds=5))
    tables = stored.tables("quick")
    assert list(tables) == ["gradients"]
    assert sorted(tables["gradients"]["seed"].unique()) == [0, 1, 2, 3, 4]
    assert stored.tables("small") == {}


def test_tables_of_other_parameters_and_edited_ones_are_left_out():
    keep("gradients", gradients(seeds=2))
    keep("gradients", gradients(seeds=3), epochs=7)
    last = keep("rewinding", rewinding(seeds=1))
    path = last.directory / "table.csv"
    path.write_text(path.read_text().replace("0.6", "0.7"))
    tables = stored.tables("quick")
    assert sorted(tables) == ["gradients"]
    assert tables["gradients"]["seed"].nunique() == 2


def test_a_certificate_older_than_a_parameter_still_counts():
    job = keep("gradients", gradients(seeds=1))
    certificate = store.read_certificate(job.directory)
    del certificate["config"]["weight_decay"]
    store.write_json(job.directory / "certificate.json", certificate)
    assert list(stored.tables("quick")) == ["gradients"]


def test_the_page_says_what_the_rules_say():
    keep("gradients", gradients())
    keep("rewinding", rewinding(final=5, first=2))
    keep("layer_memorization", memorization(seeds=1), preset="small")
    judged = readout.by_preset(["quick", "small", "paper"])
    texts = readout.texts(judged)
    assert texts["C6"] == "reproduced at quick (3 seeds)"
    assert texts["C4"] == "not reproduced at quick (3 seeds)"
    assert texts["C2"] == "undecided at small (one seed)"
    assert texts["C5"] == "not tested so far"
    assert texts["C6_quick"].startswith("✓")
    rows = readout.findings(judged, "C6")
    assert rows["preset quick"].iloc[0].endswith(": holds")
    assert len(rows) == len(next(claim for claim in verdicts.CLAIMS if claim.key == "C6").rules)
    page = readout.html(readout.at_a_glance(judged)).data
    assert 'class="verdict not-reproduced"' in page
    source = readout.origin(["quick", "small"])
    assert set(source["section"]) == {"gradients", "rewinding", "layer_memorization"}


def test_downloaded_factors_are_factors():
    keep("gradients", gradients(initial=(0.2, 0.2, 0.2)))
    rows = readout.tidy(readout.by_preset(["quick"]))
    small = rows[(rows["claim"] == "C6") & (rows["rule"] == "small")].iloc[0]
    assert small["value"] == pytest.approx(0.2, rel=0.01)
    assert small["threshold"] == pytest.approx(0.5)
    assert small["low"] < small["value"] < small["high"]
    assert set(rows.loc[rows["claim"] == "C5", "verdict"]) == {"not tested at this scale"}


def test_intervals_are_written_as_they_are():
    keep("gradients", gradients(seeds=1))
    [verdict] = [v for v in readout.by_preset(["quick"])["quick"] if v.claim.key == "C6"]
    assert all(readout.value(finding).endswith("(one seed)") for finding in verdict.findings)
    assert readout.bound(verdict.findings[0].rule) == "below × 0.50"


def test_the_papers_values_are_those_of_its_figures():
    deep = next(claim for claim in verdicts.CLAIMS if claim.key == "C2")
    values = readout.paper_values(deep)
    figure = readout.paper.figure3()
    last_six = figure["depth"] > 19 - 6  # of the 19 layers after the input
    rows = figure[last_six & (figure["measure"] == "dimension") & (figure["examples"] == "permuted")]
    by = rows.pivot_table(index="depth", columns="stage", values="value")
    expected = math.exp((by["last"] / by["best"]).map(math.log).mean())
    assert values["dimension"] == f"× {expected:.2f}"
    assert "memorized" not in values
    descent = next(claim for claim in verdicts.CLAIMS if claim.key == "C5")
    assert float(readout.paper_values(descent)["dip"]) > 0


def test_the_story_is_told_at_the_preset_nearest_to_the_paper():
    keep("layer_memorization", memorization(), preset="quick")
    keep("layer_memorization", memorization(seeds=2), preset="small")
    table, source = readout.story(["quick", "small", "paper"])
    assert table["seed"].nunique() == 2
    assert source == {
        "preset": "small",
        "dataset": "cifar100",
        "network": "vgg16",
        "seeds": "0, 1",
        "permuted": "50%",
    }
    assert readout.story(["paper"])[0] is None


def test_the_build_lists_every_certificate():
    keep("gradients", gradients(seeds=2))
    frame = build.certificates()
    assert list(frame["seed"]) == ["0", "1"]
    assert set(frame["state"]) == {"stale"}
    assert build.counted(frame) == "2 stale"
    assert build.reasons(frame)["tables"].sum() == 2
    assert build.counted(pd.DataFrame()) == "nothing is stored"
    versions = build.environment()["version"]
    assert {"Python", "torch", "numpy", "jupyter-book", "mfta"} <= set(versions.index)


def test_a_seed_of_a_scan_counts_once_all_widths_are_stored():
    widths = configs.preset_values("quick", "double_descent")["widths"]
    for seed, stored_widths in ((0, widths), (1, widths[:-1]), (2, [*widths, 99])):
        for width in stored_widths:
            row = pd.DataFrame([{"seed": seed, "width": width, "accuracy": 0.5}])
            keep("double_descent", row, width=width)
    assert set(stored.tables("quick")["double_descent"]["seed"]) == {0, 2}
    assert set(stored.variations("quick")[()]["double_descent"]["seed"]) == {0, 2}
