"""Runs and tables on disk: where they lie, how they are written whole, and what proves them."""

import errno
import hashlib
import io
import json
import os
import re
import sys
import tempfile
import uuid
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import filelock
import pandas as pd

from mfta.circumstances import (
    PACKAGE,
    certified,
    circumstances,
    has_matrix_instructions,
    keep_freed_memory,
    progress,
    versions,
)
from mfta.errors import StoreError

__all__ = ["certified", "has_matrix_instructions", "keep_freed_memory", "progress", "versions"]


def home() -> Path:
    """The project's folder: the nearest one above that holds ``pyproject.toml``, else the current one."""
    here = Path.cwd()
    return next((folder for folder in (here, *here.parents) if (folder / "pyproject.toml").exists()), here)


def folder(variable: str, name: str) -> Path:
    """The absolute folder an environment variable names, a tilde expanded; unset, empty: ``name`` in the project."""
    given = os.environ.get(variable, "").strip()
    try:
        path = Path(given).expanduser().absolute() if given else home() / name
        if not path.exists() or path.is_dir():
            return path
        reason = "it is no folder"
    except RuntimeError:
        reason = "its home is not there: give the whole path"
    except OSError as error:
        reason = error.strerror or str(error)
    raise StoreError(f"{variable} = {given or name!r} is refused ({reason}): give another place")


def without_places(text: str) -> str:
    """A text for others to read, without this machine's folders and what they say of its user."""
    named = {results_directory(): "results", runs_directory(): "runs", folder("MFTA_DATA", "data"): "data"}
    named |= {home(): ".", PACKAGE.parent: ".", Path(sys.prefix): "python", Path(tempfile.gettempdir()): "tmp"}
    named |= {Path(os.path.expanduser("~")): "~"}  # noqa: PTH111 (there may be no home)
    named |= {place.resolve(): name for place, name in named.items()}
    for place in sorted(named, key=lambda place: -len(str(place))):
        if len(place.parts) > 1 and place.is_absolute():
            text = re.sub(rf"{re.escape(str(place))}(?![\w.-])", named[place], text)
    return re.sub(r"\S*ipykernel_\d+/\d+\.py", "cell", text)


def runs_directory() -> Path:
    """Where trained networks lie: ``$MFTA_RUNS``, else ``runs`` in the project."""
    return folder("MFTA_RUNS", "runs")


def results_directory() -> Path:
    """Where tables lie: ``$MFTA_RESULTS``, else ``results`` in the project."""
    return folder("MFTA_RESULTS", "results")


def write(path: Path, save: Callable[[io.BytesIO], object]) -> None:
    """Write a file whole or not at all.

    ``save`` fills a buffer in memory; the bytes go to a temporary file beside ``path``, which then takes
    its name. Raises StoreError where the folder cannot be written or the disk is full.
    """
    buffer = io.BytesIO()
    save(buffer)
    _staged(path, buffer.getvalue()).replace(path)


