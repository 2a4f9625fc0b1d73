"""The Snakefile makes the tables that `mfta rerun` makes, also when one of its jobs is killed."""

import shutil
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

ROOT = Path(__file__).parents[1]
SNAKEMAKE = Path(sys.executable).with_name("snakemake")
TINY = ("epochs=2", "checkpoints=[1, 2]", "train_per_class=20", "points=8", "draws=20")
SECTIONS = ("layer_memorization", "rewinding")

pytestmark = pytest.mark.skipif(not SNAKEMAKE.exists(), reason="Snakemake is absent: install the extra `cluster`")


@pytest.fixture
def project(tmp_path, monkeypatch):
    (tmp_path / "pyproject.toml").write_text("")
    for name in ("notebooks", "workflow"):
        shutil.copytree(ROOT / name, tmp_path / name)
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    return tmp_path


def snakemake(project, *options):
    given = [f"sections={','.join(SECTIONS)}", "seeds=0,1", f"set={' '.join(TINY)}"]
    command = [SNAKEMAKE, "-c2", *options, "--config", *given]
    log = (project / "log").open("a")
    return subprocess.Popen(command, cwd=project, stdout=log, stderr=log)


def tables(folder):
    return {path.relative_to(folder): path.read_bytes() for path in folder.rglob("table.csv")}


def kill_one_job(workflow):
    """The first `mfta compute` under the workflow, as soon as there is one."""
    while workflow.poll() is None:
        for process in psutil.Process(workflow.pid).children(recursive=True):
            try:
                if "compute" in process.cmdline()[:5] and "python" in process.name():
                    process.kill()
                    return
            except psutil.Error:
                continue
        time.sleep(0.05)


@pytest.mark.slow
def test_a_workflow_with_a_killed_job_makes_the_same_tables(project, monkeypatch):
    workflow = snakemake(project)
    kill_one_job(workflow)
    assert workflow.wait() == 0, (project / "log").read_text()
    log = (project / "log").read_text()
    assert "Error in rule table" in log
    assert {path.stem for path in (project / "book" / "sections").glob("*.ipynb")} == set(SECTIONS)
    by_workflow = tables(project / "results")
    assert len(by_workflow) == 4
    again = snakemake(project, "--dry-run")
    assert again.wait() == 0
    assert "Nothing to be done" in (project / "log").read_text()

    monkeypatch.setenv("MFTA_RUNS", str(project / "other" / "runs"))
    monkeypatch.setenv("MFTA_RESULTS", str(project / "other" / "results"))
    options = [option for text in TINY for option in ("--set", text)]
    command = [sys.executable, "-m", "mfta.cli", "rerun", *SECTIONS, "--seeds", "0,1", "--jobs", "2", *options]
    subprocess.run(command, cwd=project, check=True, capture_output=True)
    assert tables(project / "other" / "results") == by_workflow
