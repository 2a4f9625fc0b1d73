"""Reruns that are killed, that meet another one, that run out of space or may not write."""

import os
import resource
import subprocess
import sys
import time
from pathlib import Path

import pytest
from made_once import short_notebooks, store_in
from typer.testing import CliRunner

from mfta import jobs, store, stored
from mfta.cli import app

ROOT = Path(__file__).parents[1]
PYTHON = {**os.environ, "PYTHONPATH": str(ROOT)}
TINY = ("epochs=2", "checkpoints=[1]", "measured_epochs=[1]", "train_per_class=20", "points=8", "draws=20")
TINY += ("test_per_class=10", "remove_centers=false")
OPTIONS = ["layer_memorization", *(option for text in TINY for option in ("--set", text))]


def compute(seeds="0"):
    answer = CliRunner().invoke(app, ["compute", *OPTIONS, "--seeds", seeds])
    assert len(answer.stderr.strip().splitlines()) <= 1
    return answer


def tables(folder):
    return {path.relative_to(folder): path.read_bytes() for path in folder.rglob("table.csv")}


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    """The tables of seeds 0 and 1 by an undisturbed run, made elsewhere."""
    folder = tmp_path_factory.mktemp("undisturbed")
    with store_in(folder):
        assert compute("0,1").exit_code == 0
    return tables(folder / "results")


@pytest.fixture
def small_disk(tmp_path, monkeypatch):
    """A file system of its own that holds the store; a skip where mounting is not allowed."""
    place = tmp_path / "disk"
    place.mkdir()

    def mount(options):
        command = ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(place)]
        return subprocess.run(command, capture_output=True, check=False).returncode == 0

    if not mount("size=40k"):
        pytest.skip("mounting is not allowed here")
    monkeypatch.setenv("MFTA_RUNS", str(place / "runs"))
    monkeypatch.setenv("MFTA_RESULTS", str(place / "results"))
    yield mount
    while subprocess.run(["umount", str(place)], capture_output=True, check=False).returncode == 0:
        pass


def test_a_full_disk_is_one_line_and_goes_on_after_there_is_room(small_disk, undisturbed):
    answer = compute("0,1")
    assert answer.exit_code == 2
    assert "No space left on device): make room" in answer.stderr
    assert small_disk("remount,size=100m")
    assert not list(store.runs_directory().glob("*/.writing-*"))
    assert compute("0,1").exit_code == 0
    assert tables(store.results_directory()) == undisturbed
    assert {row.state for row in stored.audit()} == {"sound"}


@pytest.mark.parametrize("limit", [2_000, 300_000])
def test_a_limit_on_files_is_one_line_and_goes_on_without_it(undisturbed, limit):
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, before[1]))
    try:
        answer = compute("0,1")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert answer.exit_code == 2
    assert "cannot write" in answer.stderr
    assert "File too large): make room" in answer.stderr
    assert {row.state for row in stored.audit()} <= {"sound"}
    assert compute("0,1").exit_code == 0
    assert tables(store.results_directory()) == undisturbed


def test_no_room_to_replace_a_table_leaves_the_old_one(tiny):
    (job,) = jobs.jobs("layer_memorization", "quick", [0], **tiny)
    job.table()
    before = tables(store.results_directory())
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (2_000, limits[1]))
    try:
        with pytest.raises(store.StoreError, match="cannot write"):
            job.table(force=True)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert job.state()[0] == "stored"
    assert tables(store.results_directory()) == before


def test_a_read_only_store_is_read_and_refuses_to_grow(small_disk, undisturbed):
    assert small_disk("remount,size=100m")
    assert compute("0").exit_code == 0
    assert small_disk("remount,ro")
    assert compute("0").exit_code == 0
    answer = compute("1")
    assert answer.exit_code == 2
    assert "Read-only file system): make room or allow writing there" in answer.stderr
    assert {row.state for row in stored.audit()} == {"sound"}
    assert small_disk("remount,rw")
    assert compute("0,1").exit_code == 0
    assert tables(store.results_directory()) == undisturbed


def rerun(folder, *options):
    command = [sys.executable, "-m", "mfta.cli", "rerun", *OPTIONS, "--seeds", "0,1", *options]
    return subprocess.Popen(command, cwd=folder, env={**os.environ, **PYTHON}, stdout=subprocess.PIPE, text=True)


@pytest.mark.slow
def test_two_reruns_at_once_make_everything_once(tmp_path, monkeypatch, undisturbed):
    (tmp_path / "pyproject.toml").write_text("")
    short_notebooks(tmp_path / "notebooks", ["layer_memorization"])
    for name in ("MFTA_RUNS", "MFTA_RESULTS"):
        monkeypatch.setitem(PYTHON, name, os.environ[name])
    both = [rerun(tmp_path, "--jobs", "2"), rerun(tmp_path)]
    made = {}
    while any(process.poll() is None for process in both):
        for path in [*tmp_path.glob("runs/*/certificate.json"), *tmp_path.glob("results/*/*/*/certificate.json")]:
            made.setdefault(path, set()).add(path.stat().st_ino)  # a new one would be another file
        time.sleep(0.01)
    assert [process.wait() for process in both] == [0, 0], [process.stdout.read() for process in both]
    assert len(made) == 4  # two trainings, two tables
    assert {len(times) for times in made.values()} == {1}
    assert tables(tmp_path / "results") == undisturbed


@pytest.mark.slow
def test_killed_at_random_moments_it_ends_with_the_same_tables(tmp_path):
    short_notebooks(tmp_path / "notebooks", ["layer_memorization", "rewinding"])
    own = ["--notebooks", str(tmp_path / "notebooks")]
    command = [sys.executable, "benchmarks/kills.py", "--kills", "2", "--seeds", "0", "--seed", "41", *own]
    answer = subprocess.run(command, cwd=ROOT, env=PYTHON, capture_output=True, text=True, check=False)
    assert answer.returncode == 0, answer.stdout + answer.stderr
    assert "bit for bit; 2 kills so far" in answer.stdout
