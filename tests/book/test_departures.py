"""The table of departures names parameters that exist."""

import re
from pathlib import Path

from mfta.sections import SECTIONS, parameter_names

PAGE = Path(__file__).parents[2] / "book" / "departures.md"


def test_every_named_parameter_exists() -> None:
    rows = [line.strip().strip("|").split("|") for line in PAGE.read_text().splitlines() if line.startswith("|")]
    named = {name for row in rows for name in re.findall(r"`(\w+)`", row[-1])}
    known = {name for section in SECTIONS for name in parameter_names(section)}
    assert len(named) > 10
    assert named <= known, sorted(named - known)
