"""One file a section, found by listing this folder: its config, and the function that computes its table.

A section's file is named as the section. It holds a subclass of :class:`mfta.configs.Section` and a function
``compute(config, fresh)`` of it that returns a table, and is imported when the section is first asked for.
"""

import importlib
import itertools
import json
import pkgutil
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import pandas as pd
from pydantic import ValidationError

from mfta.configs import Epochs, Section, preset_values
from mfta.errors import ParameterError, nearest

SECTIONS = tuple(sorted(module.name for module in pkgutil.iter_modules(__path__)))
"""The names of all sections."""


def section_model(section: str) -> type[Section]:
    """The config class of a section, or ParameterError with the nearest name."""
    return computing(section).__annotations__["config"]


def computing(section: str) -> Callable[[Any, bool], pd.DataFrame]:
    """The function that makes a section's table of a config; the second argument: not from older code."""
    if section not in SECTIONS:
        raise ParameterError(
            f"there is no section '{section}'.{nearest(str(section), SECTIONS)} The sections: {', '.join(SECTIONS)}"
        )
    return importlib.import_module(f"{__name__}.{section}").compute


def parameter_names(section: str) -> list[str]:
    """What can be set in a section, sorted; what it runs over is set as a list (``seeds``)."""
    model = section_model(section)
    return sorted((set(model.model_fields) - set(model.grid)) | {f"{name}s" for name in model.grid})


def config(section: str, preset: str = "quick", **overrides: Any) -> Section:
    """One config of ``section`` under ``preset`` with ``overrides``.

    None means as the preset says, and the text ``"none"`` that there is to be no value.
    Of the preset's listed epochs those beyond the last one are left out.
    """
    model = section_model(section)
    given = {name: value for name, value in overrides.items() if value is not None}
    values = {**preset_values(preset, section), **given}
    values = {name: None if isinstance(value, str) and value == "none" else value for name, value in values.items()}
    values = {name: value for name, value in values.items() if name not in {f"{n}s" for n in model.grid}}
    last = values.get("epochs", model.model_fields["epochs"].default)
    for name, value in values.items():
        listed = isinstance(value, list | tuple) and name in model.model_fields
        if listed and model.model_fields[name].annotation == Epochs and all(type(e) is int for e in (*value, last)):
            values[name] = tuple(sorted({e for e in value if e <= last}))
            if name in given and max(value, default=0) > last:
                raise ParameterError(f"{section}: {name} holds {max(value)}; the last epoch is {last}")
    try:
        return model(**values)
    except ValidationError as error:
        name, said = _one_line(error, model.model_fields)
        where = f"presets/{preset}.yaml, {section}" if name in values.keys() - given.keys() else section
        raise ParameterError(f"{where}: {said}") from None


def of_certificate(section: str, values: Mapping[str, Any]) -> Section:
    """The config that a certificate holds, with defaults for what it does not know yet. Raises ParameterError."""
    model = section_model(section)
    known = {name: value for name, value in values.items() if name in model.model_fields}
    try:
        return model.model_validate_json(json.dumps(known))
    except ValidationError as error:
        raise ParameterError(_one_line(error, known)[1]) from None


def grid(section: str, preset: str = "quick", seeds: Any = None, **overrides: Any) -> list[Section]:
    """All configs of ``section``: one a seed and, in a section that runs over more, one a combination.

    seeds, and widths where the section has them: lists; None means as the preset says.
    Raises ParameterError naming the parameter, its value and what is allowed.
    """
    model, known = section_model(section), parameter_names(section)
    given = {"seeds": seeds, **overrides}
    for name in given:
        if name not in known:
            raise ParameterError(
                f"{section} has no parameter '{name}'.{nearest(name, known)} Its parameters: {', '.join(known)}"
            )
    lists = []
    for name in model.grid:
        values = given.pop(f"{name}s", None)
        lists.append(preset_values(preset, section)[f"{name}s"] if values is None else _listed(f"{name}s", values))
    return [
        config(section, preset, **given, **dict(zip(model.grid, values, strict=True)))
        for values in itertools.product(*lists)
    ]


def _listed(name: str, values: Any) -> list[int]:
    chosen = [values] if isinstance(values, int) else list(values) if isinstance(values, list | tuple) else []
    if not chosen or not all(isinstance(v, int) and not isinstance(v, bool) and v >= 0 for v in chosen):
        raise ParameterError(f"{name} = {values!r} is refused: give a list of integers, [0, 1] say")
    if len(set(chosen)) < len(chosen):
        raise ParameterError(f"{name} = {values!r} is refused: it lists one twice; give each once")
    return chosen


def _one_line(error: ValidationError, known: Iterable[str]) -> tuple[str, str]:
    """The parameter at fault (empty: several together), and what is wrong."""
    first = error.errors(include_url=False)[0]
    name = str(first["loc"][0]) if first["loc"] else ""
    if first["type"] == "extra_forbidden":
        return name, f"there is no parameter '{name}'.{nearest(name, known)}"
    reason = first["msg"].removeprefix("Value error, ").replace("a valid tuple", "a list, [1, 2] say")
    reason = reason[0].lower() + reason[1:]
    if not name:
        return name, reason
    value = first["input"]
    hint = nearest(str(value), reason.split("'")[1::2]) if first["type"] == "literal_error" else ""
    return name, f"{name} = {value!r} is refused: {reason}.{hint}"
