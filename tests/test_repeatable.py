"""The same parameters twice, and with other threads: what is the same, and how near the rest is."""

import runpy
import sys
from pathlib import Path

import numpy as np
import pytest

from mfta import jobs, store, stored

ROOT = Path(__file__).parents[1]


def made(tmp_path, monkeypatch, name, **overrides):
    monkeypatch.setenv("MFTA_RUNS", str(tmp_path / name / "runs"))
    monkeypatch.setenv("MFTA_RESULTS", str(tmp_path / name / "results"))
    (job,) = jobs.jobs("layer_memorization", "quick", [0], **overrides)
    return job.table(), (job.directory / "table.csv").read_bytes()


def test_the_same_parameters_twice_are_the_same_table_bit_for_bit(tmp_path, monkeypatch, tiny):
    assert made(tmp_path, monkeypatch, "one", **tiny)[1] == made(tmp_path, monkeypatch, "two", **tiny)[1]


def test_other_threads_differ_by_no_more_than_rounding_grown_over_the_epochs(tmp_path, monkeypatch, tiny):
    one, two = (made(tmp_path, monkeypatch, f"{n}", **tiny, threads=n)[0] for n in (1, 2))
    for measure in ("accuracy", "loss"):
        np.testing.assert_allclose(one[measure], two[measure], rtol=1e-5)
    # At the end of ten classes' networks which directions of the centers are removed can turn on the last bits.
    late = one["layer"].isin(["conv3_2", "head"])
    for measure in ("capacity", "radius_median", "dimension"):
        apart = (one[measure] / two[measure] - 1).abs()
        assert apart[~late].max() < 1e-4
        assert apart[late].max() < 0.5
        assert apart[late].median() < 1e-4


def test_recomputed_tables_are_compared_and_a_change_is_found(tmp_path, monkeypatch, tiny, capsys):
    def recompute(*options):
        monkeypatch.setattr(sys, "argv", ["recompute.py", "5", *options])
        with pytest.raises(SystemExit) as end:
            runpy.run_path(str(ROOT / "benchmarks" / "recompute.py"), run_name="__main__")
        return end.value.code, capsys.readouterr().out

    made(tmp_path, monkeypatch, "one", **tiny)
    assert recompute() == (0, "layer_memorization, seed 0, made again: the same bit for bit\n")
    assert recompute("--preset", "small") == (0, "")
    (folder,) = stored.stored_directories()
    certificate = store.read_certificate(folder)
    table = store.read_table(folder, folder.name)
    del certificate["table_sha256"]
    store.write_table(folder, table.assign(capacity=table["capacity"] * 1.01), certificate)
    code, said = recompute()
    assert code == 1
    assert "made again: differs by up to 9.9e-03 of the value" in said
