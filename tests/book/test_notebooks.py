"""Every notebook by hand, as a reader without our driver runs it, and what its cells may look like."""

import ast
import re
import subprocess
import sys

import jupytext
import nbformat
import pytest
import yaml
from in_sight import HIDDEN, NOTEBOOKS, TEACHING, code, tags, visible

from mfta.geometry import blocks
from mfta.sections import SECTIONS

SMALL = {"epochs": 2, "train_per_class": 40, "seeds": [1]}
GEOMETRY = {"points": 10, "draws": 20}
PARAMETERS = {
    "capacity_theory": {**SMALL, **GEOMETRY, "manifolds": 20, "exact_draws": 100, "dichotomies": 4},
    "layer_memorization": {**SMALL, **GEOMETRY},
    "rewinding": {**SMALL, **GEOMETRY, "evaluated": 100, "rewound_to": [0]},
    "double_descent": {**SMALL, **GEOMETRY, "widths": [1, 2, 3]},
    "probes": {**SMALL, **GEOMETRY, "folds": 3},
    "clean_labels": {**SMALL, **GEOMETRY},
    "dispute": {**SMALL, "evaluated": 100, "rewound_to": [0]},
    "neurons": {**SMALL, "epochs": 40, "images": 20, "most": 20, "others": 10},
    "gradients": {**SMALL, "subsets": 2, "head_scales": [1.0, 30.0]},
    "method": {"draws": 300},
}


def test_every_section_has_its_notebook():
    assert {*PARAMETERS} == {*SECTIONS, "method"} == {*TEACHING}
    assert {*SECTIONS} <= {path.stem for path in NOTEBOOKS.glob("*.md")}


def lines(cell):
    stripped = [line.strip() for line in cell.source.splitlines()]
    return [line for line in stripped if line and not line.startswith("#")]


def test_the_notebooks_do_their_work_in_sight():
    working = {name: sum(len(lines(c)) for c in visible(name) if "parameters" not in tags(c)) for name in TEACHING}
    assert sum(working.values()) >= 300
    assert min(working.values()) >= 30, working


@pytest.mark.parametrize("name", sorted(path.stem for path in NOTEBOOKS.glob("*.md")))
def test_cells_stay_short(name):
    for cell in code(name):
        assert len(cell.source.splitlines()) <= 15, cell.source
        assert max(map(len, cell.source.splitlines()), default=0) <= 118, cell.source


@pytest.mark.parametrize("name", sorted(path.stem for path in NOTEBOOKS.glob("*.md")))
def test_every_name_is_defined_and_every_import_used(name):
    source = "\n".join(re.sub(r"^[%!].*$", "", cell.source, flags=re.MULTILINE) for cell in code(name))
    command = [sys.executable, "-m", "ruff", "check", "--isolated", "--select", "F401,F811,F821", "-"]
    answer = subprocess.run(command, input=source, capture_output=True, text=True, check=False)
    assert answer.returncode == 0, answer.stdout


def made(cells):
    """Every name that cells assign, import or define, at any depth."""
    names = set()
    for cell in cells:
        for node in ast.walk(ast.parse(cell.source)):
            if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
                names.add(node.id)
            elif isinstance(node, ast.FunctionDef | ast.ClassDef):
                names.add(node.name)
            elif isinstance(node, ast.alias):
                names.add((node.asname or node.name).split(".")[0])
    return names


@pytest.mark.parametrize("name", TEACHING)
def test_what_is_seen_uses_nothing_that_is_hidden(name):
    hidden = made(cell for cell in code(name) if tags(cell) & HIDDEN) - made(visible(name))
    for cell in visible(name):
        used = {node.id for node in ast.walk(ast.parse(cell.source)) if isinstance(node, ast.Name)}
        assert not used & hidden, cell.source


@pytest.mark.parametrize("name", TEACHING)
def test_a_page_ends_with_exercises_and_their_answers(name):
    text = (NOTEBOOKS / f"{name}.md").read_text(encoding="utf-8")
    exercises = text[text.index("## Exercises") :]
    questions, answers = exercises[: exercises.index("## Download")].split("<details>")
    for number in ("1.", "2."):
        assert f"\n{number} " in questions
        assert f"\n{number} " in answers


def outputs(cell):
    """What a cell shows, without the notice that kernels are compiled, which comes once in a fresh installation."""
    shown = [output for output in cell.outputs if output.get("text") != blocks.NOTICE]
    return [{key: value for key, value in output.items() if key != "execution_count"} for output in shown]


@pytest.mark.slow
@pytest.mark.usefixtures("uncropped")
@pytest.mark.parametrize("name", PARAMETERS)
def test_a_notebook_runs_by_hand_and_every_cell_twice(name, tmp_path):
    def command(*words: str) -> None:
        answer = subprocess.run(
            [sys.executable, "-m", *words], cwd=tmp_path, capture_output=True, text=True, check=False
        )
        assert answer.returncode == 0, answer.stderr[-2000:]

    notebook = jupytext.read(NOTEBOOKS / f"{name}.md")
    cells = [cell for cell in notebook.cells for _ in range(1 + (cell.cell_type == "code"))]
    parameters = next(i for i, cell in enumerate(cells) if "parameters" in tags(cell))
    del cells[parameters]  # papermill's own go behind the first of two
    notebook.cells = [nbformat.from_dict({**cell, "id": f"cell-{i}"}) for i, cell in enumerate(cells)]
    jupytext.write(notebook, tmp_path / "in.ipynb")
    (tmp_path / "params.yaml").write_text(yaml.safe_dump(PARAMETERS[name]))
    command("papermill", "in.ipynb", "out.ipynb", "-f", "params.yaml", "-k", "python3", "--no-progress-bar")
    cells = [cell for cell in nbformat.read(tmp_path / "out.ipynb", as_version=4).cells if cell.cell_type == "code"]
    cells = [cell for cell in cells if not tags(cell) & {"parameters", "injected-parameters"}]
    assert any("mystnb" in cell.metadata for cell in cells)
    assert not (tmp_path / "book").exists()  # only `mfta rerun` makes pages
    for first, second in zip(cells[::2], cells[1::2], strict=True):
        assert first.source == second.source
        made = any(call in first.source for call in ("mfta.compute(", "mfta.run(", "largest("))
        if not made:  # the second time it is loaded, and no progress is shown
            assert outputs(first) == outputs(second), first.source
        if "mystnb" in first.metadata:
            assert any("image/svg+xml" in output.get("data", {}) for output in first.outputs), first.source
