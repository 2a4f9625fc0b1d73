"""Random stored tables made once more, their trainings too, in a store of their own, and compared.

    python benchmarks/recompute.py 3 [--preset small] [--seed 0]

Exits with 1 where a table differs though nothing that is known of its making has changed.
"""

import argparse
import json
import os
import random
import sys
import tempfile
from unittest.mock import patch

import numpy as np
import pandas as pd

from mfta import configs, sections, store
from mfta.jobs import Job, changed_since
from mfta.stored import Row, audit

MACHINE = ("processor", "instructions", "device", "system", "python")


def main() -> None:
    """Choose, make again and say how they compare."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("number", type=int)
    parser.add_argument("--preset", choices=configs.PRESETS, help="tables of this preset only")
    parser.add_argument("--seed", type=int, help="of the choice of tables")
    given = parser.parse_args()
    rows = [row for row in audit() if row.state in ("sound", "stale") and given.preset in (None, row.preset)]
    lost = 0
    for row in random.Random(given.seed).sample(rows, min(given.number, len(rows))):
        name, apart, changed = again(row)
        how = f"differs by up to {apart:.1e} of the value" if apart else "the same bit for bit"
        print(f"{name}, made again: {how}" + (f" (not as then: {'; '.join(changed)})" if changed else ""))
        lost += bool(apart) and not changed
    sys.exit(1 if lost else 0)


def again(row: Row) -> tuple[str, float, list[str]]:
    """The job, the largest difference of its two tables, and what is not as it was then."""
    folder = store.results_directory() / row.preset / row.section / row.fingerprint
    certificate = store.read_certificate(folder) or {}
    config = sections.section_model(row.section).model_validate_json(json.dumps(certificate["config"]))
    job = Job(row.section, row.preset, config)
    stored = store.read_table(folder, row.fingerprint)
    with tempfile.TemporaryDirectory() as elsewhere:
        own = {"MFTA_RUNS": f"{elsewhere}/runs", "MFTA_RESULTS": f"{elsewhere}/results"}
        with patch.dict(os.environ, own):
            made = job.table()
            now = store.read_certificate(job.directory) or {}
    other = [name for name in MACHINE if certificate.get(name) != now[name]]
    machine = [f"{name} {certificate.get(name, 'not recorded')}, now {now[name]}" for name in other]
    return str(job), difference(stored, made), [*changed_since(certificate, job.definitions), *machine]


def difference(one: pd.DataFrame, other: pd.DataFrame) -> float:
    """Largest |a − b| over the larger of |a| and |b|; infinite where rows, columns, texts or gaps differ."""
    numbers = [one.select_dtypes("number"), other.select_dtypes("number")]
    texts = [one.select_dtypes(exclude="number"), other.select_dtypes(exclude="number")]
    if one.shape != other.shape or list(one.columns) != list(other.columns) or not texts[0].equals(texts[1]):
        return float("inf")
    a, b = (part.to_numpy(float) for part in numbers)
    same = (a == b) | (np.isnan(a) & np.isnan(b))
    apart = np.abs(a - b)[~same] / np.maximum(np.abs(a), np.abs(b))[~same]
    return float(np.where(np.isnan(apart), np.inf, apart).max(initial=0.0))


if __name__ == "__main__":
    main()
