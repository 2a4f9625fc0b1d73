"""What is chosen as text: on the command line, in a workflow's configuration, by papermill."""

import math
import re
from typing import Any

import yaml

from mfta.errors import ParameterError

EXPONENTIAL = re.compile(r"[-+]?(\d+\.?\d*|\.\d+)[eE][-+]?\d+")


class _Values(yaml.SafeLoader):
    """YAML whose numbers are what they look like: 010 is ten, and 1:30 none."""


_Values.add_constructor("tag:yaml.org,2002:int", lambda _, node: int(node.value))
_Values.add_constructor("tag:yaml.org,2002:float", lambda _, node: float(node.value))


def parse_overrides(texts: list[str] | None) -> dict[str, Any]:
    """``["epochs=20", "checkpoints=[1, 2]"]`` → ``{"epochs": 20, "checkpoints": [1, 2]}``; values are YAML."""
    given: dict[str, Any] = {}
    for text in texts or []:
        name, equals, value = text.partition("=")
        if not equals or not name or not value:
            raise ParameterError(f"--set {text!r} is refused: write name=value")
        if name == "preset":
            raise ParameterError(f"--set {text!r} is refused: write --preset {value}")
        if name in given:
            raise ParameterError(f"--set gives {name} twice: give it once")
        try:
            given[name] = None if value == "None" else as_number(yaml.load(value, _Values))
        except (yaml.YAMLError, ValueError, RecursionError):  # an alias may hold itself
            raise ParameterError(f"--set {text!r} is refused: '{value}' is not a YAML value") from None
        if name == "seeds" and isinstance(given[name], str):
            given[name] = parse_seeds(value, "--set seeds =")
    return given


def parse_seeds(text: str | None, option: str = "--seeds") -> list[int] | None:
    """``"0..2"``, ``"0,1,2"`` or ``"[0, 1, 2]"`` → ``[0, 1, 2]``."""
    if text is None:
        return None
    first, dots, last = text.partition("..")
    try:
        if not dots:
            return [int(seed) for seed in text.removeprefix("[").removesuffix("]").split(",")]
        if first.isdecimal() and last.isdecimal() and int(first) <= int(last):
            return list(range(int(first), int(last) + 1))
    except ValueError:
        pass
    raise ParameterError(f"{option} {text!r} is refused: write 0..2 or 0,1,2")


def parse_choices(texts: list[str] | None, seeds: str | None) -> dict[str, Any]:
    """The overrides of ``--set``, with the seeds of ``--seeds``, which are given in one of the two."""
    given = parse_overrides(texts)
    if "seeds" in given and seeds is not None:
        raise ParameterError("--set seeds and --seeds are both given: give one of them")
    return {"seeds": parse_seeds(seeds), **given}


def listed(value: Any) -> list[str]:
    """A workflow's ``set`` as texts: a list of them, or one text, split before each name=."""
    parts = value if isinstance(value, list) else re.split(r"\s+(?=\w+=)", str(value).strip())
    return [str(part) for part in parts if part]


def as_number(value: Any) -> Any:
    """A text like ``1e-3``, alone or in a list, as the number: YAML 1.1, and so papermill, leaves it a text.

    NumPy's numbers and arrays and ranges become Python's.
    """
    if hasattr(value, "tolist") or isinstance(value, range):
        return list(value) if isinstance(value, range) else value.tolist()
    if isinstance(value, list | tuple):
        return type(value)(as_number(part) for part in value)
    if isinstance(value, str) and EXPONENTIAL.fullmatch(value.strip()):
        number = float(value)
        return int(number) if math.isfinite(number) and number.is_integer() else number
    return value
