"""The stored table nearest to the paper that the front page's figure is drawn from."""

from collections.abc import Iterable

import pandas as pd

from mfta import sections, stored


def story(presets: Iterable[str]) -> tuple[pd.DataFrame | None, dict[str, str]]:
    """Layer memorization at the preset nearest to the paper where it is stored, and where that comes from.

    presets: from small to large. None where it is stored for none of them.
    """
    for preset in reversed(list(presets)):
        table = stored.tables(preset).get("layer_memorization")
        if table is not None:
            config = sections.config("layer_memorization", preset)
            listed = ", ".join(str(seed) for seed in sorted(table["seed"].unique()))
            share = f"{config.permuted_fraction:.0%}"
            return table, {
                "preset": preset, "dataset": config.dataset, "network": config.network, "seeds": listed,
                "permuted": share,
            }  # fmt: skip
    return None, dict.fromkeys(("preset", "dataset", "network", "seeds", "permuted"), "none")
