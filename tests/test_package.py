"""The package's own promises: who imports what, how long files are, and that requirements agree."""

import ast
import itertools
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "mfta"
MODULES = sorted(PACKAGE.rglob("*.py"))
DRAWING = {"matplotlib", "seaborn", "matplotlib_inline"}


def imports(path):
    """Top-level names of what a file imports; of the package's own modules, the whole dotted name."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            found.add(node.module)
            found |= {f"{node.module}.{alias.name}" for alias in node.names if node.module.startswith("mfta")}
    return {name if name.startswith("mfta") else name.split(".")[0] for name in found}


@pytest.mark.parametrize("path", sorted((PACKAGE / "geometry").rglob("*.py")), ids=lambda p: p.name)
def test_the_geometry_needs_numpy_scipy_and_numba_alone(path):
    allowed = {"numpy", "scipy", "numba", *sys.stdlib_module_names}
    if path.name in {"result.py", "effective_result.py"}:
        allowed.add(
            "pandas"
        )  # for to_frame alone, imported when it is called; the next tests see that it is not before
    outside = {name for name in imports(path) if not name.startswith("mfta.geometry")}
    assert outside <= allowed


@pytest.mark.parametrize("path", MODULES, ids=lambda p: p.relative_to(PACKAGE).as_posix())
def test_only_figures_draw(path):
    if "figures" not in path.relative_to(PACKAGE).parts:
        assert not imports(path) & DRAWING


def test_the_geometry_is_imported_without_torch():
    script = "import sys, mfta; print('torch' in sys.modules, 'pandas' in sys.modules)"
    answer = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert answer.stdout.split() == ["False", "False"]


def circle(graph):
    """The first import circle found in a graph of names, as a list of names; an empty list where there is none."""
    done = set()

    def visit(name, trail):
        if name in trail:
            return [*trail[trail.index(name) :], name]
        if name not in done:
            for other in sorted(graph[name]):
                if found := visit(other, [*trail, name]):
                    return found
            done.add(name)
        return []

    return next((found for name in graph if (found := visit(name, []))), [])


def test_no_import_circle_of_files():
    names = {".".join(p.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): p for p in MODULES}
    graph = {name: imports(path) & names.keys() - {name} for name, path in names.items()}
    # A package's face may import its parts; a part that asks its own package for a sibling is no circle.
    graph = {name: {other for other in others if not name.startswith(other + ".")} for name, others in graph.items()}
    assert not circle(graph)
    assert circle({"a": {"b"}, "b": {"c"}, "c": {"b"}}) == ["b", "c", "b"]


def test_no_import_circle_of_folders():
    """A folder against every other folder and every file beside the folders."""
    parts = {p.relative_to(PACKAGE).with_suffix("").parts[0] for p in MODULES} - {"__init__"}
    graph = {part: set() for part in parts}
    for path in MODULES:
        own = path.relative_to(PACKAGE).with_suffix("").parts[0]
        others = {name.split(".")[1] for name in imports(path) if name.count(".")} & parts
        if own in parts:
            graph[own] |= others - {own}
    assert not circle(graph)


@pytest.mark.parametrize("path", MODULES, ids=lambda p: p.relative_to(PACKAGE).as_posix())
def test_files_stay_short(path):
    assert len(path.read_text().splitlines()) <= 300


def test_the_package_does_not_grow():
    """What only a page needs stands in its notebook, and what only the site needs in ``book/_ext``."""
    assert sum(len(path.read_text().splitlines()) for path in MODULES) <= 9_086


@pytest.mark.parametrize("path", sorted((ROOT / "notebooks").glob("*.md")), ids=lambda p: p.name)
def test_notebooks_have_parameters(path):
    import jupytext

    notebook = jupytext.read(path)
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert sum("parameters" in cell.metadata.get("tags", []) for cell in code) == 1
    assert notebook.metadata["kernelspec"]["name"] == "python3"


def requirements():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    listed = project["dependencies"] + [*itertools.chain(*project["optional-dependencies"].values())]
    return {re.match(r"[\w-]+", line)[0]: line for line in listed if not line.startswith("mfta[")}


def pins():
    lines = (ROOT / "constraints.txt").read_text().splitlines()
    return dict(line.lower().split("==") for line in lines if "==" in line)


def test_every_requirement_is_pinned_within_its_range():
    from packaging.requirements import Requirement

    pinned = pins()
    for name, line in requirements().items():
        assert pinned[name.lower()] in Requirement(line).specifier, name


def test_the_pins_are_what_is_installed():
    from importlib.metadata import version

    pinned = pins()
    assert {name: pinned[name.lower()] for name in requirements() if name != "snakemake"} == {
        name: version(name) for name in requirements() if name != "snakemake"
    }


def test_conda_users_install_the_same():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    environment = yaml.safe_load((ROOT / "environment.yml").read_text())
    python = next(line for line in environment["dependencies"] if str(line).startswith("python="))
    assert python.removeprefix("python=") in project["requires-python"].removeprefix(">=")
    pip = next(line["pip"] for line in environment["dependencies"] if isinstance(line, dict))
    assert pip == ["--constraint constraints.txt", "--editable .[test]"]
    assert "test" in project["optional-dependencies"]
