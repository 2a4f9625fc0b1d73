"""What a person sees of a batch: a live view on a terminal, plain lines of a log elsewhere."""

import time
from collections.abc import Iterable
from contextlib import nullcontext

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from mfta.pool import Event


def show(events: Iterable[Event], total: int, console: Console) -> list[Event]:
    """Show ``total`` tasks as they start and end; return those that failed."""
    live = console.is_terminal
    columns = (BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), TimeRemainingColumn())
    progress = Progress(TextColumn("{task.description}"), *columns, console=console)
    failed: list[Event] = []
    done, begun = 0, time.monotonic()
    with progress if live else nullcontext():
        bar = progress.add_task("all jobs; time so far and left", total=total)
        rows = {}
        for event in events:
            name = event.task.name
            if event.kind == "started":
                rows[name] = progress.add_task(f"  {name}", total=None)
                _line(console, live, f"{name}: started")
                continue
            done += 1
            failed += [event] if event.error else []
            progress.advance(bar)
            if name in rows:
                progress.remove_task(rows[name])
            left = (time.monotonic() - begun) / done * (total - done)
            how = event.error or f"done in {event.seconds:.1f} s"
            _line(console, False, f"{name}: {how}")
            _line(console, live or done == total, f"{done} of {total} jobs, about {left:.0f} s left")
    return failed


def _line(console: Console, hidden: bool, text: str) -> None:
    if not hidden:
        console.print(text, markup=False, highlight=False, soft_wrap=True)
