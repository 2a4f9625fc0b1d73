"""The machine, the code, the versions and the moment: what a certificate says of them, and what is asked of them."""

import ctypes
import datetime
import importlib.metadata
import os
import platform
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

PACKAGE = Path(__file__).parent
CPUINFO = Path("/proc/cpuinfo")  # of Linux
CERTIFIED_PACKAGES = ("numpy", "scipy", "numba", "pandas", "scikit-learn", "torch", "torchvision")


def circumstances() -> dict[str, Any]:
    """What a certificate says of the machine, the versions and the moment."""
    import torch  # late: the store is read without it

    return {
        "commit": _commit(),
        "instructions": torch.backends.cpu.get_cpu_capability(),  # a processor's name stands for different ones
        "made": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        "processor": _processor(),
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.machine()}",
        "versions": versions(),
    }


def certified(content: dict[str, Any]) -> dict[str, Any]:
    """A certificate: what it is of, and the circumstances."""
    return {**content, **circumstances()}


def versions() -> dict[str, str]:
    """The installed versions of the packages that numbers depend on."""
    return {name: importlib.metadata.version(name) for name in CERTIFIED_PACKAGES}


def _processor() -> str:
    """The processor's model; results of another may differ in the last bits."""
    lines = CPUINFO.read_text().splitlines() if CPUINFO.exists() else []
    models = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return models[0] if models else platform.processor()


def has_matrix_instructions() -> bool:
    """Whether the processor multiplies bfloat16 by instructions of its own (AMX, or AVX-512's dot products)."""
    flags = CPUINFO.read_text().split() if CPUINFO.exists() else []
    return "amx_bf16" in flags or "avx512_bf16" in flags


def keep_freed_memory() -> None:
    """Have Linux's allocator (glibc) keep what this process frees, up to all it ever held at once.

    It would else give large tensors back at every step, and the system clear their pages anew. No number changes.
    """
    with suppress(AttributeError, OSError, TypeError):  # another system's, which is left as it is
        mallopt = ctypes.CDLL(None).mallopt
        mallopt(-4, 0)  # M_MMAP_MAX: no block is a mapping of its own, which ends with it
        mallopt(-1, -1)  # M_TRIM_THRESHOLD: never


def progress(bar: Any, epoch: int, epochs: int, seconds: float) -> None:
    """A line a slow epoch where there is no terminal for the bar: seconds an epoch, and the time left."""
    if bar.disable and seconds > 5:
        left = (epochs - epoch) * seconds / 60
        bar.write(f"epoch {epoch} of {epochs}: {seconds:.0f} s an epoch, about {left:.0f} min left", file=sys.stderr)


def _commit() -> str | None:
    """The commit of the package's own repository, marked where its files differ; None outside of it."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}

    def git(*words: str) -> str:
        command = ["git", *words]
        answer = subprocess.run(command, cwd=PACKAGE, env=environment, capture_output=True, text=True, check=False)
        return answer.stdout.strip()

    try:
        # An installed package may lie within another repository, in its virtual environment say.
        if git("ls-files", "--full-name", "store.py") != "mfta/store.py":
            return None
        return git("rev-parse", "HEAD") + ("-dirty" if git("status", "--porcelain", "--", ".") else "")
    except OSError:  # no git here
        return None
