import json
import re
from pathlib import Path

import pandas as pd
import pytest
import torch

import mfta
from mfta import definitions, jobs, store, stored, training
from mfta.errors import ParameterError, StoreError


@pytest.fixture
def job(tiny):
    return jobs.jobs("layer_memorization", "quick", [0], **tiny)[0]


def test_a_stored_table_is_loaded_and_nothing_is_trained(job, monkeypatch):
    made = job.table()
    certificate, run = (store.read_certificate(folder) for folder in (job.directory, job.shared.directory))
    assert certificate["network"] == definitions.digest(run["files_sha256"])
    assert certificate["epochs_by_precision"] == {"float32": job.config.epochs}
    assert certificate["training_seconds"] == run["wall_seconds"]
    monkeypatch.setattr(training, "run", None)
    pd.testing.assert_frame_equal(job.table(), made)
    assert job.state()[0] == "stored"


def test_a_default_type_of_tensors_changes_no_number(job, tmp_path, monkeypatch):
    table = job.table()
    monkeypatch.setenv("MFTA_RUNS", str(tmp_path / "other" / "runs"))
    monkeypatch.setenv("MFTA_RESULTS", str(tmp_path / "other" / "results"))
    torch.set_default_dtype(torch.float64)
    try:
        pd.testing.assert_frame_equal(job.table(), table, check_exact=True)
    finally:
        torch.set_default_dtype(torch.float32)


def test_seeds_are_stored_apart(tiny):
    both = mfta.compute("layer_memorization", seeds=[0, 1], **tiny)
    assert set(both["seed"]) == {0, 1}
    assert [job.state()[0] for job in jobs.jobs("layer_memorization", "quick", [0, 1, 2], **tiny)] == [
        "stored",
        "stored",
        "missing",
    ]


@pytest.mark.parametrize(("preset", "again"), [("quick", True), ("small", False)])
def test_only_quick_is_computed_again_when_its_code_changed(job, preset, again):
    job = jobs.Job(job.section, preset, job.config)
    job.table()
    path = job.directory / "certificate.json"
    certificate = json.loads(path.read_text())
    certificate["definitions"]["train_epoch"] = certificate["code"] = "older"
    path.write_text(json.dumps(certificate))
    assert job.state()[0] == "stale"
    assert job.calls_for(job.state()[0]) == again
    job.table()
    assert job.state()[0] == ("stored" if again else "stale")


def damage_table(job):
    path = job.directory / "table.csv"
    path.write_text(path.read_text().replace("0.1", "0.2", 1))


def cut_table(job):
    path = job.directory / "table.csv"
    path.write_bytes(path.read_bytes()[:-40])


def remove_table(job):
    (job.directory / "table.csv").unlink()


def cut_certificate(job):
    path = job.directory / "certificate.json"
    path.write_bytes(path.read_bytes()[:-40])


def swap_certificate(job):
    path = job.directory / "certificate.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"fingerprint": "0" * 16}))


def change_config(job):
    path = job.directory / "certificate.json"
    certificate = json.loads(path.read_text())
    certificate["config"]["draws"] += 1
    path.write_text(json.dumps(certificate))


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (damage_table, "table.csv' is not what its certificate says"),
        (cut_table, "table.csv' is not what its certificate says"),
        (remove_table, "table.csv' is missing"),
        (cut_certificate, "certificate.json' cannot be read"),
        (swap_certificate, "certificate.json' belongs to another table"),
        (change_config, "made with another draws"),
    ],
)
def test_what_was_tampered_with_is_refused_by_name_and_not_recomputed(job, damage, message):
    job.table()
    damage(job)
    with pytest.raises(StoreError, match=message):
        job.table()
    assert job.state()[0] == "refused"
    if damage is not change_config:
        assert [row.state for row in stored.audit()] == ["refused"]


def test_an_audit_of_sound_tables(job):
    assert stored.audit() == []
    job.table()
    (row,) = stored.audit()
    assert (row.preset, row.section, row.seed, row.state) == ("quick", "layer_memorization", "0", "sound")


def test_a_place_that_cannot_be_written_gets_one_line(job, tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")  # a file where a folder should be: not even root can write below it
    monkeypatch.setenv("MFTA_RESULTS", str(tmp_path / "file" / "results"))
    with pytest.raises(StoreError, match=r"cannot write .*MFTA_RESULTS") as refusal:
        job.table()
    assert "\n" not in str(refusal.value)


def test_nothing_half_written_is_left_behind(tmp_path):
    def fail(buffer):
        buffer.write(b"half")
        raise RuntimeError("interrupted")

    path = tmp_path / "table.csv"
    store.write(path, lambda buffer: buffer.write(b"whole"))
    with pytest.raises(RuntimeError, match="interrupted"):
        store.write(path, fail)
    assert path.read_bytes() == b"whole"
    assert list(tmp_path.iterdir()) == [path]


def test_compute_refuses_before_anything_starts(monkeypatch, tiny):
    monkeypatch.setattr(training, "run", None)
    with pytest.raises(ParameterError, match="no parameter 'epoch'"):
        mfta.compute("layer_memorization", epoch=3)


def test_the_workflow_asks_of_a_job_what_it_has(job):
    """Also where Snakemake, which would tell, is absent."""
    text = (Path(__file__).parents[1] / "workflow" / "Snakefile").read_text(encoding="utf-8")
    asked = set(re.findall(r"\bjob\.(\w+)", text))
    assert asked
    assert all(hasattr(job, name) for name in asked)
