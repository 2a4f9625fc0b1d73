"""Every stored table against its certificate, the code as it stands, and itself made once more."""

import json
import os
import random
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from mfta import changes, definitions, sections, store
from mfta.errors import StoreError
from mfta.jobs import Job, stored_directories


@dataclass(frozen=True)
class Row:
    """One stored table; ``state`` is sound, stale (the code changed since), unfinished or refused."""

    preset: str
    section: str
    seed: str
    fingerprint: str
    state: str
    why: str


def audit() -> list[Row]:
    """Check every stored table: checksum, fingerprint, and whether its code is today's."""
    rows = []
    for folder in stored_directories():
        preset, section, fingerprint = folder.parts[-3:]
        seed, state, why = "", "sound", ""
        try:
            certificate = store.read_certificate(folder)
            if certificate is None:
                rows.append(Row(preset, section, seed, fingerprint, "unfinished", "being made, or interrupted"))
                continue
            store.read_table(folder, fingerprint)
            seed = str(certificate["config"]["seed"])
            why = f"made {certificate['made']} on {certificate['device']}"
            if changes.code(certificate, _definitions(section, certificate)):
                changed = ", ".join(changes.since(certificate, _definitions(section, certificate)))
                state, why = "stale", f"since then: {changed}; {why}"
        except StoreError as error:
            state, why = "refused", str(error)
        except KeyError as error:
            state, why = "refused", f"'{folder}' has no {error} in its certificate or is of no known section"
        rows.append(Row(preset, section, seed, fingerprint, state, why))
    return rows


def _definitions(section: str, certificate: dict[str, Any]) -> dict[str, str]:
    """Today's definitions behind a table; parameters that its certificate does not know have their defaults."""
    defaults = sections.section_model(section).model_validate({}).model_dump()
    return definitions.of({**defaults, **certificate["config"]}, sections.computing(section))


@dataclass(frozen=True)
class Comparison:
    """A stored table and the same made once more."""

    name: str
    difference: float
    """Largest relative difference of a number; 0 where all is the same bit for bit, infinite for other rows."""
    circumstances: tuple[str, ...]
    """What is not as it was then: files of the code, versions, processor, instructions, device."""

    @property
    def holds(self) -> bool:
        """False where the same code on the same processor gave something else."""
        return self.difference == 0 or bool(self.circumstances)


def recompute(number: int, preset: str | None = None, seed: int | None = None) -> Iterator[Comparison]:
    """Make ``number`` random sound tables again, their trainings too, in a store of their own, and compare.

    preset: only of this one. seed: of the choice.
    """
    rows = [row for row in audit() if row.state in ("sound", "stale") and preset in (None, row.preset)]
    for row in random.Random(seed).sample(rows, min(number, len(rows))):
        folder = store.results_directory() / row.preset / row.section / row.fingerprint
        certificate = store.read_certificate(folder) or {}
        config = sections.section_model(row.section).model_validate_json(json.dumps(certificate["config"]))
        job = Job(row.section, row.preset, config)
        stored = store.read_table(folder, row.fingerprint)
        with tempfile.TemporaryDirectory() as elsewhere, _store_in(Path(elsewhere)):
            again = job.table()
            now = store.read_certificate(job.directory) or {}
        other = [
            f"{name} {certificate.get(name, 'not recorded')}, now {now[name]}"
            for name in ("processor", "instructions", "device", "system", "python")
            if certificate.get(name) != now[name]
        ]
        since = changes.since(certificate, job.definitions)
        yield Comparison(str(job), difference(stored, again), (*since, *other))


def difference(one: pd.DataFrame, other: pd.DataFrame) -> float:
    """Largest |a − b| over the larger of |a| and |b|; infinite where rows, columns, texts or gaps differ."""
    if one.shape != other.shape or list(one.columns) != list(other.columns):
        return float("inf")
    largest = 0.0
    for name in one:
        a, b = one[name], other[name]
        if not (pd.api.types.is_numeric_dtype(a) and pd.api.types.is_numeric_dtype(b)):
            largest = max(largest, 0.0 if a.equals(b) else float("inf"))
            continue
        x, y = a.to_numpy(float), b.to_numpy(float)
        same = (x == y) | (np.isnan(x) & np.isnan(y))
        apart = np.abs(x - y)[~same] / np.maximum(np.abs(x), np.abs(y))[~same]
        largest = max([largest, *np.where(np.isnan(apart), np.inf, apart)])
    return float(largest)


@contextmanager
def _store_in(folder: Path) -> Iterator[None]:
    """Runs and results of their own for a while."""
    names = {"MFTA_RUNS": folder / "runs", "MFTA_RESULTS": folder / "results"}
    before = {name: os.environ.get(name) for name in names}
    os.environ.update({name: str(path) for name, path in names.items()})
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value
