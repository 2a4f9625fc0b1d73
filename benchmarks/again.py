"""How much a stored table differs from the same one made elsewhere or later.

    python benchmarks/again.py ONE OTHER

Each folder holds a table of layer memorization with its certificate, made with the same parameters. Writes
book/measured/again.md, or again_same_code.md where no definition of the code had changed in between.
"""

import argparse
from pathlib import Path

import numpy as np
import pandas as pd
from threads import HEAD, MEASURES, row

from mfta import claims, definitions, store
from mfta.judge import find

PAGES = Path(__file__).parents[1] / "book" / "measured"


def main() -> None:
    """Compare the two and write how they differ."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("one", type=Path)
    parser.add_argument("other", type=Path)
    folders = parser.parse_args()
    one, other = (store.read_certificate(folder) or {} for folder in (folders.one, folders.other))
    if one.get("config") != other.get("config") or one.get("section") != "layer_memorization":
        raise SystemExit("the two folders do not hold layer memorization with the same parameters")
    tables = [pd.read_csv(folder / "table.csv") for folder in (folders.one, folders.other)]
    rows = [row("stored and made again", *tables, name) for name in (*MEASURES, "center_correlation")]
    text = HEAD + "|---|---|---|---|---|---|\n" + "".join(rows)
    changed = definitions.changed(one["definitions"], other["definitions"])
    text += f"\n{circumstances(one, other, changed)} {in_errors(*tables)} {sides(*tables)}\n"
    (PAGES / ("again.md" if changed else "again_same_code.md")).write_text(text)
    print(text)


def circumstances(one: dict, other: dict, changed: list[str]) -> str:
    """Preset, seed, times, processors, and the definitions that changed between the two."""
    code = ", ".join(changed) or "none"
    return (
        f"Preset {one['preset']}, seed {one['config']['seed']}; made {one['made'][:16]} (UTC) on {one['processor']}"
        f" and {other['made'][:16]} on {other['processor']}; code that changed between: {code}."
    )


def in_errors(one: pd.DataFrame, other: pd.DataFrame) -> str:
    """Differences of capacity, radius and dimension in the standard errors over manifolds of the first table."""
    shares = []
    for name in ("capacity", "radius", "dimension"):
        apart = (one[name] - other[name]).abs() / one[f"{name}_stderr"]
        shares.append(f"{np.nanquantile(apart, 0.9):.2f} for {name}")
    return f"In standard errors over manifolds, nine in ten differ by less than {', '.join(shares)}."


def sides(one: pd.DataFrame, other: pd.DataFrame) -> str:
    """How many rules of the verdicts the two tables answer alike."""
    rules = [rule for claim in claims.CLAIMS if claim.section == "layer_memorization" for rule in claim.rules]
    both = [[f.mean_is_inside for f in (find(r, table) for r in rules) if f.seeds] for table in (one, other)]
    same = sum(a == b for a, b in zip(*both, strict=True))
    return f"Of the {len(both[0])} rules of the verdicts that these tables hold, {same} lie on the same side in both."


if __name__ == "__main__":
    main()
