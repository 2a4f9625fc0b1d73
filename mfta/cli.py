"""The command line: ``mfta compute | rerun | status | verify | data``."""

import errno
import sys
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table
from typer.core import TyperGroup

from mfta.errors import MftaError, ParameterError
from mfta.geometry import GeometryError
from mfta.options import parse_choices

# Paths may hold what rich would take for markup or an emoji.
LIVE = sys.stdout is not None and sys.stdout.isatty()
console = Console(width=None if LIVE else 200, highlight=False, markup=False, emoji=False)
ERRORS = Console(stderr=True, highlight=False, emoji=False)

Sections = Annotated[list[str] | None, typer.Argument(help="sections; none: all of them")]
Preset = Annotated[str, typer.Option(help="quick, small, full, paper, or your own")]
Overrides = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="NAME=VALUE", help="override a parameter; NAME=none: without a value"),
]
Seeds = Annotated[str | None, typer.Option(help="0..2 or 0,1,2; none: the preset's")]
Jobs = Annotated[int, typer.Option("--jobs", help="jobs at a time", min=1)]
Force = Annotated[bool, typer.Option(help="compute and execute again what is there, or refused")]


class OneLineErrors(TyperGroup):
    """Shows what the package refuses as one line, and exits with 2."""

    def invoke(self, ctx: Any) -> Any:
        """Carry out a command."""
        try:
            return super().invoke(ctx)
        except (MftaError, GeometryError) as error:
            say(f"{type(error).__name__}: {error}", ERRORS)
            raise typer.Exit(2) from None
        except OSError as error:
            if error.errno != errno.ENOSPC:
                raise
            say("OSError: what there is to say cannot be written: no space left", ERRORS)
            raise typer.Exit(2) from None
        except KeyboardInterrupt:
            say("interrupted: what is finished is kept; the same command goes on from there")
            raise typer.Exit(130) from None


def say(line: str, where: Console = console) -> None:
    """Print one line as it is, however long."""
    where.print(line, markup=False, soft_wrap=True)


app = typer.Typer(
    cls=OneLineErrors, no_args_is_help=True, add_completion=False, help=__doc__, pretty_exceptions_enable=False
)


@app.command()
def compute(
    sections: Sections = None,
    preset: Preset = "quick",
    overrides: Overrides = None,
    seeds: Seeds = None,
    force: Force = False,
) -> None:
    """Compute the tables of sections, without notebooks; what is stored is left as it is."""
    from mfta.batch import planned

    for jobs in planned(sections or [], preset, **parse_choices(overrides, seeds)).values():
        for job in jobs:
            say(f"{job}: {len(job.table(force))} rows in {job.directory}")


@app.command()
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
    """Compute what is missing, then execute the notebooks of which something changed into book/sections/."""
    from mfta import batch

    tasks = batch.rerun(sections or [], preset, force, **parse_choices(overrides, seeds))
    if dry_run or why:
        for task in tasks:
            then = "as it is" if not task.wanted else "fails" if task.state == "refused" else "to be made"
            notebook = "to be executed" if task.wanted else "as it is: nothing has changed since it was executed"
            say(f"{task.name}: {task.state}, {then}: {task.why}" if task.state else f"{task.name}: {notebook}")
            for change in task.changes if why else ():
                say(f"    {change}")
        return
    allowed = batch.at_once(tasks, n_jobs)
    if allowed < n_jobs:
        say(f"{allowed} at a time, not {n_jobs}: the threads of all jobs together are at most the cores")
    total = sum(task.wanted for task in tasks)
    if not total:
        say("nothing has changed: tables and executed notebooks are left as they are (--force makes all again)")
    failed = batch.show(batch.carry_out(tasks, allowed), total, console)
    if failed:
        say(f"{len(failed)} of {total} failed:")
        for event in failed:
            say(f"  {event.name}: {event.error}")
        raise typer.Exit(1)


@app.command()
def status() -> None:
    """List every stored table: whether it is sound, and what has changed since it was made."""
    from mfta.stored import audit

    rows = audit()
    table = Table("preset", "section", "seed", "fingerprint", "state", "why")
    for row in rows:
        table.add_row(row.preset, row.section, row.seed, row.fingerprint, row.state, row.why)
    console.print(table if rows else "no tables are stored")


@app.command()
def verify() -> None:
    """Recompute the checksum of every stored table; exit with 1 if one is not what it was."""
    from mfta.stored import audit

    rows = audit()
    refused = [row for row in rows if row.state == "refused"]
    for row in refused:
        say(row.why)
    unfinished = sum(row.state == "unfinished" for row in rows)
    say(f"{len(rows) - len(refused) - unfinished} of {len(rows)} tables are sound")
    if refused:
        raise typer.Exit(1)


@app.command()
def data(name: Annotated[str, typer.Argument(help="cifar100")] = "cifar100") -> None:
    """Check the files of a data set, and download them where they are absent."""
    from mfta import data as datasets

    if name != "cifar100":
        raise ParameterError(f"'{name}' has no files to fetch; only cifar100 has (digits come with scikit-learn)")
    datasets.cifar100()
    say(f"CIFAR-100 in '{datasets.directory()}' is complete and as published")


if __name__ == "__main__":
    app()
