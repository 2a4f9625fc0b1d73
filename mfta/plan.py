"""What a batch would do, and why: its trainings, tables and notebooks, in the order of doing."""

import statistics
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial

from mfta import store
from mfta.errors import StoreError
from mfta.jobs import Job, SharedTraining
from mfta.pool import Task

ALIKE = ("dataset", "network", "width", "epochs", "train_per_class", "threads")
"""Runs that agree in these take about as long."""


@dataclass(frozen=True)
class Step:
    """One training or table: the task that makes it (None where it is there) and the reason."""

    name: str
    state: str
    why: str
    changes: tuple[str, ...]
    task: Task | None
    seconds: float | None
    """What it took before, by certificates of its like; 0 where nothing is to be done, None where unknown."""


def steps(jobs: Sequence[Job], force: bool = False) -> list[Step]:
    """The trainings that wanted tables share, each once, then the tables.

    What is refused is a task as well: it fails by its message (unless ``force``), and is seen to fail.
    """
    making = [job for job in jobs if force or job.wanted]
    shared = dict.fromkeys(job.shared for job in making)
    trainings = {training: _step(str(training), training, training.make, force=False) for training in shared}
    first = {training: (step.task.name,) for training, step in trainings.items() if step.task}
    tables = [
        _step(name, job, partial(job.table, force), force, first.get(job.shared, ())) for job, name in _names(jobs)
    ]
    return [*trainings.values(), *tables]


def expected_hours(listed: Iterable[Step]) -> tuple[float, int]:
    """Hours of one step after another, and for how many steps no certificate says."""
    seconds = [step.seconds for step in listed]
    return sum(s for s in seconds if s is not None) / 3600, seconds.count(None)


def _names(jobs: Sequence[Job]) -> list[tuple[Job, str]]:
    """Jobs with names that tell them apart: with their fingerprint where the grid's values do not."""
    names = [str(job) for job in jobs]
    return [
        (job, name if names.count(name) == 1 else f"{name} ({job.config.fingerprint[:8]})")
        for job, name in zip(jobs, names, strict=True)
    ]


def _step(
    name: str, what: Job | SharedTraining, call: Callable[[], object], force: bool, after: tuple[str, ...] = ()
) -> Step:
    try:
        state, why = what.state()
        changes = tuple(what.changes())
        wanted = force or what.wanted or state == "refused"
    except StoreError as error:
        state, why, changes, wanted = "refused", str(error), (), True
    task = Task(name, call, what.config.threads, after) if wanted else None
    return Step(name, state, why, changes, task, _seconds(what) if task else 0.0)


def _seconds(what: Job | SharedTraining) -> float | None:
    """Median wall time of stored ones that are like it."""
    config = what.config.model_dump(mode="json")
    times = []
    for path in sorted(what.directory.parent.glob("*/certificate.json")):
        try:
            certificate = store.read_certificate(path.parent) or {}
        except StoreError:
            continue
        then = certificate.get("config", {})
        if all(then.get(name) == config[name] for name in ALIKE) and "wall_seconds" in certificate:
            times.append(certificate["wall_seconds"])
    return statistics.median(times) if times else None
