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

    names: the notebook's ``globals()``. Papermill defines whatever it is given, known or not, so every
    plain value found there must be a parameter of the section. Raises ParameterError with the nearest name,
    and where the notebook itself has overwritten what papermill gave it.
    """
    _refuse_overwritten()
    given = {name: value for name, value in names.items() if _is_parameter(name, value)}
    known = ["preset", *parameter_names(section)]
    for name in given:
        if name not in known:
            raise ParameterError(
                f"the notebook has no parameter '{name}'.{nearest(name, known)} Its parameters: {', '.join(known)}"
            )
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


def _refuse_overwritten() -> None:
    """Papermill sets its parameters in the first cell of a notebook without the tag: they are then lost."""
    shell = get_ipython()
    cells = [cell for cell in shell.user_ns.get("In", []) if cell] if shell is not None else []
    if cells and cells[0].startswith("# Parameters"):
        given = _assigned(cells[0])
        lost = sorted(given & set().union(*map(_assigned, cells[1:-1])))
        if lost:
            raise ParameterError(
                f"{', '.join(lost)} as given to papermill was overwritten by the notebook:"
                " tag the cell that sets them `parameters`"
            )


def _assigned(source: str) -> set[str]:
    try:
        lines = ast.parse(source).body
    except SyntaxError:  # a line of IPython's own
        return set()
    targets = [target for line in lines if isinstance(line, ast.Assign) for target in line.targets]
    return {target.id for target in targets if isinstance(target, ast.Name)}


def offer(table: pd.DataFrame, name: str) -> None:
    """Put a table beside the executed notebooks as ``name.csv``, where the page's download link finds it."""
    text = table.to_csv(index=False, lineterminator="\n")
    store.write(sections() / f"{name}.csv", lambda buffer: buffer.write(text.encode()))


def keep(figure: Any, name: str) -> None:
    """Put a matplotlib figure beside the executed notebooks as ``name.svg``, for pages that are no notebooks."""
    metadata = {"Date": None}
    store.write(sections() / f"{name}.svg", lambda buffer: figure.savefig(buffer, format="svg", metadata=metadata))


def sections() -> Path:
    """The folder of the executed notebooks, which the book renders."""
    return store.home() / "book" / "sections"


def _is_parameter(name: str, value: Any) -> bool:
    shell = get_ipython()
    hidden = shell.user_ns_hidden if shell is not None else {}
    plain = value is None or isinstance(value, bool | int | float | str | list | tuple | dict)
    return plain and not name.startswith("_") and name not in hidden and name not in {"In", "Out"}
