"""What differs between a certificate and what a job would be made with today."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mfta import definitions, store
from mfta.errors import StoreError


def since(certificate: Mapping[str, Any], now: Mapping[str, str]) -> list[str]:
    """Definitions and versions of packages that are not those of the certificate, one line each.

    now: the definitions as they stand, by :func:`mfta.definitions.of`.
    """
    return [*code(certificate, now), *_versions(certificate)]


def code(certificate: Mapping[str, Any], now: Mapping[str, str]) -> list[str]:
    """Definitions that changed since the certificate, one line each."""
    if certificate.get("code") == definitions.digest(now):
        return []
    if "definitions" not in certificate:
        return ["code (the certificate is older than digests of definitions)"]
    return definitions.changed(certificate["definitions"], now)


def from_nearest(folder: Path, config: Mapping[str, Any], defaults: Mapping[str, Any]) -> list[str]:
    """How ``config`` differs from the stored one in ``folder`` (a section's) that differs least.

    defaults: of parameters that a certificate is too old to know.
    """
    stored = {}
    for path in sorted(folder.glob("*/certificate.json")):
        try:
            certificate = store.read_certificate(path.parent) or {}
        except StoreError:
            continue
        stored[path.parent.name] = _values({**defaults, **certificate.get("config", {})}, config)
    if not stored:
        return ["nothing of this section is stored under this preset"]
    name = min(stored, key=lambda name: len(stored[name]))
    return [f"nearest stored is {name[:8]}", *stored[name]]


def _versions(certificate: Mapping[str, Any]) -> list[str]:
    then, now = certificate.get("versions", {}), store.versions()
    return [f"{name} {then[name]}, now {now[name]}" for name in then if now.get(name) not in (then[name], None)]


def _values(then: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    return [f"{name} {then.get(name)!r}, now {now[name]!r}" for name in now if then.get(name) != now[name]]
