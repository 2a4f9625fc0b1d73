"""What the command line takes as text: overrides, seeds, grids."""

from typing import Any

import yaml

from mfta.errors import ParameterError


def parse_overrides(texts: list[str] | None, option: str = "--set") -> dict[str, Any]:
    """``["epochs=20"]`` → ``{"epochs": 20}``; values are read as YAML, numbers like 1e-3 included."""
    return {name: _value(text, value, option) for name, value, text in _pairs(texts, option)}


def parse_grid(texts: list[str] | None) -> dict[str, list[Any]]:
    """``["epochs=10,20", "seeds=0..2"]`` → ``{"epochs": [10, 20], "seeds": [0, 1, 2]}``.

    Values that are lists themselves are written as one YAML list of them.
    """
    grid = {}
    for name, value, text in _pairs(texts, "--grid"):
        if ".." in value:
            grid[name] = _range(text, value, "--grid")
        elif value.startswith("["):
            grid[name] = _value(text, value, "--grid")
        else:
            grid[name] = [_value(text, part, "--grid") for part in value.split(",")]
        if not isinstance(grid[name], list) or not grid[name]:
            raise ParameterError(f"--grid {text!r} is refused: write name=value,value,...")
    return grid


def parse_seeds(text: str | None) -> list[int] | None:
    """``"0..2"`` or ``"0,1,2"`` → ``[0, 1, 2]``."""
    if text is None:
        return None
    if ".." in text:
        return _range(text, text, "--seeds")
    try:
        return [int(seed) for seed in text.split(",")]
    except ValueError:
        raise ParameterError(f"--seeds {text!r} is refused: write 0..2 or 0,1,2") from None


def _pairs(texts: list[str] | None, option: str) -> list[tuple[str, str, str]]:
    pairs: list[tuple[str, str, str]] = []
    for text in texts or []:
        name, equals, value = text.partition("=")
        if not equals or not name or not value:
            raise ParameterError(f"{option} {text!r} is refused: write name=value")
        if name in [known for known, _, _ in pairs]:
            raise ParameterError(f"{option} gives {name} twice: give it once")
        pairs.append((name, value, text))
    return pairs


def _value(text: str, value: str, option: str) -> Any:
    try:
        return float(value) if _is_exponential(value) else yaml.safe_load(value)
    except yaml.YAMLError:
        raise ParameterError(f"{option} {text!r} is refused: '{value}' is not a YAML value") from None


def _range(text: str, value: str, option: str) -> list[int]:
    first, _, last = value.partition("..")
    if not (first.isdecimal() and last.isdecimal() and int(first) <= int(last)):
        raise ParameterError(f"{option} {text!r} is refused: write 0..2 or 0,1,2")
    return list(range(int(first), int(last) + 1))


def _is_exponential(value: str) -> bool:
    """YAML 1.1 reads 1e-3 as text; a person means the number."""
    try:
        float(value)
    except ValueError:
        return False
    return "e" in value.lower() and "." not in value
