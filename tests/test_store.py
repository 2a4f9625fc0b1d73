"""What is written: whole files with the user's modes, valid JSON, locks on any file system, the right commit."""

import errno
import fcntl
import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import filelock
import pandas as pd
import pytest

from mfta import circumstances, store

ROOT = Path(__file__).parents[1]


@pytest.mark.parametrize(("umask", "mode"), [(0o002, 0o664), (0o027, 0o640), (0o077, 0o600)])
def test_files_have_the_modes_of_the_umask(tmp_path, umask, mode):
    before = os.umask(umask)
    try:
        store.write_json(tmp_path / "new" / "certificate.json", {})
    finally:
        os.umask(before)
    assert (tmp_path / "new" / "certificate.json").stat().st_mode & 0o777 == mode
    assert (tmp_path / "new").stat().st_mode & 0o666 == mode


def no_constant(name):
    raise AssertionError(f"{name} is no JSON")


def test_a_certificate_is_json_whatever_its_numbers(tmp_path):
    inf = float("inf")
    store.write_json(tmp_path / "c.json", {"a": float("nan"), "b": [inf, {"c": -inf}], "d": 0.1})
    text = (tmp_path / "c.json").read_text()
    assert json.loads(text, parse_constant=no_constant) == {"a": None, "b": [None, {"c": None}], "d": 0.1}


@pytest.mark.parametrize("content", ["[1]", '"text"', '{"config": []}', '{"definitions": "none"}', "{"])
def test_what_is_no_certificate_is_refused(tmp_path, content):
    (tmp_path / "certificate.json").write_text(content)
    with pytest.raises(store.StoreError, match=r"certificate.json'.*remove '"):
        store.read_certificate(tmp_path)


@pytest.fixture(params=[errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP])
def without_locks(request, monkeypatch):
    """A file system whose locks always fail."""

    def flock(file, operation):
        raise OSError(request.param, os.strerror(request.param))

    monkeypatch.setattr(fcntl, "flock", flock)


def test_without_locks_of_the_file_system_one_thing_is_still_held_by_one(without_locks, tmp_path):
    with store.lock(tmp_path / "a"):
        with pytest.raises(filelock.Timeout), store.lock(tmp_path / "a", wait=False):
            pass
        with store.lock(tmp_path / "b", wait=False):
            pass
    with store.lock(tmp_path / "a", wait=False):
        pass


def test_what_a_killed_process_left_half_written_is_removed_by_the_next(tmp_path):
    (tmp_path / "a").mkdir()
    for name in (".writing-0123", "table.csv"):
        (tmp_path / "a" / name).write_text("half")
    with store.lock(tmp_path / "a"):
        assert [path.name for path in (tmp_path / "a").iterdir()] == ["table.csv"]


def test_a_kill_between_table_and_certificate_leaves_no_table_beside_an_older_certificate(tmp_path, monkeypatch):
    store.write_table(tmp_path / "a", pd.DataFrame({"x": [1]}), {"kind": "table", "fingerprint": "f"})
    replace = Path.replace

    def killed(path, target):
        replace(path, target)
        raise KeyboardInterrupt

    monkeypatch.setattr(Path, "replace", killed)
    with pytest.raises(KeyboardInterrupt):
        store.write_table(tmp_path / "a", pd.DataFrame({"x": [2]}), {"kind": "table", "fingerprint": "f"})
    assert store.read_certificate(tmp_path / "a") is None
    with pytest.raises(store.StoreError, match="has no certificate"):
        store.read_table(tmp_path / "a", "f")


HOLDER = """
import errno, fcntl, sys, time
from pathlib import Path
def flock(file, operation):
    raise OSError(errno.ENOLCK, "No locks available")
fcntl.flock = flock
from mfta import circumstances, store
with store.lock(Path(sys.argv[1])):
    print("held", flush=True)
    time.sleep(300)
"""


