"""A notebook can be worked in: cells run twice in a row, and all of them again, give the answer of a fresh run."""

import ast
import copy
import os
import re
import shutil

import jupytext
import nbclient
import nbformat
import pytest
from in_sight import NOTEBOOKS, ROOT
from IPython.core.interactiveshell import InteractiveShell
from papermill.iorw import load_notebook_node
from papermill.parameterize import parameterize_notebook
from traitlets.config import Config

from mfta.sections import SECTIONS, parameter_names

PARAMETERS = {
    "sweep": {
        "grid": {"permuted_fraction": [0.4, 0.5], "points": [10]},
        "seeds": [1],
        "fixed": {"epochs": 2, "points": 50, "draws": 20},  # the grid counts
    },
    "own_network": {"points": 10, "draws": 20},
}
OTHERS = sorted({path.stem for path in NOTEBOOKS.glob("*.md")} - {*SECTIONS, "method"})
"""The sections' notebooks, whose data take longer, are tried beside this, as they are run by hand."""


def read(name):
    return jupytext.read(NOTEBOOKS / f"{name}.md")


def shown(cell):
    """What a reader sees of a cell, without the places of objects in memory and the names of clipped areas.

    Matplotlib names an area by its corners to the last digit, which its layout's solver does not repeat.
    """
    outputs = [output.get("data", output.get("text", "")) for output in cell.outputs]
    return re.sub(r"0x[0-9a-f]+|\bp[0-9a-f]{10}\b", "", str(outputs))


@pytest.mark.slow
@pytest.mark.usefixtures("uncropped")
@pytest.mark.parametrize("name", OTHERS)
def test_cells_run_twice_in_a_row_and_all_again_show_the_same(name, tmp_path):
    shutil.copytree(ROOT / "results", tmp_path / "results")  # what is stored is shown, and not computed here
    jupytext.write(read(name), tmp_path / "in.ipynb")
    notebook = load_notebook_node(str(tmp_path / "in.ipynb"))
    notebook = parameterize_notebook(notebook, PARAMETERS.get(name, {}), report_mode=False)
    cells = [cell for cell in notebook.cells if cell.cell_type == "code"]
    twice = [cell for cell in cells for _ in range(2)]
    run = nbformat.v4.new_notebook(metadata=notebook.metadata)
    run.cells = [copy.deepcopy(cell) for cell in [*twice, *cells]]
    for number, cell in enumerate(run.cells):
        cell.id = f"cell-{number}"
    nbclient.NotebookClient(run, timeout=600, kernel_name="python3").execute(cwd=os.fspath(tmp_path))
    first = [shown(cell) for cell in run.cells[: len(twice) : 2]]
    assert [shown(cell) for cell in run.cells[1 : len(twice) : 2]] == first
    assert [shown(cell) for cell in run.cells[len(twice) :]] == first


@pytest.mark.parametrize("section", SECTIONS)
def test_only_the_cell_of_parameters_sets_them_to_plain_values(section):
    """Another cell that does would be taken for a reader's change."""
    known = {"preset", *parameter_names(section)}
    for cell in read(section).cells:
        if cell.cell_type == "code" and "parameters" not in cell.metadata.get("tags", []):
            lines = ast.parse(re.sub(r"^[%!].*$", "", cell.source, flags=re.MULTILINE)).body
            plain = [line for line in lines if isinstance(line, ast.Assign) and isinstance(line.value, ast.Constant)]
            assert not {ast.unparse(line.targets[0]) for line in plain} & known, cell.source


SETUP = "from mfta import notebook\nparameters = notebook.parameters('layer_memorization', globals())"
DEFAULTS = "preset = 'quick'\nseeds = None\nepochs = None"
PLAIN = {"preset": "quick", "epochs": None, "seeds": None}
WRONG = "no parameter 'epoch'. Did you mean 'epochs'?"
CASES = {
    "the same twice": ([DEFAULTS, SETUP, SETUP], PLAIN),
    "after all of it": (
        [DEFAULTS, SETUP, "values, labels = {}, []\nhidden = len('x')\nfor width in [1]: pass", SETUP],
        PLAIN,
    ),
    "overwritten by a later cell": (
        [DEFAULTS, "# Parameters\nhidden = 2\n", SETUP, "hidden = 'fc' + '1'", SETUP],
        PLAIN | {"hidden": 2},
    ),
    "computed in the box": ([DEFAULTS.replace("epochs = None", "epochs = 2 * 3"), SETUP], PLAIN | {"epochs": 6}),
    "a line taken out": ([DEFAULTS + "\ndraws = 9", DEFAULTS, SETUP], PLAIN),
    "changed": ([DEFAULTS, SETUP, DEFAULTS.replace("epochs = None", "epochs = 3"), SETUP], PLAIN | {"epochs": 3}),
    "in another cell": ([DEFAULTS, SETUP, "batch_size = 32", SETUP], PLAIN | {"batch_size": 32}),
    "side by side": ([DEFAULTS + "\nepochs, draws = 3, 9", SETUP], PLAIN | {"epochs": 3, "draws": 9}),
    "with a type": ([DEFAULTS + "\nepochs: int = 3", SETUP], PLAIN | {"epochs": 3}),
    "computed before it is read": ([DEFAULTS, "seeds = list(range(2))", SETUP], PLAIN | {"seeds": [0, 1]}),
    "computed after it was read": ([DEFAULTS, SETUP, "seeds = list(range(2))", SETUP], PLAIN),
    "by papermill": ([DEFAULTS, "# Parameters\nepochs = 5\n", SETUP, SETUP], PLAIN | {"epochs": 5}),
    "a wrong name mended": ([f"{DEFAULTS}\nepoch = 3", SETUP, DEFAULTS, SETUP], PLAIN),
    "a wrong name": ([f"{DEFAULTS}\nepoch = 3", SETUP], WRONG),
    "a wrong name by papermill": ([DEFAULTS, "# Parameters\nepoch = 5\n", SETUP], WRONG),
    "a wrong name later": ([DEFAULTS, SETUP, f"{DEFAULTS}\nepoch = 3", SETUP], WRONG),
    "given without the tag": (["# Parameters\nepochs = 5\n", DEFAULTS, SETUP], "tag the cell that sets them"),
}


@pytest.mark.parametrize("case", CASES)
def test_the_second_cell_takes_what_stands_there(case):
    """In a shell as a kernel has it, in this process."""
    InteractiveShell.clear_instance()
    shell = InteractiveShell.instance(config=Config(HistoryManager={"hist_file": ":memory:"}))
    try:
        sources, expected = CASES[case]
        *_, last = [shell.run_cell(source, store_history=True) for source in sources]
        if isinstance(expected, str):
            assert expected in str(last.error_in_exec)
        else:
            assert last.success
            assert shell.user_ns["parameters"] == expected
    finally:
        InteractiveShell.clear_instance()
