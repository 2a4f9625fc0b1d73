"""What is stored of a preset: the tables of its sections over every seed, loaded and never computed."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from mfta import configs, sections, store
from mfta.errors import StoreError
from mfta.jobs import stored_directories
from mfta.sections import SECTIONS

Variation = tuple[str, ...]
"""What a config sets otherwise than its preset, ``("permuted_fraction 0.2", "points 20")``; empty: nothing."""


def tables(preset: str) -> dict[str, pd.DataFrame]:
    """By section, the rows of all stored tables that differ from the preset in nothing but what it runs over.

    So seeds beyond the preset's own are there too, and a table with another number of epochs is not. A seed of a scan
    counts once all widths of the preset are stored. Sections of which nothing sound is stored are left out.
    """
    return variations(preset, only=[()])[()]


def arms(section: str, presets: Sequence[str] = configs.PRESETS) -> dict[str, pd.DataFrame]:
    """By name, a section's stored rows at every preset, and at its other arm, with or without batch norm.

    A name is ``small`` with batch norm and ``small, no batch norm`` without it.
    """
    found = {}
    for preset in presets:
        own = configs.config(section, preset).batch_norm
        both: dict[Variation, bool] = {(): own, (f"batch_norm {not own}",): not own}
        for variation, of in variations(preset, [section], list(both)).items():
            if section in of:
                found[preset if both[variation] else f"{preset}, no batch norm"] = of[section]
    return found


def variations(
    preset: str, sections: Sequence[str] = tuple(SECTIONS), only: Sequence[Variation] | None = None
) -> dict[Variation, dict[str, pd.DataFrame]]:
    """The same for every set of parameters stored under the preset (or for ``only`` those), the preset's own first.

    Which epochs were kept, measured or gone back to is no variation; of two tables that differ in that alone the
    one with the preset's epochs counts.
    """
    found: dict[Variation, dict[str, dict[tuple, pd.DataFrame]]] = {(): {}}
    for folder, section, certificate in _folders(preset, sections):
        config = certificate.get("config", {})
        differs = differences(section, preset, config)
        if differs is None:
            continue
        fields = sections.section_model(section).model_fields
        epochs = {name for name in differs if name in fields and fields[name].annotation == configs.Epochs}
        variation = tuple(f"{name} {differs[name]}" for name in sorted(set(differs) - epochs))
        if only is not None and variation not in only:
            continue
        for table in _sound(folder):
            place = tuple(config[name] for name in sections.section_model(section).grid)
            of_section = found.setdefault(variation, {}).setdefault(section, {})
            if place not in of_section or not epochs:
                of_section[place] = table
    return {
        variation: _whole(preset, {section: list(listed.values()) for section, listed in of.items()})
        for variation, of in sorted(found.items())
    }


def differences(section: str, preset: str, made_with: dict[str, Any]) -> dict[str, Any] | None:
    """The parameters of a config, which may lack newer ones, that are not the preset's, with their values.

    None where the config does not say which of the section's jobs it is.
    """
    model = sections.section_model(section)
    varied = {name: made_with[name] for name in model.grid if name in made_with}
    if len(varied) < len(model.grid):
        return None
    config = sections.config(section, preset, **varied).model_dump(mode="json")
    return {name: value for name, value in made_with.items() if config.get(name) != value}


def _whole(preset: str, found: dict[str, list[pd.DataFrame]]) -> dict[str, pd.DataFrame]:
    """The tables of each section as one, without seeds of which a part of the preset's scan is missing."""
    whole = {section: pd.concat(listed, ignore_index=True) for section, listed in found.items() if listed}
    for section, table in whole.items():
        values = configs.preset_values(preset, section)
        for name in set(sections.section_model(section).grid) - {"seed"}:
            wanted = set(values[f"{name}s"])
            table = table[table.groupby("seed")[name].transform(lambda has, wanted=wanted: wanted <= set(has))]
        whole[section] = table
    return {section: table for section, table in whole.items() if not table.empty}


def _folders(preset: str, sections: Sequence[str]) -> Iterator[tuple[Path, str, dict[str, Any]]]:
    for folder in stored_directories():
        its_preset, section, _ = folder.parts[-3:]
        if its_preset != preset or section not in sections:
            continue
        try:
            yield folder, section, store.read_certificate(folder) or {}
        except StoreError:
            continue  # `mfta status` and the page on the build say what is wrong with it


def _sound(folder: Path) -> list[pd.DataFrame]:
    """The table of a folder, or none where it is not what its certificate says."""
    try:
        return [store.read_table(folder, folder.name)]
    except StoreError:
        return []
