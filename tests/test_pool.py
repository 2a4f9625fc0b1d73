import io
import os
import signal
import subprocess
import sys
import time
from functools import partial
from pathlib import Path

import psutil
import pytest
from rich.console import Console

from mfta import batch
from mfta.batch import Event, Task
from mfta.errors import StoreError


def touch(path):
    Path(path).write_text(str(os.getpid()))


def refuse():
    raise StoreError("the disk is full")


def break_down():
    sys.stderr.write("before")
    raise RuntimeError("first line\nsecond line")


def die():
    os.kill(os.getpid(), signal.SIGKILL)


def leave():
    os._exit(3)


@pytest.fixture(autouse=True)
def project(tmp_path, monkeypatch):
    """Where the logs go."""
    (tmp_path / "pyproject.toml").write_text("")
    monkeypatch.chdir(tmp_path)


def run(tasks, at_once=2):
    events = list(batch.carry_out(tasks, at_once))
    return events, {event.name: event.error for event in events if event.kind == "ended"}


def test_what_dies_takes_no_other_with_it_and_says_how(tmp_path):
    tasks = [
        Task("dead", die),
        Task("left", leave),
        Task("refused", refuse),
        Task("broken", break_down),
        Task("needs dead", partial(touch, tmp_path / "never"), after=("dead",)),
        Task("good", partial(touch, tmp_path / "good"), follows=("dead", "needs dead")),
    ]
    events, errors = run(tasks)
    assert "was killed (SIGKILL)" in errors["dead"]
    assert events.index(Event("good", "started")) > [event.name for event in events].index("needs dead")
    assert "ended with status 3" in errors["left"]
    assert errors["refused"] == "the disk is full"
    assert errors["broken"].startswith("RuntimeError: first line; log: ")
    assert errors["needs dead"] == "not started, as dead failed"
    assert errors["good"] == ""
    assert (tmp_path / "good").exists()
    assert not (tmp_path / "never").exists()
    log = (tmp_path / "_build" / "logs" / "broken.log").read_text()
    assert "before" in log
    assert "second line" in log


def end_the_server():
    os.kill(os.getppid(), signal.SIGKILL)
    time.sleep(1)


def test_what_the_server_of_the_processes_takes_with_it_is_nothing(tmp_path):
    tasks = [Task("kills it", end_the_server), Task("next", partial(touch, tmp_path / "next"), after=("kills it",))]
    assert run(tasks)[1] == {"kills it": "", "next": ""}
    assert (tmp_path / "next").exists()


def test_no_more_run_at_a_time_than_asked_for():
    events, errors = run([Task(f"{i}", partial(time.sleep, 0.05)) for i in range(8)], at_once=3)
    running = [sum(1 if event.kind == "started" else -1 for event in events[: n + 1]) for n in range(len(events))]
    assert max(running) == 3
    assert len(errors) == 8


def test_the_threads_of_all_together_are_at_most_the_cores():
    tasks = [Task("wide", print, threads=3), Task("narrow", print), Task("there", print, threads=8, wanted=False)]
    assert [batch.at_once(tasks, n_jobs, cores=8) for n_jobs in (1, 2, 4)] == [1, 2, 2]
    assert batch.at_once(tasks, 4, cores=2) == 1


def test_what_a_batch_leaves_off_ends_at_once():
    going = batch.carry_out([Task("long", partial(time.sleep, 120)), Task("next", partial(time.sleep, 120))], 1)
    assert next(going) == Event("long", "started")
    began = time.monotonic()
    going.close()
    assert time.monotonic() - began < 60


def test_what_must_come_first_comes_first_and_the_environment_is_todays(tmp_path, monkeypatch):
    monkeypatch.setenv("MFTA_TEST", "new")
    tasks = [
        Task("first", partial(subprocess.check_call, f"test $MFTA_TEST = new && touch {tmp_path}/first", shell=True)),
        Task("second", partial(subprocess.check_call, ["test", "-e", tmp_path / "first"]), after=("first",)),
    ]
    events, errors = run(tasks)
    assert errors == {"first": "", "second": ""}
    assert [event.name for event in events] == ["first", "first", "second", "second"]


LONELY = """
import functools, sys, time
from mfta.batch import Task, carry_out
sys.path.insert(0, {tests!r})
import test_pool
if __name__ == "__main__":
    for event in carry_out([Task("long", functools.partial(test_pool.touch_and_sleep, {path!r}))]):
        pass
"""


def touch_and_sleep(path):
    touch(path)
    time.sleep(120)


def alive(pid):
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def test_a_task_ends_with_the_process_that_asked_for_it(tmp_path):
    path, script = tmp_path / "pid", tmp_path / "script.py"
    text = LONELY.format(tests=str(Path(__file__).parent), path=str(path))
    script.write_text(text)
    asking = subprocess.Popen([sys.executable, script])
    while not path.exists() or not path.read_text():
        assert asking.poll() is None
        time.sleep(0.05)
    worker = int(path.read_text())
    asking.kill()
    asking.wait()
    deadline = time.monotonic() + 30
    while alive(worker):
        assert time.monotonic() < deadline
        time.sleep(0.05)


@pytest.mark.parametrize("short", [True, False])
def test_a_long_folder_for_temporary_files_stops_no_batch(tmp_path, monkeypatch, short):
    """As on clusters; the server is started anew, in a shorter folder or, where there is none, not at all."""
    long = tmp_path / "scratch" / ("job-0123456789" * 7)
    long.mkdir(parents=True)
    script = tmp_path / "script.py"
    script.write_text(
        "import sys, time\nfrom functools import partial\nfrom mfta import batch\n"
        + ("" if short else "batch.os.access = lambda *_: False\n")
        + "if __name__ == '__main__':\n"
        "    events = list(batch.carry_out([batch.Task('one', partial(time.sleep, 0))]))\n"
        "    sys.exit(events[-1].error or 0)\n"
    )
    python = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[1]), "TMPDIR": str(long)}
    answer = subprocess.run([sys.executable, script], env=python, capture_output=True, text=True, check=False)
    assert answer.returncode == 0, answer.stderr


EVENTS = [
    Event("training", "started"),
    Event("training", "ended", seconds=1.5),
    Event("table [bold]", "started"),
    Event("table [bold]", "ended", error="cell 3: ValueError: no"),
]


@pytest.mark.parametrize("terminal", [True, False])
def test_what_is_seen_of_a_batch(terminal):
    file = io.StringIO()
    failed = batch.show(EVENTS, 2, Console(file=file, force_terminal=terminal, width=100))
    assert failed == EVENTS[-1:]
    text = file.getvalue()
    assert "training: done in 1.5 s" in text
    assert "table [bold]: cell 3: ValueError: no" in text
    assert ("1 of 2 jobs, about 0 s left" in text) != terminal  # the bar says it, and the log
    assert ("\x1b[" in text) == terminal
    assert ("2/2" in text) == terminal
