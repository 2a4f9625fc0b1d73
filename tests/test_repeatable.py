"""The same parameters twice, and with other threads: what is the same, and how near the rest is."""

import pandas as pd
import pytest

from mfta import audit, jobs, store


def made(tmp_path, monkeypatch, name, **overrides):
    monkeypatch.setenv("MFTA_RUNS", str(tmp_path / name / "runs"))
    monkeypatch.setenv("MFTA_RESULTS", str(tmp_path / name / "results"))
    (job,) = jobs.jobs("layer_memorization", "quick", [0], **overrides)
    return job.table(), (job.directory / "table.csv").read_bytes()


def test_the_same_parameters_twice_are_the_same_table_bit_for_bit(tmp_path, monkeypatch, tiny):
    assert made(tmp_path, monkeypatch, "one", **tiny)[1] == made(tmp_path, monkeypatch, "two", **tiny)[1]


def test_other_threads_differ_by_no_more_than_rounding_grown_over_the_epochs(tmp_path, monkeypatch, tiny):
    one, two = (made(tmp_path, monkeypatch, f"{n}", **tiny, threads=n)[0] for n in (1, 2))
    assert audit.difference(one[["accuracy", "loss"]], two[["accuracy", "loss"]]) < 1e-5
    # At the head ten manifolds have ten features: which directions of the centres are removed turns on the last bits.
    head = one["layer"] == "head"
    for measure in ("capacity", "radius_median", "dimension"):
        apart = (one[measure] / two[measure] - 1).abs()
        assert apart[~head].max() < 1e-4
        assert apart[head].max() < 0.5


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (lambda table: table, 0.0),
        (lambda table: table.assign(a=[1.0, 2.002, float("nan")]), 0.002 / 2.002),
        (lambda table: table.assign(a=[1.0, 2.0, 3.0]), float("inf")),
        (lambda table: table.assign(b=["x", "y", "w"]), float("inf")),
        (lambda table: table[:2], float("inf")),
        (lambda table: table[["b", "a"]], float("inf")),
    ],
)
def test_the_difference_of_two_tables(change, expected):
    table = pd.DataFrame({"a": [1.0, 2.0, float("nan")], "b": ["x", "y", "z"]})
    assert audit.difference(table, change(table)) == pytest.approx(expected)


def test_recomputed_tables_are_compared_and_a_change_is_found(tmp_path, monkeypatch, tiny):
    made(tmp_path, monkeypatch, "one", **tiny)
    (again,) = audit.recompute(5)
    assert (again.difference, again.circumstances, again.holds) == (0, (), True)
    assert not list(audit.recompute(5, preset="small"))
    (folder,) = jobs.stored_directories()
    certificate = store.read_certificate(folder)
    table = store.read_table(folder, folder.name)
    certificate = {name: value for name, value in certificate.items() if name != "table_sha256"}
    store.write_table(folder, table.assign(capacity=table["capacity"] * 1.01), certificate)
    (again,) = audit.recompute(5)
    assert again.difference == pytest.approx(0.01 / 1.01)
    assert not again.holds
