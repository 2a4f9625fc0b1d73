"""A short form of benchmarks/elsewhere.py: no home, a read-only installation, long and odd paths, other settings."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


@pytest.mark.slow
def test_where_everything_is_unusual_tables_and_pages_are_the_same():
    command = [sys.executable, "benchmarks/elsewhere.py", "--short"]
    python = {**os.environ, "PYTHONPATH": str(ROOT)}
    answer = subprocess.run(command, cwd=ROOT, env=python, capture_output=True, text=True, check=False)
    assert answer.returncode == 0, answer.stdout + answer.stderr
    assert "1 tables and 1 pages are the same" in answer.stdout
