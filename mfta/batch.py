"""A batch: what there is to do, done side by side, each task in a process of its own.

One that dies takes no other with it. Processes are forked from a server that has imported everything once, so that a
task starts in some hundredths of a second. Their output goes to a log each. They end when the process that asked for
them ends, however it ends.
"""

import multiprocessing
import os
import signal
import sys
import tempfile
import threading
import time
import traceback
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from multiprocessing import connection, forkserver
from multiprocessing.context import BaseContext
from pathlib import Path
from typing import Any, Literal
from unittest.mock import patch

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from mfta import pages, store
from mfta.errors import MftaError
from mfta.geometry import GeometryError
from mfta.jobs import Job, jobs
from mfta.sections import SECTIONS

LONGEST = 60
"""Characters of a folder for temporary files below which the server's socket may lie: systems allow about 100."""


@dataclass(frozen=True)
class Task:
    """One thing to do, and why: ``call`` is picklable and takes no arguments."""

    name: str
    call: Callable[[], object]
    threads: int = 1
    after: tuple[str, ...] = ()
    """Names of the tasks without which it cannot be done."""
    follows: tuple[str, ...] = ()
    """Names of the tasks that it waits for, however they end."""
    wanted: bool = True
    state: str = ""
    why: str = ""
    changes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Event:
    """A task started, or ended: ``error`` is one line that is empty where all went well."""

    name: str
    kind: Literal["started", "ended"]
    error: str = ""
    seconds: float = 0.0


def planned(sections: Sequence[str], preset: str, **choices: Any) -> dict[str, list[Job]]:
    """The jobs of each section (none: of all), after all parameters of all of them were checked."""
    return {section: jobs(section, preset, **choices) for section in dict.fromkeys(sections or SECTIONS)}


def rerun(sections: Sequence[str], preset: str, force: bool = False, **choices: Any) -> list[Task]:
    """What a batch consists of, in order: the trainings that wanted tables share, each once, tables, notebooks.

    What is refused is a task as well: it fails by its message (unless ``force``), and is seen to fail. A notebook is
    not executed again where no table is to be made and nothing else that it depends on has changed; so each waits
    until all is stored that the batch will store, by tables and by the sweep's notebook.
    """
    listed = planned(sections, preset, **choices)
    others = () if sections else pages.PAGES
    pages.check([*listed, *others])
    every = [job for section in listed.values() for job in section]
    tables = [_task(job, (str(job.shared),), force) for job in every]
    shared = dict.fromkeys(job.shared for job, task in zip(every, tables, strict=True) if task.wanted)
    tasks = [*map(_task, shared), *tables]
    settled, around = not force and not any(task.wanted for task in tables), pages.surroundings()

    def notebook(name: str, parameters: dict[str, Any], after: Iterable[str]) -> Task:
        wanted = not (settled and pages.is_current(name, parameters, around))
        call, before = partial(pages.execute, name, parameters), tuple(task.name for task in tasks)
        return Task(f"notebook {name}", call, after=tuple(after), follows=before, wanted=wanted)

    tasks += [notebook("sweep", {}, ())] if others else []
    pages_of = [notebook(section, {"preset": preset, **choices}, map(str, of)) for section, of in listed.items()]
    everything = tuple(task.name for task in (*tasks, *pages_of))
    return [*tasks, *pages_of, *(notebook(page, {}, everything) for page in others if page != "sweep")]


def _task(job: Job, after: tuple[str, ...] = (), force: bool = False) -> Task:
    try:
        state, why = job.state()
    except MftaError as error:
        state, why = "refused", str(error)
    wanted = force or job.calls_for(state) or state == "refused"
    changes = tuple(job.changes()) if state != "refused" else ()
    call, threads = partial(job.table, force), job.config.threads
    return Task(str(job), call, threads, after, wanted=wanted, state=state, why=why, changes=changes)


