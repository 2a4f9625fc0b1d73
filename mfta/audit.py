"""Every stored table against its certificate and the code as it stands."""

from dataclasses import dataclass

from mfta import store
from mfta.errors import StoreError
from mfta.jobs import SECTIONS, stored_directories


@dataclass(frozen=True)
class Row:
    """One stored table; ``state`` is sound, stale (the code changed since) or refused."""

    preset: str
    section: str
    seed: str
    fingerprint: str
    state: str
    why: str


def audit() -> list[Row]:
    """Check every stored table: checksum, fingerprint, and whether its code is today's."""
    rows = []
    for folder in stored_directories():
        preset, section, fingerprint = folder.parts[-3:]
        seed, state, why = "", "sound", ""
        try:
            store.read_table(folder, fingerprint)
            certificate = store.read_certificate(folder) or {}
            seed = str(certificate["config"]["seed"])
            why = f"made {certificate['made']} on {certificate['device']}"
            if certificate["code"] != SECTIONS[section].digest:
                state, why = "stale", f"the code changed since; {why}"
        except StoreError as error:
            state, why = "refused", str(error)
        except KeyError as error:
            state, why = "refused", f"'{folder}' has no {error} in its certificate or is of no known section"
        rows.append(Row(preset, section, seed, fingerprint, state, why))
    return rows
