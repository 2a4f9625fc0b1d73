"""The command line: ``mfta compute | rerun | sweep | status | verify | data``."""

import sys
from collections.abc import Callable, Sequence
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from mfta.errors import MftaError, ParameterError
from mfta.options import parse_grid, parse_overrides, parse_seeds

if TYPE_CHECKING:
    from mfta.plan import Step
    from mfta.pool import Task

app = typer.Typer(no_args_is_help=True, add_completion=False, help=__doc__, pretty_exceptions_enable=False)
console = Console(width=None if sys.stdout.isatty() else 200, highlight=False)

Sections = Annotated[list[str] | None, typer.Argument(help="sections; none: all of them")]
Preset = Annotated[str, typer.Option(help="quick, small or paper")]
Overrides = Annotated[list[str] | None, typer.Option("--set", metavar="NAME=VALUE", help="override a parameter")]
Seeds = Annotated[str | None, typer.Option(help="0..2 or 0,1,2; none: the preset's")]


Jobs = Annotated[int, typer.Option("--jobs", help="jobs at a time", min=1)]
Force = Annotated[bool, typer.Option(help="compute again what is stored or refused")]


def one_line_errors(command: Callable[..., None]) -> Callable[..., None]:
    """Show what the package refuses as one line, and exit with 2."""

    @wraps(command)
    def guarded(*args: Any, **options: Any) -> None:
        from mfta.geometry import GeometryError

        try:
            command(*args, **options)
        except (MftaError, GeometryError) as error:
            Console(stderr=True, soft_wrap=True, highlight=False).print(
                f"{type(error).__name__}: {error}", markup=False
            )
            raise typer.Exit(2) from None
        except KeyboardInterrupt:
            console.print("interrupted: what is finished is kept; the same command goes on from there")
            raise typer.Exit(130) from None

    return guarded


@app.command()
@one_line_errors
def compute(
    sections: Sections = None,
    preset: Preset = "quick",
    overrides: Overrides = None,
    seeds: Seeds = None,
    force: Force = False,
) -> None:
    """Compute the tables of sections, without notebooks; what is stored is left as it is."""
    from mfta.jobs import jobs
    from mfta.sections import SECTIONS

    listed = [
        job
        for section in sections or list(SECTIONS)
        for job in jobs(section, preset, parse_seeds(seeds), **parse_overrides(overrides))
    ]
    for job in listed:
        table = job.table(force)
        console.print(f"{job}: {len(table)} rows in {job.directory}", soft_wrap=True)


@app.command()
@one_line_errors
def rerun(
    sections: Sections = None,
    preset: Preset = "quick",
    overrides: Overrides = None,
    seeds: Seeds = None,
    n_jobs: Jobs = 1,
    force: Force = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="list what would be done, and why")] = False,
    why: Annotated[bool, typer.Option("--why", help="the same, and name what changed")] = False,
) -> None:
    """Compute what is missing, then execute the notebooks into book/sections/."""
    from mfta import pool

    if not (dry_run or why):
        pool.warm()
    from mfta import batch

    steps, tasks = batch.rerun(sections or [], preset, parse_overrides(overrides), parse_seeds(seeds), force)
    if dry_run or why:
        list_steps(steps, why)
        for task in tasks[sum(bool(step.task) for step in steps) :]:
            console.print(f"{task.name}: to be executed")
    else:
        carry_out(tasks, n_jobs)


def list_steps(steps: Sequence["Step"], why: bool) -> None:
    """One line a training or table; with ``why``, one more for each thing that changed."""
    for step in steps:
        then = "as it is" if step.task is None else "fails" if step.state == "refused" else "to be made"
        console.print(f"{step.name}: {step.state}, {then}: {step.why}", markup=False, soft_wrap=True)
        for change in step.changes if why else ():
            console.print(f"    {change}", markup=False, soft_wrap=True)


