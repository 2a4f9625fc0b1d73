"""What notebooks call besides the science: parameters are checked first, numbers are glued, tables are offered."""

import ast
import os
from collections.abc import Callable
from typing import Any

import pandas as pd
from IPython.core.getipython import get_ipython

from mfta import configs, data, store, stored
from mfta.errors import ParameterError, nearest
from mfta.jobs import compute, jobs
from mfta.sections import config, parameter_names


def parameters(section: str, names: dict[str, Any]) -> dict[str, Any]:
    """The checked parameters of a notebook, ready for ``mfta.compute(section, **parameters)``.

    names: the notebook's ``globals()``. What the cells of parameters set counts, the notebook's own, which sets
    ``preset``, and papermill's, what cells between them and the first call of this set, and what others set to a
    plain value; what these compute does not, so that cells may be run again in any order. Papermill defines whatever
    it is given, so every name in a cell of parameters must be one. Raises ParameterError with the nearest name, and
    where the notebook has overwritten what papermill gave.
    """
    known = ["preset", *parameter_names(section)]
    shell = get_ipython()
    if shell is not None and names is shell.user_ns:
        given, boxes = _stated([cell for cell in names["In"] if cell], names)
    else:
        given = {name: value for name, value in names.items() if name in known or "__name__" not in names}
        boxes = set(given)
    for name in boxes:
        if name not in known:
            raise ParameterError(
                f"the notebook has no parameter '{name}'.{nearest(name, known)} Its parameters: {', '.join(known)}"
            )
    given = {name: given[name] for name in known if name in given}
    jobs(section, **given)
    return given


def configuration(section: str, **parameters: Any) -> pd.DataFrame:
    """The full config behind a notebook's parameters, one row a value, seeds gathered."""
    listed = [job.config for job in jobs(section, **parameters)]
    values = listed[0].model_dump()
    for name in listed[0].grid:
        values[name] = ", ".join(str(v) for v in sorted({getattr(of, name) for of in listed}))
    texts = {name: "none" if value is None else str(value) for name, value in values.items()}
    return pd.DataFrame.from_dict(texts, orient="index", columns=["value"]).rename_axis("parameter")


NAMES = {
    "vgg16": "VGG-16", "alexnet": "AlexNet", "resnet18": "ResNet-18", "densenet121": "DenseNet-121",
    "cifar100": "CIFAR-100", "digits": "handwritten digits",
}  # fmt: skip
"""How prose writes a network or a data set."""


def largest(section: str, **parameters: Any) -> tuple[pd.DataFrame, str]:
    """The stored rows of the preset nearest to the paper, and a sentence on their origin.

    Where nothing beyond the page's own preset is stored, the page's own table: computed where it is missing.
    """
    own = jobs(section, **parameters)
    nearer = configs.PRESETS[configs.PRESETS.index(own[0].preset) + 1 :] if own[0].preset in configs.PRESETS else ()
    for preset in reversed(nearer):
        table = stored.tables(preset).get(section)
        if table is not None:
            stale = any(row.state == "stale" for row in stored.audit(f"{preset}/{section}"))
            since = ", made by code that has changed since" if stale else ""
            return table, origin(preset, config(section, preset), table) + since
    table = compute(section, **parameters)
    return table, origin(own[0].preset, own[0].config, table)


def by_hand(section: str, **parameters: Any) -> dict[str, Any]:
    """The parameters of what a page does once in sight: its first seed (and width), where that takes seconds.

    Under a preset beyond quick that is so where the trained network is stored; else it is done under quick.
    """
    first = jobs(section, **parameters)[0]
    if first.preset != "quick" and not store.read_certificate(first.shared.directory):
        parameters, first = {"preset": "quick"}, jobs(section)[0]
    return {**parameters, **{f"{name}s": [getattr(first.config, name)] for name in first.config.grid}}


