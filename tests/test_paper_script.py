"""The script that computes the paper preset, tried at a tiny size."""

import os
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[1] / "workflow" / "paper.sh"
SECTIONS = {"layer_memorization", "rewinding", "gradients", "double_descent", "capacity_theory"}


@pytest.mark.slow
def test_every_step_is_tried_and_what_is_made_is_packed(tmp_path):
    environment = {
        **os.environ, "PRESET": "quick", "PYTHON": sys.executable, "WIDTHS_AT_ONCE": "2", "OMP_NUM_THREADS": "1",
    }  # fmt: skip
    command = ["bash", str(SCRIPT), str(tmp_path / "out"), "--set", "epochs=1"]
    subprocess.run(command, env=environment, check=True, timeout=1800)
    log = (tmp_path / "out" / "paper.log").read_text()
    assert "failed" not in log
    with tarfile.open(tmp_path / "out" / "tables.tar.gz") as archive:
        tables = [Path(name) for name in archive.getnames() if name.endswith("table.csv")]
    assert log.count("double_descent --seeds 1") == 8
    assert {path.parts[1] for path in tables} == SECTIONS
