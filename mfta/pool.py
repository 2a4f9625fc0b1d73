"""Tasks side by side, each in a process of its own: one that dies takes no other with it.

The processes are forked from a server that has imported everything once, so that a task starts in some
hundredths of a second. Their output goes to a log each. They end when the process that asked for them ends,
however it ends.
"""

import multiprocessing
import os
import signal
import sys
import threading
import time
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing import forkserver
from multiprocessing.connection import Connection, wait
from pathlib import Path
from typing import Any, Literal

from mfta.errors import MftaError
from mfta.geometry import GeometryError

Process = Any  # what a multiprocessing context starts


@dataclass(frozen=True)
class Task:
    """Something to be done once, by a picklable call without arguments, after what its names in ``after``."""

    name: str
    call: Callable[[], object]
    threads: int = 1
    after: tuple[str, ...] = ()


@dataclass(frozen=True)
class Event:
    """A task started, or ended: ``error`` is one line that is empty where all went well."""

    task: Task
    kind: Literal["started", "ended"]
    error: str = ""
    seconds: float = 0.0


def run(tasks: Sequence[Task], at_once: int, cores: int, logs: Path) -> Iterator[Event]:
    """Run all tasks, in their order where nothing holds them; yield what happens as it happens.

    At most ``at_once`` run at a time, and their threads together are at most ``cores`` (one task alone may
    have more). A task whose predecessor failed is not started and counts as failed.
    """
    context = warm()
    waiting = list(tasks)
    running: dict[Any, _Running] = {}
    ended: dict[str, str] = {}
    known = {task.name for task in tasks}
    try:
        while waiting or running:
            for task in list(waiting):
                before = [name for name in task.after if name in known]
                lost = next((name for name in before if ended.get(name)), None)
                if lost:
                    ended[task.name] = f"not started, as {lost} failed"
                    waiting.remove(task)
                    yield Event(task, "ended", ended[task.name])
                    continue
                used = sum(one.task.threads for one in running.values())
                room = not running or (len(running) < at_once and used + task.threads <= cores)
                if room and all(name in ended for name in before):
                    one = _start(context, task, logs)
                    running[one.process.sentinel] = one
                    waiting.remove(task)
                    yield Event(task, "started")
            for sentinel in wait(list(running)):
                one = running.pop(sentinel)
                error = one.error()
                ended[one.task.name] = error
                yield Event(one.task, "ended", error, time.monotonic() - one.started)
    finally:
        for one in running.values():
            one.process.terminate()
        for one in running.values():
            one.process.join()


def warm() -> Any:
    """Start the server that tasks are forked from, which then imports while the caller does (not on Windows)."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["mfta.batch", "mfta.live", "typer"])
    forkserver.ensure_running()
    return context


@dataclass(frozen=True)
class _Running:
    task: Task
    process: Process
    answer: Connection
    log: Path
    started: float

    def error(self) -> str:
        """What an ended process said, or what ended it."""
        self.process.join()
        with suppress(EOFError):
            if self.answer.poll():
                return self.answer.recv()
        code = self.process.exitcode
        how = f"was killed ({signal.Signals(-code).name})" if code < 0 else f"ended with status {code}"
        return f"its process {how}; what it had finished is kept, run it again; log: '{self.log}'"


def _start(context: Any, task: Task, logs: Path) -> _Running:
    answer, end = context.Pipe(duplex=False)
    log = logs / f"{''.join(c if c.isalnum() else '_' for c in task.name)}.log"
    process = context.Process(target=_work, args=(task.call, end, log, dict(os.environ), Path.cwd()), name=task.name)
    process.start()
    end.close()
    return _Running(task, process, answer, log, time.monotonic())


def _work(call: Callable[[], object], answer: Connection, log: Path, environment: dict[str, str], here: Path) -> None:
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
        wait([parent.sentinel])
        os.kill(os.getpid(), signal.SIGKILL)


def _write_to(log: Path) -> None:
    """Send all output to ``log``; nowhere, if that cannot be written."""
    sys.stdout.flush()
    sys.stderr.flush()
    try:
        log.parent.mkdir(parents=True, exist_ok=True)
        target = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)
    except OSError:
        target = os.open(os.devnull, os.O_WRONLY)
    for stream in (1, 2):
        os.dup2(target, stream)
    os.close(target)
