"""What is stored of a preset: the tables of its sections over every seed, loaded and never computed."""

import pandas as pd

from mfta import configs, store
from mfta.errors import StoreError
from mfta.jobs import SECTIONS, stored_directories


def tables(preset: str) -> dict[str, pd.DataFrame]:
    """By section, the rows of all stored tables that differ from the preset in nothing but what it runs over.

    So seeds beyond the preset's own are there too, and a table with another number of epochs is not. Sections
    of which nothing sound is stored are left out.
    """
    found: dict[str, list[pd.DataFrame]] = {}
    for folder in stored_directories():
        its_preset, section, fingerprint = folder.parts[-3:]
        if its_preset != preset or section not in SECTIONS:
            continue
        try:
            certificate = store.read_certificate(folder) or {}
            if _of_the_preset(section, preset, certificate.get("config", {})):
                table = store.read_table(folder, fingerprint)
                found.setdefault(section, []).append(table)
        except StoreError:
            continue  # `mfta status` and the page on the build say what is wrong with it
    return {section: pd.concat(listed, ignore_index=True) for section, listed in found.items()}


def _of_the_preset(section: str, preset: str, made_with: dict) -> bool:
    """Whether a config, which may lack parameters that are newer than it, is the preset's."""
    model = configs.section_model(section)
    varied = {name: made_with[name] for name in model.grid if name in made_with}
    if len(varied) < len(model.grid):
        return False
    config = configs.config(section, preset, **varied).model_dump(mode="json")
    return all(config.get(name) == value for name, value in made_with.items())
