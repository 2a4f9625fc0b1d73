"""What there is to do, and why: one job is one section at one seed, stored under its own fingerprint."""

import time
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Literal

import filelock
import pandas as pd
import torch
from threadpoolctl import threadpool_limits

from mfta import definitions, sections, store, training
from mfta.errors import NeedsTorch, ParameterError, StoreError
from mfta.options import as_number, parse_seeds

State = Literal["stored", "missing", "stale", "refused"]


@dataclass(frozen=True)
class Job:
    """One table to be made: a section's config (with its seed) under the preset it came from."""

    section: str
    preset: str
    config: Any
    nothing: ClassVar = "no table of this config is stored"

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
        """The definitions of the package that it depends on, as they stand."""
        return definitions.of(self.config.model_dump(), sections.computing(self.section))

    def state(self) -> tuple[State, str]:
        """Whether it is there, and why not or since when."""
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
            resumes = (self.directory / "resume.pt").exists()  # of a training
            return "missing", "goes on from its last epoch" if resumes else self.nothing
        self._check()
        made = certificate.get("made", "an unknown time")
        try:
            sound = certificate.get("code") == definitions.digest(self.definitions)
        except NeedsTorch:  # the book is read where nothing can be computed
            return "stored", f"made {made}; whether the code has changed since is not known without PyTorch"
        return ("stored", f"made {made}") if sound else ("stale", f"the code changed since {made}")

    def _check(self) -> None:
        self._stored()

    def changes(self) -> list[str]:
        """What differs from its certificate, or where there is none, from the nearest one."""
        with suppress(StoreError):
            certificate = store.read_certificate(self.directory)
            return changed_since(certificate, self.definitions) if certificate else self._from_nearest()
        return []

    def calls_for(self, state: State) -> bool:
        """Whether a job in this state is to be made: nothing is there, or, in quick, by other code."""
        return state == "missing" or (state == "stale" and self.preset == "quick")

    @property
    def shared(self) -> "SharedTraining":
        """The training behind the table."""
        return SharedTraining("training", self.preset, self.config.training)

    def table(self, force: bool = False) -> pd.DataFrame:
        """The job's table, computed where its state calls for it (or ``force``), else loaded.

        Raises StoreError for a stored table that is not what its certificate says.
        """
        if force or self.calls_for(self.state()[0]):
            with store.lock(self.directory):
                if force or self.calls_for(self._state()[0]):  # another process may have made it meanwhile
                    self._compute(force)
        return self._stored()

    def _stored(self) -> pd.DataFrame:
        config = self.config.model_dump(mode="json")
        return store.read_table(self.directory, self.config.fingerprint, config)

    def _compute(self, force: bool) -> None:
        started = time.monotonic()
        torch.set_num_threads(self.config.threads)  # those its config says, whatever the machine has
        with threadpool_limits(self.config.threads):
            table = sections.computing(self.section)(self.config, force or self.preset == "quick")
        if "seed" not in table:
            table.insert(0, "seed", self.config.seed)
        network = store.read_certificate(self.shared.directory) or {}
        certificate = {
            "kind": "table",
            "section": self.section,
            "preset": self.preset,
            "fingerprint": self.config.fingerprint,
            "config": self.config.model_dump(mode="json"),
            "code": definitions.digest(self.definitions),
            "definitions": self.definitions,
            "run": self.config.training.fingerprint,
            "network": definitions.digest(network.get("files_sha256", {})) if network else None,
            "epochs_by_precision": network.get("epochs_by_precision"),
            "training_seconds": network.get("wall_seconds"),
            "data_sha256": training.data_of(self.config.training).checksum,
            "device": str(training.device()),
            "threads": self.config.threads,
            "wall_seconds": round(time.monotonic() - started, 1),
        }
        store.write_table(self.directory, table, certificate)

    def _from_nearest(self) -> list[str]:
        """How the config differs from the stored one of its section and preset that differs least."""
        now, nearest = self.config.model_dump(mode="json"), {}
        defaults = type(self.config).model_validate({}).model_dump(mode="json")  # a certificate may be older
        for path in sorted(self.directory.parent.glob("*/certificate.json")):
            with suppress(StoreError):
                then = {**defaults, **(store.read_certificate(path.parent) or {}).get("config", {})}
                names = [name for name in now if then.get(name) != now[name]]
                nearest[path.parent.name] = [f"{name} {then.get(name)!r}, now {now[name]!r}" for name in names]
        if not nearest:
            return ["nothing like it is stored"]
        name = min(nearest, key=lambda name: len(nearest[name]))
        return [f"nearest stored is {name[:8]}", *nearest[name]]