def test_without_locks_that_of_a_killed_process_is_taken_over(without_locks, tmp_path):
    python = {**os.environ, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-c", HOLDER, str(tmp_path / "a")]
    holder = subprocess.Popen(command, env=python, stdout=subprocess.PIPE, text=True)
    assert holder.stdout.readline() == "held\n"
    with pytest.raises(filelock.Timeout), store.lock(tmp_path / "a", wait=False):
        pass
    holder.kill()
    holder.wait()
    began = time.monotonic()
    with store.lock(tmp_path / "a"):
        pass
    assert time.monotonic() - began < 60


def test_without_locks_who_waits_for_another_machine_says_so(without_locks, tmp_path, monkeypatch, capsys):
    (tmp_path / ".a.held").write_text("1\nelsewhere\n")
    given = []

    def acquire(lock, timeout=None, **_):
        given.append(timeout)
        if timeout is not None and timeout >= 0:
            raise filelock.Timeout(lock.lock_file)

    monkeypatch.setattr(filelock.SoftFileLock, "acquire", acquire)
    with store.lock(tmp_path / "a"):
        pass
    assert given == [5, None]
    assert capsys.readouterr().err.startswith(
        f"waiting for '{tmp_path / '.a.held'}', as the file system has no locks"
    )


def test_a_lock_that_may_not_be_opened_is_one_line(tmp_path, monkeypatch):
    def flock(file, operation):
        raise PermissionError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr(fcntl, "flock", flock)
    refused = pytest.raises(store.StoreError, match=r"cannot write .*Operation not permitted.*: make room")
    with refused, store.lock(tmp_path / "a"):
        pass


def git(folder, *words):
    name = ["-c", "user.name=n", "-c", "user.email=e@x"]
    command = ["git", *name, *words]
    return subprocess.run(command, cwd=folder, check=True, capture_output=True, text=True).stdout.strip()


def repository(folder):
    folder.mkdir(exist_ok=True)
    git(folder, "init", "-q")
    git(folder, "add", ".")
    git(folder, "commit", "-q", "--allow-empty", "-m", "all")
    return git(folder, "rev-parse", "HEAD")


def test_the_commit_is_that_of_the_packages_own_repository_and_says_if_it_is_dirty(tmp_path, monkeypatch):
    package = tmp_path / "mfta"
    package.mkdir()
    shutil.copy(ROOT / "mfta" / "store.py", package)
    commit = repository(tmp_path)
    other = repository(tmp_path / "other")
    monkeypatch.setattr(circumstances, "PACKAGE", package)
    monkeypatch.setenv("GIT_DIR", str(tmp_path / "other" / ".git"))  # as within a hook of another repository
    assert commit != other
    assert circumstances.circumstances()["commit"] == commit
    (tmp_path / "notes.txt").write_text("beside the package")
    assert circumstances.circumstances()["commit"] == commit
    (package / "new.py").write_text("")
    assert circumstances.circumstances()["commit"] == f"{commit}-dirty"


@pytest.mark.parametrize("tracked", [True, False])
def test_a_package_installed_within_another_repository_has_no_commit(tmp_path, monkeypatch, tracked):
    package = tmp_path / ".venv" / "lib" / "mfta"
    package.mkdir(parents=True)
    shutil.copy(ROOT / "mfta" / "store.py", package)
    if not tracked:
        (tmp_path / ".gitignore").write_text(".venv\n")
    repository(tmp_path)
    monkeypatch.setattr(circumstances, "PACKAGE", package)
    assert circumstances.circumstances()["commit"] is None


def test_a_text_for_others_names_no_folder_of_this_machine(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("MFTA_RUNS", str(tmp_path / "a b" / "runs"))
    said = store.without_places(f"'{tmp_path}/a b/runs/1' is cut, {tmp_path}, /{tmp_path.name}s/x, {tmp_path}/y")
    assert said == f"'runs/1' is cut, ~, /{tmp_path.name}s/x, ~/y"
    assert store.without_places("/tmp/ipykernel_12/345.py:3: UserWarning") == "cell:3: UserWarning"
    assert store.without_places("1/2 and a/b") == "1/2 and a/b"


FETCH = """
import sys, time
from pathlib import Path
from torchvision import datasets
from mfta import data
class Fetched(datasets.CIFAR100):
    def __init__(self, root, train=True, download=False):
        if not download:
            raise RuntimeError
        time.sleep(2)
        (Path(root) / self.base_folder).mkdir()
        with open(sys.argv[1], "a") as file:
            file.write("once\\n")
datasets.CIFAR100 = Fetched
try:
    data.cifar100()
except data.DataError as error:
    print(error)
"""


def test_two_processes_that_want_one_data_set_fetch_it_once(tmp_path):
    python = {**os.environ, "PYTHONPATH": str(ROOT), "MFTA_DATA": str(tmp_path / "odd [1] #%" / "data")}
    command = [sys.executable, "-c", FETCH, str(tmp_path / "fetched")]
    both = [subprocess.Popen(command, env=python, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    said = [process.communicate()[0] for process in both]
    assert (tmp_path / "fetched").read_text() == "once\n"
    assert all("is not complete or not as published" in text for text in said)  # what was fetched here is empty
    assert not list((tmp_path / "odd [1] #%" / "data").glob(".fetching-*"))
