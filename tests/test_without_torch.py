"""Stored tables are read, claims judged and pages prepared where PyTorch is not installed; computing is refused."""

import subprocess
import sys
from pathlib import Path

import pytest
from made_up import rewinding
from test_stored import keep

from mfta.sections import SECTIONS

EXTENSIONS = str(Path(__file__).parents[1] / "book" / "_ext")
BLOCKED = f"""
import sys
sys.path.append({EXTENSIONS!r})
sys.modules["torch"] = sys.modules["torchvision"] = None
import without_torch
without_torch.begin()
"""


def without(script):
    return subprocess.run([sys.executable, "-c", BLOCKED + script], capture_output=True, text=True, check=False)


def test_all_that_reading_imports_is_imported():
    names = "claims, figures, jobs, judge, notebook, pages, paper, sections, stored, trained"
    answer = without(f"from mfta import {names}\nprint(len(sections.SECTIONS), sections.config('rewinding').network)")
    assert answer.stdout.split() == [str(len(SECTIONS)), "convnet"], answer.stderr


def test_a_stored_table_is_loaded_and_a_missing_one_refused():
    keep("rewinding", rewinding(seeds=1))
    answer = without(
        "import mfta\n"
        "from mfta.errors import NeedsTorch\n"
        "print(len(mfta.compute('rewinding', seeds=[0])))\n"
        "try:\n    mfta.compute('rewinding', seeds=[1])\n"
        "except NeedsTorch as error:\n    print(error)\n"
    )
    assert answer.returncode == 0, answer.stderr
    rows, refusal = answer.stdout.splitlines()
    assert int(rows) == len(rewinding(seeds=1))
    assert refusal.endswith("needs PyTorch, which is not installed here: install it with pip install '.[train]'")


@pytest.mark.parametrize("use", ["mfta.run('rewinding', seeds=[0])", "mfta.networks.build('convnet', 10)"])
def test_what_computes_is_refused_and_never_answers_something(use):
    answer = without(f"import mfta\n{use}")
    assert answer.stderr.splitlines()[-1].startswith("mfta.errors.NeedsTorch: "), answer.stderr


def test_a_stand_in_does_nothing_where_pytorch_is_there():
    script = "import without_torch\nwithout_torch.begin()\nimport torch\nprint(torch.ones(3).sum().item())"
    answer = subprocess.run(
        [sys.executable, "-c", script], cwd=EXTENSIONS, capture_output=True, text=True, check=True
    )
    assert answer.stdout.strip() == "3.0"
