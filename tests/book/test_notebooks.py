"""Every notebook by hand, as a reader without our driver runs it: jupytext, then papermill."""

import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
import yaml

from mfta.sections import SECTIONS

NOTEBOOKS = Path(__file__).parents[2] / "notebooks"
SMALL = {"epochs": 2, "train_per_class": 40, "seeds": [1]}
GEOMETRY = {"points": 10, "draws": 20}
PARAMETERS = {
    "capacity_theory": {**SMALL, **GEOMETRY, "manifolds": 20, "exact_draws": 100, "dichotomies": 4},
    "layer_memorization": {**SMALL, **GEOMETRY},
    "rewinding": {**SMALL, **GEOMETRY, "evaluated": 100, "rewound_to": [0]},
    "double_descent": {**SMALL, **GEOMETRY, "widths": [1, 2, 3]},
    "gradients": {**SMALL, "subsets": 2, "head_scales": [1.0, 30.0]},
}


def test_every_section_has_its_notebook():
    assert set(PARAMETERS) == set(SECTIONS)
    assert set(SECTIONS) <= {path.stem for path in NOTEBOOKS.glob("*.md")}


@pytest.mark.slow
@pytest.mark.parametrize("section", PARAMETERS)
def test_a_notebook_runs_by_hand(section, tmp_path):
    def command(*words: str) -> None:
        answer = subprocess.run(
            [sys.executable, "-m", *words], cwd=tmp_path, capture_output=True, text=True, check=False
        )
        assert answer.returncode == 0, answer.stderr[-2000:]

    notebook = tmp_path / f"{section}.ipynb"
    command("jupytext", "--to", "ipynb", str(NOTEBOOKS / f"{section}.md"), "-o", str(notebook))
    (tmp_path / "params.yaml").write_text(yaml.safe_dump(PARAMETERS[section]))
    command("papermill", notebook.name, "out.ipynb", "-f", "params.yaml", "-k", "python3", "--no-progress-bar")
    cells = nbformat.read(tmp_path / "out.ipynb", as_version=4).cells
    # Where nothing is stored at a larger scale, its figure is left out.
    figures = [cell for cell in cells if "mystnb" in cell.metadata and "large is not None" not in cell.source]
    assert figures
    for cell in figures:
        assert any("image/svg+xml" in output.get("data", {}) for output in cell.outputs), cell.source