def carry_out(tasks: Sequence["Task"], n_jobs: int) -> None:
    """Do the tasks in view; exit with 1 and a summary where one failed."""
    from mfta import batch, live

    allowed = batch.at_once(tasks, n_jobs)
    if allowed < n_jobs:
        console.print(f"{allowed} at a time, not {n_jobs}: the threads of all jobs together are at most the cores")
    failed = live.show(batch.carry_out(tasks, n_jobs), len(tasks), console)
    if failed:
        console.print(f"{len(failed)} of {len(tasks)} failed:")
        for event in failed:
            console.print(f"  {event.task.name}: {event.error}", markup=False, soft_wrap=True)
        raise typer.Exit(1)


@app.command()
@one_line_errors
def sweep(
    section: Annotated[str, typer.Argument(help="the section to run over the grid")],
    more: Annotated[list[str] | None, typer.Argument(metavar="[NAME=A,B]...", help="more of the grid")] = None,
    grid: Annotated[
        list[str] | None, typer.Option("--grid", metavar="NAME=A,B", help="values of a parameter")
    ] = None,
    preset: Preset = "quick",
    overrides: Overrides = None,
    n_jobs: Jobs = 1,
    measure: Annotated[str | None, typer.Option(help="the column to draw")] = None,
    where: Annotated[list[str] | None, typer.Option(metavar="NAME=VALUE", help="rows to draw")] = None,
    out: Annotated[Path | None, typer.Option(help="folder of the table and the figure")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="count the jobs and their hours")] = False,
    why: Annotated[bool, typer.Option("--why", help="the same, and list every job")] = False,
) -> None:
    """Run a section over a grid: --grid permuted_fraction=0.1,0.5 network=vgg16,convnet seeds=0,1,2."""
    from mfta.sweep import Sweep

    swept = Sweep.of(section, preset, parse_grid([*(grid or []), *(more or [])]), parse_overrides(overrides))
    steps = swept.steps()
    if why:
        list_steps(steps, why)
    if dry_run or why:
        console.print(swept.count(), soft_wrap=True)
        return
    carry_out([step.task for step in steps if step.task], n_jobs)
    for path in swept.write(out, measure, parse_overrides(where, "--where")):
        console.print(f"{path}", soft_wrap=True)


@app.command()
@one_line_errors
def status() -> None:
    """List every stored table: whether it is sound, and what has changed since it was made."""
    from mfta.audit import audit

    rows = audit()
    table = Table("preset", "section", "seed", "fingerprint", "state", "why")
    for row in rows:
        table.add_row(row.preset, row.section, row.seed, row.fingerprint, row.state, row.why)
    console.print(table if rows else "no tables are stored")


@app.command()
@one_line_errors
def verify(
    again: Annotated[int, typer.Option("--recompute", help="make so many random tables once more", min=0)] = 0,
    preset: Annotated[str | None, typer.Option(help="recompute tables of this preset only")] = None,
    seed: Annotated[int | None, typer.Option(help="of the choice of tables")] = None,
) -> None:
    """Recompute the checksum of every stored table; exit with 1 if one is not what it was."""
    from mfta.audit import audit, recompute

    rows = audit()
    refused = [row for row in rows if row.state == "refused"]
    for row in refused:
        console.print(row.why, markup=False, soft_wrap=True)
    unfinished = sum(row.state == "unfinished" for row in rows)
    console.print(f"{len(rows) - len(refused) - unfinished} of {len(rows)} tables are sound")
    lost = len(refused)
    for made in recompute(again, preset, seed):
        how = f"differs by up to {made.difference:.1e} of the value" if made.difference else "the same bit for bit"
        others = f" (not as then: {'; '.join(made.circumstances)})" if made.circumstances else ""
        console.print(f"{made.name}, made again: {how}{others}", markup=False, soft_wrap=True)
        lost += not made.holds
    if lost:
        raise typer.Exit(1)


@app.command()
@one_line_errors
def data(name: Annotated[str, typer.Argument(help="cifar100")] = "cifar100") -> None:
    """Check the files of a data set, and download them where they are absent."""
    from mfta import data as datasets

    if name != "cifar100":
        raise ParameterError(f"'{name}' has no files to fetch; only cifar100 has (digits come with scikit-learn)")
    datasets.cifar100()
    console.print(f"CIFAR-100 in '{datasets.directory()}' is complete and as published", soft_wrap=True)


if __name__ == "__main__":
    app()