class SharedTraining(Job):
    """One trained network that tables of several sections need."""

    nothing = "no such network is stored"

    def __str__(self) -> str:
        """``training convnet on digits, seed 0 (97aaf8fa)``."""
        config = self.config
        return f"training {config.network} on {config.dataset}, seed {config.seed} ({config.fingerprint[:8]})"

    @property
    def directory(self) -> Path:
        """``runs/<fingerprint>``."""
        return store.runs_directory() / self.config.fingerprint

    @property
    def definitions(self) -> dict[str, str]:
        """Those that training reaches."""
        return training.definitions_of(self.config)

    def table(self, force: bool = False) -> pd.DataFrame:
        """Train it, or go on where it stopped: accuracy and loss after each epoch."""
        with threadpool_limits(self.config.threads):
            return training.run(self.config, force or self.preset == "quick").history

    def _check(self) -> None:
        """A run that is not what its certificate says is refused when it is asked for."""


def changed_since(certificate: Mapping[str, Any], now: Mapping[str, str]) -> list[str]:
    """Definitions and versions of packages that are not those of the certificate, one line each.

    now: the definitions as they stand, by :func:`mfta.definitions.of`.
    """
    then, versions = certificate.get("versions", {}), store.versions()
    other = [name for name in then if versions.get(name, then[name]) != then[name]]
    lines = [f"{name} {then[name]}, now {versions[name]}" for name in other]
    if certificate.get("code") == definitions.digest(now):
        return lines
    return [*definitions.changed(certificate.get("definitions", {}), now), *lines]


def jobs(section: str, preset: str = "quick", seeds: Iterable[int] | None = None, **overrides: Any) -> list[Job]:
    """The jobs of a section: one a seed (None: the preset's seeds). All parameters are checked here.

    overrides: None is as the preset says, the text ``"none"`` no value where a parameter may have none; numbers
    that arrive as text, 1e-3 say, are read. Raises ParameterError before anything is computed: for a name, a type
    or a value that is refused, for more images than there are, and for a network that cannot be built.
    """
    seeds = parse_seeds(seeds, "seeds =") if isinstance(seeds, str) else seeds
    given = {name: as_number(value) for name, value in {"seeds": seeds, **overrides}.items()}
    listed = [Job(section, preset, config) for config in sections.grid(section, preset, **given)]
    for job in listed:
        try:
            with suppress(NeedsTorch):  # without it nothing is computed
                definitions.of(job.config.model_dump())  # builds the network, without its weights
        except ParameterError as error:
            raise ParameterError(f"{section}: network = {job.config.network!r} is refused: {error}") from None
    return listed


def compute(
    section: str, preset: str = "quick", seeds: Iterable[int] | None = None, **overrides: Any
) -> pd.DataFrame:
    """The table of a section over all seeds: each seed is loaded where it is stored, else computed.

    section: a name in ``mfta.sections.SECTIONS``. preset: ``quick``, ``small``, ``full`` or ``paper``.
    overrides: any parameter of the section, see :func:`jobs`. Raises ParameterError, DataError or StoreError, each
    with one line that says what to do.
    """
    tables = [job.table() for job in jobs(section, preset, seeds, **overrides)]
    return pd.concat(tables, ignore_index=True)
