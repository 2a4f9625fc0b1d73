"""Runs and tables on disk: where they lie, how they are written whole, and what proves them."""

import datetime
import hashlib
import importlib.metadata
import io
import json
import os
import platform
import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import filelock
import pandas as pd

from mfta.errors import StoreError

PACKAGE = Path(__file__).parent
CERTIFIED_PACKAGES = ("numpy", "scipy", "numba", "pandas", "scikit-learn", "torch", "torchvision")


def home() -> Path:
    """The project's folder: the nearest one above that holds ``pyproject.toml``, else the current one."""
    here = Path.cwd()
    return next((folder for folder in (here, *here.parents) if (folder / "pyproject.toml").exists()), here)


def runs_directory() -> Path:
    """Where trained networks lie: ``$MFTA_RUNS``, else ``runs`` in the project."""
    return Path(os.environ.get("MFTA_RUNS", home() / "runs"))


def results_directory() -> Path:
    """Where tables lie: ``$MFTA_RESULTS``, else ``results`` in the project."""
    return Path(os.environ.get("MFTA_RESULTS", home() / "results"))


def code_digest(*parts: str) -> str:
    """SHA-256 (16 digits) of the named modules and folders of the package, in a fixed order."""
    digest = hashlib.sha256()
    for part in sorted(parts):
        path = PACKAGE / part
        for file in sorted(path.rglob("*.py")) if path.is_dir() else [path]:
            digest.update(file.relative_to(PACKAGE).as_posix().encode() + b"\0" + file.read_bytes())
    return digest.hexdigest()[:16]


def write(path: Path, save: Callable[[io.BytesIO], object]) -> str:
    """Write a file whole or not at all; return the SHA-256 of its content.

    ``save`` fills a buffer in memory; the bytes go to a temporary file beside ``path``, which then takes
    its name. Raises StoreError where the folder cannot be written or the disk is full.
    """
    buffer = io.BytesIO()
    save(buffer)
    content = buffer.getvalue()
    temporary: str | None = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=path.parent, prefix=".writing-", delete=False) as file:
            temporary = file.name
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        Path(temporary).chmod(0o644)
        Path(temporary).replace(path)
    except OSError as error:
        if temporary:
            Path(temporary).unlink(missing_ok=True)
        raise StoreError(
            f"cannot write '{path}' ({error.strerror}): make room or allow writing there, or set"
            " MFTA_RESULTS and MFTA_RUNS to a place that can be written; nothing was damaged"
        ) from None
    return hashlib.sha256(content).hexdigest()


def write_json(path: Path, content: dict[str, Any]) -> str:
    """Write a JSON file whole or not at all."""
    text = json.dumps(content, indent=1, sort_keys=True) + "\n"
    return write(path, lambda buffer: buffer.write(text.encode()))


def lock(directory: Path) -> filelock.FileLock:
    """A lock beside ``directory``, so that two processes that ask for one thing make it once."""
    path = directory.with_name(f".{directory.name}.lock")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    except OSError as error:
        raise StoreError(
            f"cannot write in '{path.parent}' ({error.strerror}): allow writing there, or set"
            " MFTA_RESULTS and MFTA_RUNS to a place that can be written"
        ) from None
    return filelock.FileLock(path)


def circumstances() -> dict[str, Any]:
    """What a certificate says of the machine, the versions and the moment."""
    commit = subprocess.run(["git", "rev-parse", "HEAD"], cwd=PACKAGE, capture_output=True, text=True, check=False)
    return {
        "commit": commit.stdout.strip() or None,
        "made": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.machine()}",
        "versions": {name: importlib.metadata.version(name) for name in CERTIFIED_PACKAGES},
    }


def write_table(directory: Path, table: pd.DataFrame, certificate: dict[str, Any]) -> None:
    """Store a table and then its certificate, which names the table's checksum."""
    text = table.to_csv(index=False, lineterminator="\n")
    checksum = write(directory / "table.csv", lambda buffer: buffer.write(text.encode()))
    write_json(directory / "certificate.json", {**certificate, **circumstances(), "table_sha256": checksum})


def read_certificate(directory: Path) -> dict[str, Any] | None:
    """The certificate in ``directory``; None where nothing was finished there."""
    path = directory / "certificate.json"
    try:
        return json.loads(path.read_text())
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        raise StoreError(f"'{path}' cannot be read ({error}): remove '{directory}' to recompute it") from None


def read_table(directory: Path, fingerprint: str, config: dict[str, Any] | None = None) -> pd.DataFrame:
    """The stored table, after its certificate and checksum were checked.

    config: what the table should have been made with; parameters that the certificate does not know yet
    are not compared.

    Raises StoreError for a certificate of another config, and for a table that was cut or edited.
    """
    certificate = read_certificate(directory)
    remedy = f"restore it, or remove '{directory}' to recompute it"
    if certificate is None:
        raise StoreError(f"'{directory}' has no certificate: {remedy}")
    if certificate.get("fingerprint") != fingerprint:
        raise StoreError(f"'{directory / 'certificate.json'}' belongs to another table: {remedy}")
    made_with = certificate.get("config", {})
    changed = [name for name in made_with if config is not None and made_with[name] != config.get(name)]
    if changed:
        raise StoreError(f"'{directory}' was made with another {', '.join(changed)}: {remedy}")
    path = directory / "table.csv"
    if not path.exists():
        raise StoreError(f"'{path}' is missing: {remedy}")
    if hashlib.sha256(path.read_bytes()).hexdigest() != certificate.get("table_sha256"):
        raise StoreError(f"'{path}' is not what its certificate says (edited or cut): {remedy}")
    return pd.read_csv(path, keep_default_na=True)
