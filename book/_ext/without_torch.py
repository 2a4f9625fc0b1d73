"""Where PyTorch is not installed: stand-ins by which the package can be imported and stored tables read.

A stand-in can be named, inherited from and found in annotations. Whatever would compute with one raises NeedsTorch.
"""

import importlib.abc
import importlib.util
import sys
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any

from mfta.errors import NeedsTorch

MISSING = ("torch", "torchvision")
DECORATORS = ("no_grad", "inference_mode")
"""What is called while a module is imported; the functions that they decorate are left as they are."""


def begin() -> None:
    """Let PyTorch be imported where it is not installed; where it is, do nothing."""
    if importlib.util.find_spec("torch") is None:
        for name in MISSING:
            sys.modules.pop(name, None)
        sys.meta_path.insert(0, _Finder())


def _stand_in(_: Any, name: str) -> Any:
    if name.startswith("__"):
        raise AttributeError(name)
    return _Kind(name, (), {"__module__": "torch"})


class _Kind(type):
    """A class whose attributes are stand-ins too."""

    __getattr__ = _stand_in

    def __call__(cls, *values: Any, **options: Any) -> Any:
        if cls.__name__ in DECORATORS:
            return lambda function: function
        raise NeedsTorch(
            f"'{cls.__name__}' needs PyTorch, which is not installed here: install it with pip install '.[train]'"
        )


class _Module(ModuleType):
    __getattr__ = _stand_in


class _Finder(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    def find_spec(self, name: str, path: Any, target: Any = None) -> ModuleSpec | None:
        mine = name.split(".")[0] in MISSING
        return ModuleSpec(name, self, is_package=True) if mine else None

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        return _Module(spec.name)

    def exec_module(self, module: ModuleType) -> None:
        pass
