"""What a section's page shows beside its own tables: the stored ones of a larger preset."""

import pandas as pd

from mfta import configs, stored


def larger(section: str, preset: str) -> tuple[pd.DataFrame | None, str]:
    """Stored rows of the preset nearest to the paper and beyond ``preset``, and a sentence on their origin.

    None where nothing of the section is stored there.
    """
    for name in reversed(configs.PRESETS[configs.PRESETS.index(preset) + 1 :]):
        table = stored.tables(name).get(section)
        if table is not None:
            config = configs.config(section, name)
            seeds = ", ".join(str(seed) for seed in sorted(table["seed"].unique()))
            return table, (
                f"Stored with the preset {name}: {config.network} on {config.dataset},"
                f" {config.permuted_fraction:.0%} of the labels permuted, seeds {seeds}."
            )
    return None, "No table of a larger preset is stored."
