"""What pages take from the store: the preset's tables over all seeds, sound ones only, none computed."""

import pandas as pd
from in_sight import functions
from made_up import gradients, memorization, rewinding

from mfta import configs, notebook, sections, store, stored
from mfta.jobs import Job


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


def test_the_arms_of_a_preset_are_named_by_batch_norm_and_other_choices_are_none():
    keep("gradients", gradients(seeds=2))
    keep("gradients", gradients(seeds=1), batch_norm=True)
    keep("gradients", gradients(seeds=3), batch_norm=True, weight_decay=0.1)
    keep("gradients", gradients(seeds=4), preset="full")
    found = stored.arms("gradients")
    assert {name: table["seed"].nunique() for name, table in found.items()} == {
        "quick, no batch norm": 2, "quick, batch norm": 1, "full, no batch norm": 4,
    }  # fmt: skip
    assert stored.arms("rewinding") == {}


def test_a_section_shows_the_stored_preset_nearest_to_the_paper(monkeypatch):
    keep("layer_memorization", memorization(), preset="quick")
    keep("layer_memorization", memorization(seeds=2), preset="small")
    table, source = notebook.largest("layer_memorization", preset="quick")
    assert table["seed"].nunique() == 2
    told = (
        "preset small: VGG-16 on CIFAR-100, 100 training images a class, 50% of the labels permuted, 60 epochs,"
        " seeds 0, 1"
    )
    assert source == f"{told}, made by code that has changed since"
    monkeypatch.setattr(stored, "audit", lambda under: [])  # as where all of it is sound
    assert notebook.largest("layer_memorization", preset="quick")[1] == told


def test_of_several_stored_presets_the_last_is_nearest_and_one_stale_table_is_said(monkeypatch):
    for preset, seeds in (("quick", 3), ("small", 2), ("full", 1)):
        keep("layer_memorization", memorization(seeds=seeds), preset=preset)
    table, source = notebook.largest("layer_memorization", preset="quick")
    assert table["seed"].unique().tolist() == [0]
    assert source.startswith("preset full: ")
    states = ("sound", "stale")
    rows = [stored.Row("full", "layer_memorization", str(seed), "", of, "") for seed, of in enumerate(states)]
    monkeypatch.setattr(stored, "audit", lambda under: rows)
    assert notebook.largest("layer_memorization", preset="quick")[1].endswith("made by code that has changed since")


def test_a_spread_is_the_deviation_of_a_sample():
    assert notebook.spread(pd.Series([1.0, 2.0, 3.0])) == "2.00 ± 1.00"
    assert notebook.spread(pd.Series([1, 2, 6])) == "3.0 ± 2.6"
    assert notebook.spread(pd.Series([3])) == "3 (one seed)"
    assert notebook.spread(pd.Series([3.28])) == "3.28 (one seed)"
    assert notebook.spread(pd.Series([], dtype=float)) == "undefined"


def test_the_build_lists_every_certificate():
    keep("gradients", gradients(seeds=2))
    build = functions("build")
    frame = build.certificates(["quick"])
    assert list(frame["seed"]) == ["0", "1"]
    assert set(frame["state"]) == {"stale"}
    assert build.counted(frame) == "2 stale"
    assert build.reasons(frame)["tables"].sum() == 2
    assert build.counted(pd.DataFrame()) == "nothing is stored"
    versions = build.environment()["version"]
    assert build.certificates(["small"]).empty
    assert {"Python", "torch", "numpy", "jupyter-book", "mfta"} <= set(versions.index)


def test_a_seed_of_a_scan_counts_once_all_widths_are_stored():
    widths = configs.preset_values("quick", "double_descent")["widths"]
    for seed, stored_widths in ((0, widths), (1, widths[:-1]), (2, [*widths, 99])):
        for width in stored_widths:
            row = pd.DataFrame([{"seed": seed, "width": width, "accuracy": 0.5}])
            keep("double_descent", row, width=width)
    assert set(stored.tables("quick")["double_descent"]["seed"]) == {0, 2}
    assert set(stored.variations("quick")[()]["double_descent"]["seed"]) == {0, 2}


def test_another_measurement_counts_only_on_the_presets_own_network():
    """A choice of the analysis alone is no choice of the network; one of training is, and older tables do not say."""
    table = gradients(seeds=1)
    for network, given in (
        ("a", {}),
        ("a", {"subsets": 2}),
        ("b", {"subsets": 3}),
        ("b", {"epochs": 7}),
        (None, {"subsets": 4}),
    ):
        job = keep(
            "gradients", table, **given, **({"checkpoints": (), "measured_epochs": ()} if "epochs" in given else {})
        )
        certificate = store.read_certificate(job.directory)
        store.write_json(job.directory / "certificate.json", {**certificate, "network": network})
    found = [variation for variation, of in stored.variations("quick").items() if of]
    assert found == [(), ("epochs 7",), ("subsets 2",), ("subsets 4",)]
