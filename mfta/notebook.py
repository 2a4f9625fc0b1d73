"""What the first cell of every notebook calls: its parameters are checked before anything runs."""

import ast
from pathlib import Path
from typing import Any

import pandas as pd
from IPython.core.getipython import get_ipython

from mfta import store
from mfta.errors import ParameterError, nearest
from mfta.jobs import jobs
from mfta.sections import parameter_names


def parameters(section: str, names: dict[str, Any]) -> dict[str, Any]:
    """The checked parameters of a notebook, ready for ``mfta.compute(section, **parameters)``.

    names: the notebook's ``globals()``. Papermill defines whatever it is given, known or not, so every name that its
    cell or the notebook's own cell of parameters sets must be a parameter of the section; what other cells make is no
    parameter, and the cells may be run again. Raises ParameterError with the nearest name, and where the notebook
    itself has overwritten what papermill gave it or what its cell of parameters set.
    """
    known = ["preset", *parameter_names(section)]
    for name in _set_as_parameters(names):
        if name not in known:
            raise ParameterError(
                f"the notebook has no parameter '{name}'.{nearest(name, known)} Its parameters: {', '.join(known)}"
            )
    given = {name: names[name] for name in known if name in names}
    jobs(section, **given)
    return given


def configuration(section: str, **parameters: Any) -> pd.DataFrame:
    """The full config behind a notebook's parameters, one row a value, seeds gathered."""
    listed = [job.config for job in jobs(section, **parameters)]
    values = listed[0].model_dump()
    for name in listed[0].grid:
        values[name] = ", ".join(str(v) for v in sorted({getattr(config, name) for config in listed}))
    texts = {name: "none" if value is None else str(value) for name, value in values.items()}
    return pd.DataFrame.from_dict(texts, orient="index", columns=["value"]).rename_axis("parameter")


def _set_as_parameters(names: dict[str, Any]) -> list[str]:
    """What the cells of parameters set, as run last: the notebook's own, which sets ``preset``, and papermill's.

    Papermill puts its cell first in a notebook without the tag, where it is overwritten: ParameterError. Of a dict
    that is no notebook's, all names.
    """
    shell = get_ipython()
    if shell is None or names is not shell.user_ns:
        return [name for name in names if "__name__" not in names]
    cells = [cell for cell in shell.user_ns["In"] if cell]
    papermills = [cell for cell in cells if cell.startswith("# Parameters\n")][-1:]
    own = [cell for cell in cells if "preset" in _assigned(cell) and cell not in papermills][-1:]
    if papermills == cells[:1] and cells[-1] not in cells[:-1]:  # the first run of this cell
        lost = sorted(_assigned(papermills[0]) & set().union(*map(_assigned, cells[1:-1])))
        if lost:
            raise ParameterError(
                f"{', '.join(lost)} as given to papermill was overwritten by the notebook:"
                " tag the cell that sets them `parameters`"
            )
    return sorted(set().union(*map(_assigned, [*own, *papermills])))


def _assigned(source: str) -> set[str]:
    try:
        lines = ast.parse(source).body
    except SyntaxError:  # a line of IPython's own
        return set()
    targets = [target for line in lines if isinstance(line, ast.Assign) for target in line.targets]
    return {target.id for target in targets if isinstance(target, ast.Name)}


def offer(table: pd.DataFrame, name: str) -> None:
    """Put a table beside the executed notebooks as ``name.csv``, where the page's download link finds it."""
    text = store.without_places(table.to_csv(index=False, lineterminator="\n"))
    store.write(sections() / f"{name}.csv", lambda buffer: buffer.write(text.encode()))


def keep(figure: Any, name: str) -> None:
    """Put a matplotlib figure beside the executed notebooks as ``name.svg``, for pages that are no notebooks."""
    metadata = {"Date": None}
    store.write(sections() / f"{name}.svg", lambda buffer: figure.savefig(buffer, format="svg", metadata=metadata))


def sections() -> Path:
    """The folder of the executed notebooks, which the book renders."""
    return store.home() / "book" / "sections"
