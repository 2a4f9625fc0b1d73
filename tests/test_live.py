import io

import pytest
from rich.console import Console

from mfta import live
from mfta.pool import Event, Task

FIRST, SECOND = Task("training", print), Task("table [bold]", print)
EVENTS = [
    Event(FIRST, "started"),
    Event(FIRST, "ended", seconds=1.5),
    Event(SECOND, "started"),
    Event(SECOND, "ended", error="cell 3: ValueError: no"),
]


@pytest.mark.parametrize("terminal", [True, False])
def test_what_is_seen_of_a_batch(terminal):
    file = io.StringIO()
    failed = live.show(EVENTS, 2, Console(file=file, force_terminal=terminal, width=100))
    assert failed == EVENTS[-1:]
    text = file.getvalue()
    assert "training: done in 1.5 s" in text
    assert "table [bold]: cell 3: ValueError: no" in text
    assert ("1 of 2 jobs, about 0 s left" in text) != terminal  # the live view draws it, the log says it
    assert ("\x1b[" in text) == terminal
    assert ("2/2" in text) == terminal
