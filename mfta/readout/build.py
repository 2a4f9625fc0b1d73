"""What the page on the build shows: versions and device of this moment, and every stored table's certificate."""

import platform
from collections import Counter
from importlib.metadata import distributions, requires, version

import pandas as pd
from packaging.requirements import Requirement

from mfta import store, training
from mfta.errors import StoreError
from mfta.stored import audit


def environment() -> pd.DataFrame:
    """The machine's kind and the versions of Python and of what the package and its book ask for."""
    asked = [Requirement(line) for line in requires("mfta") or []]
    extras = {"train", "read"}
    wanted = [r.name for r in asked if r.marker is None or any(r.marker.evaluate({"extra": e}) for e in extras)]
    there = {distribution.name.lower() for distribution in distributions()}
    names = sorted((name for name in {*wanted, "mfta"} if name.lower() in there), key=str.lower)
    versions = {name: version(name) for name in names}
    system = f"{platform.system()} {platform.machine()}"
    rows = {"system": system, "device": str(training.device()), "Python": platform.python_version(), **versions}
    return pd.DataFrame.from_dict(rows, orient="index", columns=["version"])


def certificates() -> pd.DataFrame:
    """One row a stored table: where it belongs, its state today, and what its certificate says of its making."""
    rows = []
    for row in audit():
        folder = store.results_directory() / row.preset / row.section / row.fingerprint
        try:
            said = store.read_certificate(folder) or {}
        except StoreError:
            said = {}
        rows.append(
            {
                "preset": row.preset,
                "section": row.section,
                "seed": row.seed,
                "width": said.get("config", {}).get("width"),
                "state": row.state,
                "made": str(said.get("made", "")).split("T")[0],
                "device": said.get("device"),
                "threads": said.get("threads"),
                "seconds": said.get("wall_seconds"),
                "torch": said.get("versions", {}).get("torch"),
                "commit": str(said.get("commit") or "")[:7],
                "code": str(said.get("code", ""))[:7],
                "table sha256": str(said.get("table_sha256", ""))[:7],
                "fingerprint": row.fingerprint,
                "why": row.why,
            }
        )
    frame = pd.DataFrame(rows)
    by = ["preset", "section", "seed", "width"]
    return frame.sort_values(by, ignore_index=True) if rows else frame


def listed(frame: pd.DataFrame) -> pd.DataFrame:
    """The columns that a page has room for; a width only where a section runs over widths."""
    if frame.empty:
        return frame
    widths = frame["width"].where(frame["section"] == "double_descent").astype("Int64").astype("string").fillna("")
    frame = frame.assign(width=widths).drop(columns=["threads", "torch", "fingerprint", "why"])
    return frame.set_index(["preset", "section", "seed", "width"])


def reasons(frame: pd.DataFrame) -> pd.DataFrame:
    """What is not sound and why, a row a preset, section and reason, with the number of tables."""
    if frame.empty:
        return frame
    bad = frame[frame["state"] != "sound"]
    why = bad["why"].str.split("; made").str[0]
    by = bad.assign(why=why).groupby(["preset", "section", "state", "why"]).size()
    return by.rename("tables").reset_index()


def counted(frame: pd.DataFrame) -> str:
    """``9 sound, 1 stale``, or that nothing is stored."""
    counts = Counter(frame["state"]) if len(frame) else Counter()
    return ", ".join(f"{number} {state}" for state, number in counts.most_common()) or "nothing is stored"
