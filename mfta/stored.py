"""What is stored: the tables of a preset over every seed, and whether each table is what it should be."""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from mfta import configs, definitions, store
from mfta.errors import NeedsTorch, ParameterError, StoreError
from mfta.jobs import changed_since
from mfta.sections import SECTIONS, computing, config, of_certificate, section_model

NAMED = 4
"""Changes that a table's reason names, so that it stays a line or two."""
Variation = tuple[str, ...]
"""What a config sets otherwise than its preset, ``("permuted_fraction 0.2", "points 20")``; empty: nothing."""


@dataclass(frozen=True)
class Row:
    """One stored table; ``state`` is sound, stale (the code changed since), unfinished or refused."""

    preset: str
    section: str
    seed: str
    fingerprint: str
    state: str
    why: str


def audit(under: str = "*/*") -> list[Row]:
    """Check every stored table: checksum, fingerprint, and whether its code is today's.

    under: ``preset/section`` for those of one section alone.
    """
    return [_audited(folder) for folder in stored_directories(under)]


def _audited(folder: Path) -> Row:
    preset, section, fingerprint = folder.parts[-3:]
    seed, state, why = "", "sound", ""
    try:
        certificate = store.read_certificate(folder)
        if certificate is None:
            return Row(preset, section, seed, fingerprint, "unfinished", "being made, or interrupted")
        store.read_table(folder, fingerprint)
        made_with = of_certificate(section, certificate["config"])
        seed = ", ".join(f"{name} {getattr(made_with, name)}" for name in made_with.grid).removeprefix("seed ")
        why = f"made {certificate['made']} on {certificate['device']}"
        with suppress(ParameterError):  # of a preset that is not here any more
            differs = _differs(preset, section, certificate["config"])
            why = "; ".join(filter(None, [", ".join(f"{name} {differs[name]}" for name in sorted(differs)), why]))
        now = definitions.of(made_with.model_dump(), computing(section))
        if certificate.get("code") != definitions.digest(now):
            changes = changed_since(certificate, now)
            more = f" and {len(changes) - NAMED} more" if len(changes) > NAMED else ""
            state, why = "stale", f"since then: {', '.join(changes[:NAMED])}{more}; {why}"
    except NeedsTorch:
        why += "; whether the code has changed since is not known without PyTorch"
    except StoreError as error:
        state, why = "refused", str(error)
    except (KeyError, TypeError, ValueError) as error:  # of another version, or edited
        reason = f"'{folder}' is of no section and config known here ({error})"
        state, why = "refused", f"{reason}: remove it, or use the version that made it"
    return Row(preset, section, seed, fingerprint, state, why)


def stored_directories(under: str = "*/*") -> list[Path]:
    """Every folder of the results that holds a certificate or a table."""
    found = store.results_directory().glob(f"{under}/*/")
    return sorted(folder for folder in found if not folder.name.startswith("."))


def tables(preset: str) -> dict[str, pd.DataFrame]:
    """By section, the rows of all stored tables that differ from the preset in nothing but what it runs over.

    So seeds beyond the preset's own are there too, and a table with another number of epochs is not. A seed of a scan
    counts once all widths of the preset are stored. Sections of which nothing sound is stored are left out.
    """
    return variations(preset, only=[()])[()]


def arm(preset: str, batch_norm: bool) -> str:
    """What every page calls the networks of a preset with batch norm, and those without."""
    return f"{preset}, batch norm" if batch_norm else f"{preset}, no batch norm"


def arms(section: str, presets: Sequence[str] = configs.PRESETS) -> dict[str, pd.DataFrame]:
    """By name, a section's stored rows at every preset, and at its other arm, with or without batch norm.

    A name is ``small, batch norm`` or ``small, no batch norm`` (:func:`arm`).
    """
    found = {}
    for preset in presets:
        own = config(section, preset).batch_norm
        both: dict[Variation, bool] = {(): own, (f"batch_norm {not own}",): not own}
        for variation, of in variations(preset, [section], list(both)).items():
            if section in of:
                found[arm(preset, both[variation])] = of[section]
    return found


def variations(
    preset: str, sections: Sequence[str] = tuple(SECTIONS), only: Sequence[Variation] | None = None
) -> dict[Variation, dict[str, pd.DataFrame]]:
    """The same for every set of parameters stored under the preset (or for ``only`` those), the preset's own first.

    Which epochs were kept, measured or gone back to is no variation; of two tables that differ in that alone the
    one with the preset's epochs counts. Where only the measurement is another, a table of another network than the
    preset's own, by the digest of its checkpoints, is left out.
    """
    found: dict[tuple[Variation, str, tuple], tuple[pd.DataFrame, str | None]] = {}
    for folder in stored_directories(f"{preset}/*"):
        section = folder.parent.name
        if section not in sections:
            continue
        with suppress(StoreError, ParameterError):  # `mfta status` says what is wrong with it
            certificate = store.read_certificate(folder) or {}
            made_with = certificate.get("config", {})
            model = section_model(section)
            if not made_with.keys() >= set(model.grid):  # it does not say which of the section's jobs it is
                continue
            differs = _differs(preset, section, made_with)
            fields = model.model_fields
            epochs = {name for name in differs if name in fields and fields[name].annotation == configs.Epochs}
            variation = tuple(f"{name} {differs[name]}" for name in sorted(set(differs) - epochs))
            if only is not None and variation not in only:
                continue
            key = variation, section, tuple(made_with[name] for name in model.grid)
            if key not in found or not epochs:
                trained = differs.keys() & configs.Training.model_fields.keys()
                network = None if trained else certificate.get("network")
                found[key] = store.read_table(folder, folder.name), network
    listed: dict[Variation, dict[str, list[pd.DataFrame]]] = {(): {}}
    for (variation, section, place), (table, network) in found.items():
        _, own_network = found.get(((), section, place), (None, None))
        of_section = listed.setdefault(variation, {}).setdefault(section, [])
        if not network or own_network in (None, network):
            of_section.append(table)
    return {variation: _whole(preset, of) for variation, of in sorted(listed.items())}


def _differs(preset: str, section: str, made_with: dict[str, Any]) -> dict[str, Any]:
    """What a config sets otherwise than its preset."""
    own = config(section, preset, **{name: made_with[name] for name in section_model(section).grid})
    values = own.model_dump(mode="json")
    return {name: value for name, value in made_with.items() if values.get(name) != value}


def _whole(preset: str, found: dict[str, list[pd.DataFrame]]) -> dict[str, pd.DataFrame]:
    """The tables of each section as one, without seeds of which a part of the preset's scan is missing."""
    whole = {section: pd.concat(listed, ignore_index=True) for section, listed in found.items() if listed}
    for section, table in whole.items():
        values = configs.preset_values(preset, section)
        for name in set(section_model(section).grid) - {"seed"}:
            wanted = set(values[f"{name}s"])
            table = table[table.groupby("seed")[name].transform(lambda has, wanted=wanted: wanted <= set(has))]
        whole[section] = table
    return {section: table for section, table in whole.items() if not table.empty}