def at_once(tasks: Iterable[Task], n_jobs: int, cores: int | None = None) -> int:
    """How many tasks may run at a time, so that their threads together are at most the cores."""
    if cores is None:
        cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, min(n_jobs, cores // max((task.threads for task in tasks if task.wanted), default=1)))


def carry_out(tasks: Sequence[Task], n_jobs: int = 1) -> Iterator[Event]:
    """Do the tasks that are wanted, at most ``n_jobs`` at a time; yield what happens as it happens.

    A task whose predecessor failed is not started and counts as failed. What still runs ends with the iteration.
    """
    context, waiting = warm(), [task for task in tasks if task.wanted]
    errors: dict[str, str | None] = dict.fromkeys(task.name for task in waiting)  # None: not ended yet
    running: dict[Any, tuple[Task, Any, float]] = {}

    def ended(task: Task, error: str, seconds: float = 0.0) -> Event:
        errors[task.name] = error
        if error and task.name.startswith("notebook "):
            store.remove(pages.place(task.name.removeprefix("notebook ")))  # an older one would pass for this one
        return Event(task.name, "ended", error, seconds)

    try:
        while waiting or running:
            for task in tuple(waiting):
                before = {name: errors[name] for name in (*task.after, *task.follows) if name in errors}
                lost = next((name for name in task.after if before.get(name)), None)
                if not lost and (None in before.values() or len(running) == n_jobs):
                    continue
                waiting.remove(task)
                if lost:
                    yield ended(task, f"not started, as {lost} failed")
                    continue
                answer, end = context.Pipe(duplex=False)
                arguments = (task.call, end, _log(task), dict(os.environ), Path.cwd())
                process = context.Process(target=_work, args=arguments, name=task.name)  # type: ignore[attr-defined]
                process.start()
                end.close()
                running[answer] = task, process, time.monotonic()
                yield Event(task.name, "started")
            for ready in connection.wait(running) if running else ():
                task, process, began = running.pop(ready)
                yield ended(task, _outcome(task, ready, process), time.monotonic() - began)
    finally:
        for _, process, _ in running.values():
            process.terminate()
            process.join()


def _log(task: Task) -> Path:
    name = "".join(c if c.isalnum() else "_" for c in task.name)
    return store.home() / "_build" / "logs" / f"{name}.log"


def _outcome(task: Task, answer: Any, process: Any) -> str:
    """What went wrong with a task that has answered or whose process has ended, or nothing."""
    said = None
    with answer, suppress(EOFError):
        said = answer.recv()  # and not what the server tells of its end: the server may end before it
    process.join()
    if said is not None:
        return said
    code = process.exitcode
    how = f"was killed ({signal.Signals(-code).name})" if code < 0 else f"ended with status {code}"
    return f"its process {how}; what it had finished is kept, run it again; log: '{_log(task)}'"


def warm() -> BaseContext:
    """Start the server that tasks are forked from, which then imports while the caller does.

    Its socket lies in the folder for temporary files, or in a shorter one; where there is none, each task starts by
    itself, which takes longer.
    """
    context = multiprocessing.get_context("forkserver")
    # The last two are what digits and optimizers import.
    context.set_forkserver_preload(["mfta.batch", "typer", "sklearn.datasets", "torch._dynamo"])
    for folder in (tempfile.gettempdir(), "/tmp", "/var/tmp", "/dev/shm"):
        if len(folder) < LONGEST and os.access(folder, os.W_OK):
            with suppress(OSError), patch.object(tempfile, "tempdir", folder):
                forkserver.ensure_running()
                return context
    return multiprocessing.get_context("spawn")


def _work(call: Callable[[], object], answer: Any, log: Path, environment: dict[str, str], here: Path) -> None:
    """What a process does: the server it was forked from may be older than ``environment`` and ``here``."""
    os.environ.clear()
    os.environ.update(environment)
    os.chdir(here)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    _write_to(log)
    try:
        call()
        answer.send("")
    except (MftaError, GeometryError) as error:
        answer.send(str(error))
    except Exception as error:
        traceback.print_exc()
        first = (str(error).splitlines() or [""])[0]
        answer.send(f"{type(error).__name__}: {first}; log: '{log}'")


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        connection.wait([parent.sentinel])
        os.kill(os.getpid(), signal.SIGKILL)


def _write_to(log: Path) -> None:
    """Send all output to ``log``; nowhere, if that cannot be written."""
    sys.stdout.flush()
    sys.stderr.flush()
    try:
        log.parent.mkdir(parents=True, exist_ok=True)
        target = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o666)
    except OSError:
        target = os.open(os.devnull, os.O_WRONLY)
    for stream in (1, 2):
        os.dup2(target, stream)
    os.close(target)


def show(events: Iterable[Event], total: int, console: Console) -> list[Event]:
    """Show ``total`` tasks as they end, with a bar on a terminal, elsewhere as they start too; return what failed."""
    live, failed, done, began = console.is_terminal, [], 0, time.monotonic()
    running: dict[str, None] = {}
    columns = (BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), TimeRemainingColumn())
    with Progress(
        *columns, TextColumn("{task.description}", markup=False), console=console, disable=not live
    ) as progress:
        bar = progress.add_task("", total=total)
        for event in events:
            if event.kind == "started":
                running[event.name] = None
                lines = [] if live else [f"{event.name}: started"]
            else:
                done += 1
                running.pop(event.name, None)
                failed += [event] if event.error else []
                left = (time.monotonic() - began) / done * (total - done)
                lines = [f"{event.name}: {event.error or f'done in {event.seconds:.1f} s'}"]
                lines += [f"{done} of {total} jobs, about {left:.0f} s left"] if not live and done < total else []
            progress.update(bar, completed=done, description="; ".join(running))
            for line in lines:
                console.print(line, markup=False, highlight=False, soft_wrap=True)
    return failed
