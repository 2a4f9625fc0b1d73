"""The stored tables nearest to the paper, with a sentence on where they come from."""

from collections.abc import Iterable, Sequence

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
