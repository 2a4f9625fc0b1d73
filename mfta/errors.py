"""The errors a person can mend: one line each, naming the thing and the remedy."""

import difflib
from collections.abc import Iterable


class MftaError(Exception):
    """Anything this package refuses, with a message fit to be shown as it is."""


class ParameterError(MftaError, ValueError):
    """A parameter that does not exist, has the wrong type or lies outside its range."""


class DataError(MftaError):
    """A data set that is absent, or whose files or arrays are not as they should be."""


class StoreError(MftaError):
    """A stored run or table that cannot be read, written or trusted."""


class DivergedError(MftaError):
    """A training whose loss is no longer finite."""


class NotebookError(MftaError):
    """A notebook that cannot be executed, or failed in one of its cells."""


class NeedsTorch(MftaError, ImportError):
    """Something that computes, where PyTorch is not installed."""


def nearest(name: str, known: Iterable[str]) -> str:
    """``" Did you mean 'epochs'?"`` for a name close to a known one, else nothing."""
    close = difflib.get_close_matches(name, list(known), n=1, cutoff=0.5)
    return f" Did you mean '{close[0]}'?" if close else ""
