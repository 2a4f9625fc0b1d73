"""The script that computes the paper preset: its steps are possible, and what is made is packed."""

import os
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest
from typer.testing import CliRunner

from mfta.cli import app
from mfta.sections import SECTIONS

SCRIPT = Path(__file__).parents[1] / "workflow" / "paper.sh"
ONLY = """#!/bin/sh
case "$*" in
    -c*|*gradients*--seeds\\ 1*) exec {python} "$@";;
    *alexnet*) exit 1;;
esac
"""
"""A Python that computes the gradients of one seed and nothing else, and fails at one step."""


@pytest.mark.slow
def test_every_step_is_possible_and_what_is_made_is_packed(tmp_path):
    only = tmp_path / "python"
    only.write_text(ONLY.format(python=sys.executable))
    only.chmod(0o755)
    own = {"PRESET": "quick", "PYTHON": str(only), "WIDTHS_AT_ONCE": "2"}
    subprocess.run(
        ["bash", str(SCRIPT), str(tmp_path / "out"), "--set", "epochs=1"], env={**os.environ, **own}, check=True
    )
    log = (tmp_path / "out" / "paper.log").read_text().splitlines()
    steps = [line.split(" ", 1)[1] for line in log if line[2:3] == line[5:6] == ":"]
    failed = [line for line in log if line.startswith("failed")]
    assert failed == ["failed: layer_memorization --seeds 1 --set network=alexnet --set epochs=1"]
    with tarfile.open(tmp_path / "out" / "tables.tar.gz") as archive:
        tables = [Path(name) for name in archive.getnames() if name.endswith("table.csv")]
    assert [path.parts[:2] for path in tables] == [("quick", "gradients")]
    assert {step.split()[0] for step in steps} == {*SECTIONS}
    assert sum(step.startswith("double_descent --seeds 1") for step in steps) == 8
    for step in steps:
        answer = CliRunner().invoke(app, ["rerun", *step.split(), "--preset", "quick", "--dry-run"])
        assert answer.exit_code == 0, answer.stderr
