"""What a job costs besides its own work: `mfta`'s batch against Snakemake, jobs whose tables are stored.

    python benchmarks/overhead.py       (some minutes; writes book/measured/overhead.md)

Both run the same jobs, two at a time: four of them, then sixteen. What sixteen take longer than four, over
twelve, is the cost of one more job; what is left of four is the start.
"""

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "book" / "measured" / "overhead.md"
TINY = ("epochs=1", "checkpoints=[]", "measured_epochs=[]", "train_per_class=20", "points=8", "draws=20")
FEW, MANY = 4, 16
HEAD = """| driver | start, s | one more job, s |
|---|---|---|
"""
POOL = """
import sys
from functools import partial
from mfta import batch, jobs, options
if __name__ == "__main__":
    batch.warm()
    seeds = list(range(int(sys.argv[1])))
    listed = jobs.jobs("layer_memorization", "quick", seeds, **options.parse_overrides(sys.argv[2:]))
    tasks = [batch.Task(str(job), partial(job.table)) for job in listed]
    assert not any(event.error for event in batch.carry_out(tasks, 2))
"""


def main() -> None:
    """Make the tables, then time both drivers."""
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        (place / "pyproject.toml").write_text("")
        (place / "pool.py").write_text(POOL)
        for name in ("notebooks", "workflow"):
            (place / name).symlink_to(ROOT / name)
        options = [option for text in TINY for option in ("--set", text)]
        seeds = f"0..{MANY - 1}"
        seconds(place, sys.executable, "-m", "mfta.cli", "compute", "layer_memorization", *options, "--seeds", seeds)
        rows = [line("`mfta rerun --jobs 2`", lambda n: seconds(place, sys.executable, "pool.py", str(n), *TINY))]
        rows += [line("`snakemake -c2`", lambda n: by_snakemake(place, n))]
    text = HEAD + "".join(rows) + f"\nOn {os.cpu_count()} cores with a load of {os.getloadavg()[0]:.0f}.\n"
    PAGE.write_text(text)
    print(text)


def by_snakemake(place: Path, jobs: int) -> float:
    """All marks anew, so that every job runs and finds its table."""
    snakemake = Path(sys.executable).with_name("snakemake")
    given = ["sections=layer_memorization", f"seeds=0..{jobs - 1}", f"set={' '.join(TINY)}"]
    return seconds(
        place, str(snakemake), "-c2", "--quiet", "all", "--forcerun", "table", "--config", *given, "--", "tables"
    )


def line(driver: str, run: Callable[[int], float]) -> str:
    """A row of the table."""
    few, many = run(FEW), run(MANY)
    job = (many - few) / (MANY - FEW)
    return f"| {driver} | {few - FEW * max(job, 0.0):.1f} | {'under 0.1' if job < 0.1 else f'{job:.1f}'} |\n"


def seconds(place: Path, *command: str) -> float:
    """Wall time of a command that must succeed."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "MFTA_RUNS": "runs", "MFTA_RESULTS": "results"}
    started = time.perf_counter()
    answer = subprocess.run(command, cwd=place, env=environment, capture_output=True, text=True, check=False)
    if answer.returncode:
        sys.exit(f"{' '.join(command)} failed:\n{answer.stdout}{answer.stderr}")
    return time.perf_counter() - started


if __name__ == "__main__":
    main()
