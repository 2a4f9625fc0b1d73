"""Randomness as an argument: one named stream a purpose, so that adding one moves no other."""

import numpy as np
import torch


def stream(seed: int, purpose: str, *indices: int) -> np.random.Generator:
    """A NumPy generator for ``purpose`` (and further integers, an epoch say) under ``seed`` ≥ 0."""
    return np.random.default_rng([seed, *purpose.encode(), *indices])


def torch_stream(seed: int, purpose: str, *indices: int) -> torch.Generator:
    """The same for torch: a CPU generator seeded from the named NumPy stream."""
    return torch.Generator().manual_seed(int(stream(seed, purpose, *indices).integers(2**62)))
