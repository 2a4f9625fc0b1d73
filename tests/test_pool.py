import os
import signal
import subprocess
import sys
import time
from functools import partial
from pathlib import Path

import psutil

from mfta import pool
from mfta.errors import StoreError
from mfta.pool import Task


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


def run(tasks, tmp_path, at_once=2, cores=2):
    events = list(pool.run(tasks, at_once, cores, tmp_path / "logs"))
    return events, {event.task.name: event.error for event in events if event.kind == "ended"}


def test_what_dies_takes_no_other_with_it_and_says_how(tmp_path):
    tasks = [
        Task("dead", die),
        Task("left", leave),
        Task("refused", refuse),
        Task("broken", break_down),
        Task("needs dead", partial(touch, tmp_path / "never"), after=("dead",)),
        Task("good", partial(touch, tmp_path / "good")),
    ]
    _, errors = run(tasks, tmp_path)
    assert "was killed (SIGKILL)" in errors["dead"]
    assert "ended with status 3" in errors["left"]
    assert errors["refused"] == "the disk is full"
    assert errors["broken"].startswith("RuntimeError: first line; log: ")
    assert errors["needs dead"] == "not started, as dead failed"
    assert errors["good"] == ""
    assert (tmp_path / "good").exists()
    assert not (tmp_path / "never").exists()
    log = (tmp_path / "logs" / "broken.log").read_text()
    assert "before" in log
    assert "second line" in log


def most_threads(events):
    now = most = 0
    for event in events:
        now += event.task.threads * (1 if event.kind == "started" else -1)
        most = max(most, now)
    return most


def test_threads_together_are_at_most_the_cores(tmp_path):
    tasks = [Task(f"{i}", partial(time.sleep, 0.05), threads=1 + i % 2) for i in range(8)]
    events, errors = run(tasks, tmp_path, at_once=8, cores=3)
    assert most_threads(events) == 3
    assert len(errors) == 8


def test_a_task_of_more_threads_than_cores_runs_alone(tmp_path):
    tasks = [Task("wide", partial(time.sleep, 0.05), threads=4), Task("other", partial(time.sleep, 0.05))]
    events, _ = run(tasks, tmp_path, cores=2)
    assert [event.kind for event in events] == ["started", "ended", "started", "ended"]


def test_what_must_come_first_comes_first_and_the_environment_is_todays(tmp_path, monkeypatch):
    monkeypatch.setenv("MFTA_TEST", "new")
    tasks = [
        Task("second", partial(subprocess.check_call, ["test", "-e", tmp_path / "first"]), after=("first",)),
        Task("first", partial(subprocess.check_call, f"test $MFTA_TEST = new && touch {tmp_path}/first", shell=True)),
    ]
    events, errors = run(tasks, tmp_path)
    assert errors == {"first": "", "second": ""}
    assert [event.task.name for event in events] == ["first", "first", "second", "second"]


LONELY = """
import functools, sys, time
from pathlib import Path
from mfta.pool import Task, run
sys.path.insert(0, {tests!r})
import test_pool
if __name__ == "__main__":
    for event in run([Task("long", functools.partial(test_pool.touch_and_sleep, {path!r}))], 1, 1, Path({logs!r})):
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
    text = LONELY.format(tests=str(Path(__file__).parent), path=str(path), logs=str(tmp_path / "logs"))
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
