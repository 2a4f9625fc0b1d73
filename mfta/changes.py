"""What differs between a certificate and what a job would be made with today."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mfta import store
from mfta.errors import StoreError

FAMILIES = {"networks/residual.py": ("resnet18",), "networks/dense.py": ("densenet121",)}
"""Files of the code that matter to the named networks alone."""


def since(certificate: Mapping[str, Any], code: tuple[str, ...]) -> list[str]:
    """Files of the ``code`` and versions of packages that are not those of the certificate, one line each."""
    return [*files(certificate, code), *_versions(certificate)]


def files(certificate: Mapping[str, Any], code: tuple[str, ...]) -> list[str]:
    """Files of the ``code`` that changed since the certificate and that its network uses, one line each."""
    if certificate.get("code") == store.code_digest(*code):
        return []
    if "files" not in certificate:
        return ["code (the certificate is older than digests of single files)"]
    then, now = certificate["files"], store.file_digests(*code)
    network = certificate.get("config", {}).get("network")
    words = {(True, True): "changed", (True, False): "removed", (False, True): "added"}
    return [
        f"{name} {words[name in then, name in now]}"
        for name in sorted({*then, *now})
        if then.get(name) != now.get(name) and used(name, network)
    ]


def used(name: str, network: str | None) -> bool:
    """Whether a file of the code matters to a table of ``network``."""
    return network in FAMILIES.get(name, (network,))


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
