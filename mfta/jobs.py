"""What there is to do: one job is one section at one seed, stored under its own fingerprint."""

import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import filelock
import pandas as pd
import torch
from threadpoolctl import threadpool_limits

from mfta import changes, configs, definitions, sections, store, training
from mfta.errors import StoreError

State = Literal["stored", "missing", "stale", "refused"]


@dataclass(frozen=True)
class Job:
    """One table to be made: a section's config (with its seed) under the preset it came from."""

    section: str
    preset: str
    config: configs.Section

    def __str__(self) -> str:
        """``layer_memorization, seed 0``."""
        at = ", ".join(f"{name} {getattr(self.config, name)}" for name in self.config.grid)
        return f"{self.section}, {at}"

    @property
    def directory(self) -> Path:
        """``results/<preset>/<section>/<fingerprint>``."""
        return store.results_directory() / self.preset / self.section / self.config.fingerprint

    @property
    def definitions(self) -> dict[str, str]:
        """The definitions of the package that the table depends on, as they stand."""
        return definitions.of(self.config.model_dump(), sections.computing(self.section))

    def state(self) -> tuple[State, str]:
        """Whether the table is there, and why not or what changed since."""
        try:
            return self._state()
        except StoreError as error:
            try:  # another process may be replacing it just now: look again while none is
                with store.lock(self.directory, wait=False):
                    return self._state()
            except filelock.Timeout:
                return "missing", "another process is making it"
            except StoreError:
                return "refused", str(error)

    def _state(self) -> tuple[State, str]:
        certificate = store.read_certificate(self.directory)
        if certificate is None:
            return "missing", "no table of this config is stored"
        self._stored()
        made = certificate.get("made", "an unknown time")
        if changes.code(certificate, self.definitions):
            return "stale", f"the code changed since {made}"
        return "stored", f"made {made}"

    def changes(self) -> list[str]:
        """What differs from the stored table's certificate, or where none is stored, from the nearest one."""
        if self.state()[0] == "refused":
            return []
        certificate = store.read_certificate(self.directory)
        if certificate is not None:
            return changes.since(certificate, self.definitions)
        now, defaults = (
            config.model_dump(mode="json") for config in (self.config, type(self.config).model_validate({}))
        )
        return changes.from_nearest(self.directory.parent, now, defaults)

    @property
    def wanted(self) -> bool:
        """True where computing is called for: nothing is stored, or, in quick, by other code."""
        return self._calls_for(self.state()[0])

    def _calls_for(self, state: State) -> bool:
        return state == "missing" or (state == "stale" and self.preset == "quick")

    @property
    def shared(self) -> "SharedTraining":
        """The training behind the table."""
        return SharedTraining(self.config.training, fresh=self.preset == "quick")

    def table(self, force: bool = False) -> pd.DataFrame:
        """The job's table, computed where :attr:`wanted` (or ``force``), else loaded.

        Raises StoreError for a stored table that is not what its certificate says.
        """
        if force or self.wanted:
            with store.lock(self.directory):
                if force or self._calls_for(self._state()[0]):  # another process may have made it meanwhile
                    self._compute(force)
        return self._stored()

    def _stored(self) -> pd.DataFrame:
        config = self.config.model_dump(mode="json")
        return store.read_table(self.directory, self.config.fingerprint, config)

    def _compute(self, force: bool) -> None:
        started = time.monotonic()
        with own_threads(self.config.threads):
            table = sections.computing(self.section)(self.config, force or self.preset == "quick")
        certificate = {
            "kind": "table",
            "section": self.section,
            "preset": self.preset,
            "fingerprint": self.config.fingerprint,
            "config": self.config.model_dump(mode="json"),
            "code": definitions.digest(self.definitions),
            "definitions": self.definitions,
            "run": self.config.training.fingerprint,
            "data_sha256": training.data_of(self.config.training).checksum,
            "device": str(training.device()),
            "threads": self.config.threads,
            "wall_seconds": round(time.monotonic() - started, 1),
        }
        store.write_table(self.directory, table, certificate)


@dataclass(frozen=True)
class SharedTraining:
    """One trained network that tables of several sections need; ``fresh``: not by older code."""

    config: configs.Training
    fresh: bool

    def __str__(self) -> str:
        """``training convnet on digits, seed 0 (97aaf8fa)``."""
        config = self.config
        return f"training {config.network} on {config.dataset}, seed {config.seed} ({config.fingerprint[:8]})"

    @property
    def directory(self) -> Path:
        """``runs/<fingerprint>``."""
        return store.runs_directory() / self.config.fingerprint

    def state(self) -> tuple[State, str]:
        """Whether the network is there; a run that is refused says so when it is asked for."""
        certificate = store.read_certificate(self.directory)
        if certificate is None:
            begun = (self.directory / "resume.pt").exists()
            return "missing", "goes on from its last epoch" if begun else "no such network is stored"
        if changes.code(certificate, training.definitions_of(self.config)):
            return "stale", f"the code changed since {certificate.get('made')}"
        return "stored", f"made {certificate.get('made')}"

    def changes(self) -> list[str]:
        """What differs from its certificate."""
        certificate = store.read_certificate(self.directory)
        return changes.since(certificate, training.definitions_of(self.config)) if certificate else []

    @property
    def wanted(self) -> bool:
        """True where it must be trained, or trained anew."""
        state, _ = self.state()
        return state == "missing" or (state == "stale" and self.fresh)

    def make(self) -> None:
        """Train it, or go on where it stopped."""
        with own_threads(self.config.threads):
            training.run(self.config, self.fresh)


@contextmanager
def own_threads(number: int) -> Iterator[None]:
    """Give a job the threads its config says, whatever the machine has or the environment sets."""
    torch.set_num_threads(number)
    with threadpool_limits(number):
        yield


def jobs(section: str, preset: str = "quick", seeds: Iterable[int] | None = None, **overrides: Any) -> list[Job]:
    """The jobs of a section: one a seed (None: the preset's seeds). All parameters are checked here."""
    return [Job(section, preset, config) for config in sections.grid(section, preset, seeds, **overrides)]


def compute(
    section: str, preset: str = "quick", seeds: Iterable[int] | None = None, **overrides: Any
) -> pd.DataFrame:
    """The table of a section over all seeds: each seed is loaded where it is stored, else computed.

    section: a name in ``mfta.sections.SECTIONS``. preset: ``quick``, ``small`` or ``paper``. overrides: any parameter
    of the section; None means as the preset says. Raises ParameterError, DataError or StoreError, each
    with one line that says what to do.
    """
    tables = [job.table() for job in jobs(section, preset, seeds, **overrides)]
    return pd.concat(tables, ignore_index=True)


def stored_directories() -> list[Path]:
    """Every folder of the results that holds a certificate or a table."""
    found = store.results_directory().glob("*/*/*/")
    return sorted(folder for folder in found if not folder.name.startswith("."))
