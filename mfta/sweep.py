"""One section over a grid of its parameters: every job is stored, all of them are one table and one figure."""

import hashlib
import io
import itertools
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from mfta import sections, store
from mfta.errors import ParameterError
from mfta.jobs import Job, jobs
from mfta.plan import Step, expected_hours, steps

MEASURES = ("accuracy", "capacity", "norm")
"""What is drawn where nothing is said: the first of these that the table has."""


@dataclass(frozen=True)
class Sweep:
    """The jobs at every point of a grid; ``points`` pairs a point's values with its jobs."""

    section: str
    preset: str
    grid: dict[str, list[Any]]
    points: list[tuple[dict[str, Any], list[Job]]]

    @classmethod
    def of(cls, section: str, preset: str, grid: dict[str, list[Any]], overrides: dict[str, Any]) -> "Sweep":
        """The sweep over all combinations of ``grid``; every parameter of every job is checked here.

        What a section runs over anyway (seeds, widths) stays a list in each point.
        Raises ParameterError for unknown names and values, as every job does, and for an empty grid.
        """
        lists = {f"{name}s" for name in sections.section_model(section).grid}
        if not grid:
            raise ParameterError("the grid is empty: give --grid name=value,value")
        both = sorted(set(grid) & set(overrides))
        if both:
            raise ParameterError(f"{both[0]} is in --grid and in --set: give it once")
        repeated = [name for name, values in grid.items() if len(values) != len({repr(v) for v in values})]
        if repeated:
            raise ParameterError(f"--grid {repeated[0]} lists a value twice: give each once")
        run_over = {name: values for name, values in grid.items() if name in lists}
        axes = {name: values for name, values in grid.items() if name not in lists}
        points = []
        for values in itertools.product(*axes.values()):
            point = dict(zip(axes, values, strict=True))
            points.append((point, jobs(section, preset, **overrides, **point, **run_over)))
        return cls(section, preset, grid, points)

    @property
    def jobs(self) -> list[Job]:
        """All jobs, each once."""
        return list(dict.fromkeys(job for _, listed in self.points for job in listed))

    def steps(self) -> list[Step]:
        """What is to be done."""
        return steps(self.jobs)

    def count(self) -> str:
        """How many jobs there are, how many are missing, and the hours that takes by past certificates."""
        listed = self.steps()
        todo = [step for step in listed if step.task]
        hours, unknown = expected_hours(todo)
        trainings = len(listed) - len(self.jobs)
        guess = f"about {hours:.2f} hours of one job after another" if unknown < len(todo) or not todo else "unknown"
        rest = f", and unknown for {unknown} of them" if 0 < unknown < len(todo) else ""
        return (
            f"{len(self.jobs)} jobs, of which {len(todo) - trainings} are to be made, after {trainings} trainings:"
            f" {guess}{rest}"
        )

    def table(self) -> pd.DataFrame:
        """The stored tables below one another, the grid's values in columns of their own."""
        parts = []
        for point, listed in self.points:
            for job in listed:
                part = job.table()
                known = {name: value for name, value in point.items() if name not in part.columns}
                parts.append(part.assign(**{name: _text(value) for name, value in known.items()}))
        whole = pd.concat(parts, ignore_index=True)
        first = [name for name in self.axes if name in whole.columns]
        return whole[[*first, *(name for name in whole.columns if name not in first)]]

    @property
    def axes(self) -> list[str]:
        """The columns of the grid: its names, what is run over in the singular (seeds: seed)."""
        over = sections.section_model(self.section).grid
        return [name[:-1] if name[:-1] in over else name for name in self.grid]

    def write(self, out: Path | None, measure: str | None, where: Mapping[str, Any]) -> list[Path]:
        """Write the table and the figure; return where they are. All jobs must be stored.

        out: a folder; None: one under ``results/sweeps`` named by the grid.
        """
        from mfta.figures.sweep import by_grid

        table = self.table()
        folder = out or store.results_directory() / "sweeps" / self.name
        store.write(folder / "table.csv", lambda buffer: buffer.write(_csv(table)))
        measure = measure or next((name for name in MEASURES if name in table.columns), None)
        if measure is None or measure not in table.columns or measure in self.axes:
            raise ParameterError(f"the table has no measure '{measure}'; its columns: {', '.join(table.columns)}")
        rows = table[table[measure].notna()]
        chosen = where or ({"stage": "last"} if "stage" in rows and (rows["stage"] == "last").any() else {})
        for name, value in chosen.items():
            rows = rows[rows[name] == value] if name in rows.columns else rows[:0]
        if rows.empty:
            raise ParameterError(f"no rows with {measure} have {dict(chosen)}: see '{folder / 'table.csv'}'")
        figure = by_grid(rows, measure, [axis for axis in self.axes if axis != "seed"])
        store.write(folder / "figure.svg", lambda buffer: buffer.write(_svg(figure)))
        return [folder / "table.csv", folder / "figure.svg"]

    @property
    def name(self) -> str:
        """``rewinding-1a2b3c4d``: the same jobs have the same name."""
        of = json.dumps([self.preset, sorted(job.config.fingerprint for job in self.jobs)])
        return f"{self.section}-{hashlib.sha256(of.encode()).hexdigest()[:8]}"


def _text(value: Any) -> Any:
    """A value that a cell of a table can hold."""
    return str(value) if isinstance(value, list | tuple) or value is None else value


def _csv(table: pd.DataFrame) -> bytes:
    return table.to_csv(index=False, lineterminator="\n").encode()


def _svg(figure: Any) -> bytes:
    buffer = io.BytesIO()
    figure.savefig(buffer, format="svg", metadata={"Date": None})
    return buffer.getvalue()