def _staged(path: Path, content: bytes) -> Path:
    """A temporary file beside ``path`` with all of ``content``, on the disk and ready to take its name."""
    temporary = path.with_name(f".writing-{uuid.uuid4().hex}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with temporary.open("xb") as file:  # and not by tempfile, so that its mode follows the umask
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        with suppress(OSError):
            temporary.unlink()
        raise _unwritable(str(path), error) from None
    return temporary


def _unwritable(place: str, error: OSError) -> StoreError:
    return StoreError(
        f"cannot write '{place}' ({error.strerror}): make room or allow writing there, or set"
        " MFTA_RESULTS, MFTA_RUNS and MFTA_DATA to places that can be written; nothing was damaged"
    )


def _json(content: dict[str, Any]) -> bytes:
    """Valid JSON, which has no infinity and no NaN: those become null."""
    finite = json.loads(json.dumps(content), parse_constant=lambda _: None)
    return (json.dumps(finite, indent=1, sort_keys=True, allow_nan=False) + "\n").encode()


def write_json(path: Path, content: dict[str, Any]) -> None:
    """Write a JSON file whole or not at all."""
    write(path, lambda buffer: buffer.write(_json(content)))


@contextmanager
def lock(directory: Path, wait: bool = True) -> Iterator[None]:
    """Hold the lock of ``directory``, so that two processes that ask for one thing make it once.

    A lock ends with its process, however that ends; what a killed one left half-written is removed. Where
    nothing can be written and a certificate is there, no lock is needed: it can only be read.
    Raises StoreError where it cannot be taken, filelock.Timeout where another holds it and not ``wait``.
    """
    path = directory.with_name(f".{directory.name}.lock")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
        held = _acquired(path, wait)
    except filelock.Timeout:
        raise
    except OSError as error:
        if (directory / "certificate.json").exists():
            yield
            return
        raise _unwritable(str(path.parent), error) from None
    try:
        for left in directory.glob(".writing-*"):
            left.unlink(missing_ok=True)
        yield
    finally:
        held.release()


def _acquired(path: Path, wait: bool) -> filelock.BaseFileLock:
    """The lock of the file system; where it has none, a file that names its holder, whose end frees it."""
    lock: filelock.BaseFileLock = filelock.FileLock(path, fallback_to_soft=False)
    try:
        lock.acquire(timeout=-1 if wait else 0)
        return lock
    except (OSError, NotImplementedError) as error:
        if isinstance(error, OSError) and error.errno not in (errno.ENOSYS, errno.ENOLCK, errno.EOPNOTSUPP):
            raise
    lock = filelock.SoftFileLock(path.with_suffix(".held"))
    try:
        lock.acquire(timeout=5 if wait else 0)
    except filelock.Timeout:
        if not wait:
            raise
        sys.stderr.write(
            f"waiting for '{lock.lock_file}', as the file system has no locks: remove it if the process on the"
            " machine that it names is gone\n"
        )
        lock.acquire()
    return lock


def write_table(directory: Path, table: pd.DataFrame, certificate: dict[str, Any]) -> None:
    """Store a table and then its certificate, which names the table's checksum.

    Both are on the disk before an older certificate goes, and that goes before anything takes its name: a
    full disk changes nothing, and a kill at any moment leaves no table beside a certificate of another.
    """
    text = table.to_csv(index=False, lineterminator="\n").encode()
    full = {**certificate, **circumstances(), "table_sha256": hashlib.sha256(text).hexdigest()}
    staged = _staged(directory / "table.csv", text)
    try:
        proof = _staged(directory / "certificate.json", _json(full))
    except StoreError:
        staged.unlink()
        raise
    remove(directory / "certificate.json")
    staged.replace(directory / "table.csv")
    proof.replace(directory / "certificate.json")


def read_certificate(directory: Path) -> dict[str, Any] | None:
    """The certificate in ``directory``; None where nothing was finished there."""
    path = directory / "certificate.json"
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (OSError, ValueError) as error:
        raise StoreError(f"'{path}' cannot be read ({error}): remove '{directory}' to recompute it") from None
    parts = ("config", "definitions", "versions", "files_sha256")
    if not isinstance(content, dict) or not all(isinstance(content.get(part, {}), dict) for part in parts):
        raise StoreError(f"'{path}' is no certificate: remove '{directory}' to recompute it")
    return content


def remove(path: Path) -> None:
    """Remove what is to be made anew: a page, or what vouches for a folder, before any file there changes."""
    try:
        path.unlink(missing_ok=True)
    except OSError as error:
        raise StoreError(f"cannot replace '{path}' ({error.strerror}): allow writing there") from None


def check_certificate(directory: Path, kind: str, fingerprint: str, config: dict[str, Any] | None = None) -> None:
    """Refuse a ``directory`` whose certificate is absent or of another kind, fingerprint or config.

    config: what it should have been made with; parameters the certificate does not know yet are not compared.
    """
    certificate = read_certificate(directory)
    remedy = _remedy(directory)
    if certificate is None:
        raise StoreError(f"'{directory}' has no certificate: {remedy}")
    if (certificate.get("kind"), certificate.get("fingerprint")) != (kind, fingerprint):
        raise StoreError(f"'{directory / 'certificate.json'}' belongs to another {kind}: {remedy}")
    made_with = certificate.get("config", {})
    changed = [name for name in made_with if config is not None and made_with[name] != config.get(name)]
    if changed:
        raise StoreError(f"'{directory}' was made with another {', '.join(changed)}: {remedy}")


def check_file(path: Path) -> None:
    """Refuse a file that is missing, or is not what the certificate beside it says."""
    certificate = read_certificate(path.parent)
    if certificate is None:
        raise StoreError(f"'{path.parent}' has no certificate: {_remedy(path.parent)}")
    sums = {"table.csv": certificate.get("table_sha256")} | certificate.get("files_sha256", {})
    try:
        checksum = checksums([path])[path.name]
    except FileNotFoundError:
        raise StoreError(f"'{path}' is missing: {_remedy(path.parent)}") from None
    except OSError as error:
        raise StoreError(f"'{path}' cannot be read ({error.strerror}): {_remedy(path.parent)}") from None
    if checksum != sums.get(path.name, checksum):  # runs of before there were checksums have none
        raise StoreError(f"'{path}' is not what its certificate says (edited or cut): {_remedy(path.parent)}")


def read_table(directory: Path, fingerprint: str, config: dict[str, Any] | None = None) -> pd.DataFrame:
    """The stored table, after its certificate and checksum were checked.

    Raises StoreError for a certificate of another config, and for a table that was cut or edited.
    """
    check_certificate(directory, "table", fingerprint, config)
    check_file(directory / "table.csv")
    return pd.read_csv(directory / "table.csv", keep_default_na=True)


def checksums(paths: Iterable[Path]) -> dict[str, str]:
    """SHA-256 of each file, by its name."""
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in sorted(paths)}


def _remedy(directory: Path) -> str:
    return f"restore it, or remove '{directory}' to recompute it"