def say(**values: Any) -> None:
    """Glue numbers for the prose: a Series over seeds as ``3.28 ± 0.29``, anything else as it is."""
    from myst_nb import glue

    for name, value in values.items():
        glue(name, spread(value) if isinstance(value, pd.Series) else value, display=False)


def spread(by_seed: pd.Series, digits: int = 2) -> str:
    """``3.28 ± 0.29`` over seeds, ``3.28 (one seed)`` without a spread, ``3`` of integers, or ``undefined``."""
    mean, deviation = by_seed.mean(), by_seed.std()
    if pd.isna(mean):
        return "undefined"
    if pd.api.types.is_integer_dtype(by_seed):
        digits = 0 if pd.isna(deviation) else 1
    return f"{mean:.{digits}f} (one seed)" if pd.isna(deviation) else f"{mean:.{digits}f} ± {deviation:.{digits}f}"


def offer(table: pd.DataFrame, name: str) -> None:
    """Put a table beside the page as ``name.csv``, where its download link finds it (:func:`beside`)."""
    text = store.without_places(table.to_csv(index=False, lineterminator="\n"))
    beside(f"{name}.csv", lambda buffer: buffer.write(text.encode()))


def beside(name: str, write: Callable[[Any], object]) -> None:
    """Write a file beside the executed notebooks, where the page is made: by hand the book stays as it is."""
    if os.environ.get("MFTA_PAGES"):
        store.write(store.home() / "book" / "sections" / name, write)


def origin(preset: str, of: configs.Section, table: pd.DataFrame) -> str:
    """What a table is of, for prose: ``preset small: VGG-16 on CIFAR-100, …``."""
    per_class = of.train_per_class or data.SOURCES[of.dataset].train_per_class
    seeds = sorted(table["seed"].unique())
    network, dataset = (NAMES.get(name, name) for name in (of.network, of.dataset))
    return (
        f"preset {preset}: {network} on {dataset}, {per_class} training images a class, {of.permuted_fraction:.0%} of"
        f" the labels permuted, {of.epochs} epochs, {'seeds' if seeds[1:] else 'seed'} {', '.join(map(str, seeds))}"
    )


def _stated(cells: list[str], names: dict[str, Any]) -> tuple[dict[str, Any], set[str]]:
    """Values that the cells run so far set, and the names among them that the cells of parameters do."""
    given: dict[str, Any] = {}
    box: set[str] = set()
    papermills: set[str] = set()
    called = False
    for cell in cells:
        assigned = _assigned(cell)
        if cell.startswith("# Parameters\n"):
            papermills = set(assigned)
        elif "preset" in assigned:
            given = {name: value for name, value in given.items() if name not in box}
            box = set(assigned)
            if cells[0].startswith("# Parameters\n") and papermills & box and len(cells) == 3:
                lost = ", ".join(sorted(papermills & box))
                raise ParameterError(
                    f"{lost} as given to papermill was overwritten by the notebook: tag the cell that sets them"
                    " `parameters`"
                )
        is_box = "preset" in assigned or cell.startswith("# Parameters\n")
        called = called or "notebook.parameters(" in cell
        for name, value in assigned.items():
            try:
                given[name] = ast.literal_eval(value)
            except ValueError:  # computed
                if (is_box or not called) and name in names:
                    given[name] = names[name]
    return given, box | papermills


def _assigned(source: str) -> dict[str, ast.expr]:
    """What each name is set to by a line of its own, alone or among others."""
    try:
        lines = ast.parse(source).body
    except SyntaxError:  # a line of IPython's own
        return {}
    pairs = [(target, line.value) for line in lines if isinstance(line, ast.Assign) for target in line.targets]
    pairs += [(line.target, line.value) for line in lines if isinstance(line, ast.AnnAssign) and line.value]
    for target, value in pairs[:]:
        if isinstance(target, ast.Tuple) and isinstance(value, ast.Tuple):
            pairs += zip(target.elts, value.elts, strict=False)
    return {target.id: value for target, value in pairs if isinstance(target, ast.Name)}
