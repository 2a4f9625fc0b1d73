"""The stored tables nearest to the paper, with a sentence on where they come from."""

from collections.abc import Sequence

import pandas as pd

from mfta import configs, sections, stored


def larger(section: str, preset: str) -> tuple[pd.DataFrame | None, str]:
    """What a section's page shows beside its own tables: :func:`largest` beyond ``preset``."""
    return largest(section, configs.PRESETS[configs.PRESETS.index(preset) + 1 :], "a larger preset")


def largest(section: str, presets: Sequence[str], wanted: str = "these presets") -> tuple[pd.DataFrame | None, str]:
    """Stored rows of the last preset that has any of the section, and a sentence on their origin.

    presets: from small to large. None where nothing of the section is stored; the sentence then says that no table of
    ``wanted`` is.
    """
    for name in reversed(presets):
        table = stored.tables(name).get(section)
        if table is not None:
            config = sections.config(section, name)
            seeds = ", ".join(str(seed) for seed in sorted(table["seed"].unique()))
            return table, (
                f"Stored with the preset {name}: {config.network} on {config.dataset},"
                f" {config.permuted_fraction:.0%} of the labels permuted, seeds {seeds}."
            )
    return None, f"No table of {wanted} is stored."
