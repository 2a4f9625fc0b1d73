"""The inner kernel: blocks of inner products, in float64 and in a fixed order."""

import sys
from collections.abc import Callable
from typing import Any

import numpy as np
from numba import njit
from numba.core import event

# Every kernel is inlined where another calls it (forceinline). Otherwise the process that compiles calls one machine
# code of an inner kernel and a process that loads the cache another, and results differ in their last digits.
# Where one calls another, constants are np.bool_ and np.int64: for a literal Numba would compile it once more.
# Sums may be reordered and fused, but infinities and NaNs keep their meaning.
FAST = {"reassoc", "contract", "nsz"}
NOTICE = "mfta: compiling, 20 to 40 seconds, once for this installation (beforehand: python -m mfta.geometry)\n"


class _Notice(event.Listener):
    """Says once on stderr that kernels are being compiled: silence of many seconds looks like a fault."""

    said = False

    def on_start(self, event: event.Event) -> None:
        if not _Notice.said and event.data["dispatcher"].py_func.__module__.startswith(__package__):
            _Notice.said = True
            sys.stderr.write(NOTICE)

    def on_end(self, event: event.Event) -> None: ...


event.register("numba:compile", _Notice())


def kernel(**options: Any) -> Callable[[Callable], Callable]:
    """The decorator of all kernels: compiled once and kept on disk, or compiled in every process where neither
    the installation nor a home can be written to (NUMBA_CACHE_DIR names a folder that can)."""

    def compiled(function: Callable) -> Callable:
        try:
            return njit(nogil=True, forceinline=True, cache=True, **options)(function)
        except RuntimeError:  # Numba found no folder for its cache
            return njit(nogil=True, forceinline=True, **options)(function)

    return compiled


@kernel()
def padded(rows: int, columns: int) -> np.ndarray:
    """Zeros of shape (rows, columns), rows rounded up to a multiple of four: what add_products takes."""
    return np.zeros((4 * ((rows + 3) // 4), columns))


@kernel()
def put(source: np.ndarray, target: np.ndarray) -> None:
    """Copies source to the corner of target that it fits, or as much of it as fits there.

    Loops, here and in the other kernels, where NumPy has a word: they compile in a tenth of the time.
    """
    for i in range(min(source.shape[0], target.shape[0])):
        for j in range(min(source.shape[1], target.shape[1])):
            target[i, j] = source[i, j]


@kernel()
def corner(source: np.ndarray, rows: int, columns: int) -> np.ndarray:
    """The first rows and columns of source as an array of their own."""
    out = np.zeros((rows, columns))
    put(source, out)
    return out


@kernel(fastmath=FAST)
def add_products(a: np.ndarray, b: np.ndarray, symmetric: bool | np.bool_, out: np.ndarray) -> None:
    """out += a bᵀ for panels with rows in multiples of four; the lower blocks alone if symmetric.

    Sixteen dot products at once: each number loaded is used four times, which is what makes it fast.
    """
    for i in range(0, a.shape[0], 4):
        for j in range(0, i + 4 if symmetric else b.shape[0], 4):
            a0, a1, a2, a3 = a[i], a[i + 1], a[i + 2], a[i + 3]
            b0, b1, b2, b3 = b[j], b[j + 1], b[j + 2], b[j + 3]
            s00 = s01 = s02 = s03 = s10 = s11 = s12 = s13 = 0.0
            s20 = s21 = s22 = s23 = s30 = s31 = s32 = s33 = 0.0
            for k in range(a.shape[1]):
                s00 += a0[k] * b0[k]
                s01 += a0[k] * b1[k]
                s02 += a0[k] * b2[k]
                s03 += a0[k] * b3[k]
                s10 += a1[k] * b0[k]
                s11 += a1[k] * b1[k]
                s12 += a1[k] * b2[k]
                s13 += a1[k] * b3[k]
                s20 += a2[k] * b0[k]
                s21 += a2[k] * b1[k]
                s22 += a2[k] * b2[k]
                s23 += a2[k] * b3[k]
                s30 += a3[k] * b0[k]
                s31 += a3[k] * b1[k]
                s32 += a3[k] * b2[k]
                s33 += a3[k] * b3[k]
            out[i, j] += s00
            out[i, j + 1] += s01
            out[i, j + 2] += s02
            out[i, j + 3] += s03
            out[i + 1, j] += s10
            out[i + 1, j + 1] += s11
            out[i + 1, j + 2] += s12
            out[i + 1, j + 3] += s13
            out[i + 2, j] += s20
            out[i + 2, j + 1] += s21
            out[i + 2, j + 2] += s22
            out[i + 2, j + 3] += s23
            out[i + 3, j] += s30
            out[i + 3, j + 1] += s31
            out[i + 3, j + 2] += s32
            out[i + 3, j + 3] += s33


@kernel()
def inner_products(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """a bᵀ for C-contiguous float64 arrays (P, N) and (K, N) of any size."""
    left, right = padded(a.shape[0], a.shape[1]), padded(b.shape[0], b.shape[1])
    put(a, left)
    put(b, right)
    out = padded(a.shape[0], right.shape[0])
    add_products(left, right, np.bool_(False), out)
    return corner(out, a.shape[0], b.shape[0])
