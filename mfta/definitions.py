"""Which definitions of the package a result depends on, and a digest of each.

From the functions a computation starts from, the names they use are followed through the source. What is found is
hashed without comments, docstrings, annotations, texts of errors and places. The engine (what finds, locks, writes,
certifies and shows progress) makes no numbers and is left out. A network is hashed as it is built, so that a result
of one depends on no other.
"""

import ast
import copy
import hashlib
import importlib.util
import json
import symtable
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import torch

from mfta import data, networks

ENGINE = tuple(
    f"mfta.{name}" for name in ("batch", "configs", "definitions", "errors", "geometry.cautions", "jobs", "store")
)
"""Modules that make no numbers: they are not followed, and statements that only call them are left out."""
NETWORKS = "mfta.networks"
PROGRESS = ("set_description", "set_postfix")
PLAIN = {"property", "classmethod", "staticmethod", "cached_property"}

Found = tuple[str, str | None]
"""A module and a name in it; None: all of it."""
Function = ast.FunctionDef | ast.AsyncFunctionDef


def of(config: Mapping[str, Any], *roots: Callable[..., Any]) -> dict[str, str]:
    """Digest (8 digits) by name of every definition that ``roots`` reach, and of the network ``config`` builds.

    config: its values by name. Of a module-level dict by names (data sets, schedules), the entries that the config
    does not choose are left out.
    """
    choices = frozenset(value for value in config.values() if isinstance(value, str))
    starts = tuple((root.__module__, root.__qualname__) for root in roots)
    source = data.SOURCES[config["dataset"]]
    seed = None  # weights are none of a network's definitions
    shape = (source.classes, config["width"], source.image_size, config["batch_norm"], seed, config["hidden"])
    return _reached(starts, choices, (*ENGINE, NETWORKS)) | _built(config["network"], *shape, config["dropout"])


def digest(definitions: Mapping[str, str]) -> str:
    """One digest (16 digits) of all of them."""
    return _hash(json.dumps(sorted(definitions.items())), 16)


def changed(then: Mapping[str, str], now: Mapping[str, str]) -> list[str]:
    """``["train_epoch changed"]``: what was changed, added or removed, by name."""
    words = {(True, True): "changed", (True, False): "removed", (False, True): "added"}
    names = [name for name in sorted({*then, *now}) if then.get(name) != now.get(name)]
    return [f"{name} {words[name in then, name in now]}" for name in names]


@cache
def _built(name: str, *given: Any) -> dict[str, str]:
    """Of a network's modules, its layers with the weights each owns, and how weights are drawn."""
    with torch.device("meta"):
        network = networks.build(name, *given)
    keys = [*network.state_dict()]
    layers = [(tap, layer.node, [key for key in keys if layer.has(key)]) for tap, layer in network.taps.items()]
    frozen = [name for name, weights in network.named_parameters() if not weights.requires_grad]
    kinds = {type(module) for module in network.modules() if "forward" in vars(type(module))}
    own = sorted((kind.__module__, kind.__qualname__) for kind in kinds if kind.__module__.startswith("mfta."))
    drawn = (networks.initialize.__module__, "initialize")
    text = f"{network!r}\n{json.dumps(layers)}" + (f"\nfrozen: {frozen}" if frozen else "")
    structure = {f"network {name}": _hash(text)}
    return structure | _reached((*own, drawn), frozenset(), ENGINE)


@cache
def _reached(starts: tuple[Found, ...], choices: frozenset[str], apart: tuple[str, ...]) -> dict[str, str]:
    """By name, the digest of every definition reached; several of one name share theirs."""
    texts: dict[Found, str] = {}
    attributes: set[str] = set()
    methods: dict[Found, ast.stmt] = {}
    todo = [pair for start in starts for pair in _resolved(start, apart)]
    while todo:
        found, node = todo.pop()
        if found not in texts:
            if isinstance(node, ast.ClassDef):
                node, later = _divided(node)
                methods |= {(found[0], f"{node.name}.{method.name}"): method for method in later}
            texts[found], uses, named = _read(_chosen(node, choices), _module(found[0]))
            attributes |= named
            todo += [pair for use in uses for pair in _resolved(use, apart)]
        if not todo:
            wanted = sorted(key for key in methods if str(key[1]).partition(".")[2] in attributes)
            todo = [(key, methods.pop(key)) for key in wanted]
    by_name: dict[str, list[str]] = {}
    for (_, name), text in texts.items():
        by_name.setdefault(str(name), []).append(text)
    return {name: _hash("\n".join(sorted(same))) for name, same in by_name.items()}


def _hash(text: str, digits: int = 8) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:digits]


@dataclass(frozen=True, eq=False)
class _Module:
    """Top-level statements, stripped, by the names they define, and what is imported of the package."""

    name: str
    statements: dict[str, list[ast.stmt]]
    imports: dict[str, Found]

    def is_engine(self, node: ast.expr) -> bool:
        """Whether a call is one of the engine."""
        while isinstance(node, ast.Call | ast.Attribute):
            node = node.func if isinstance(node, ast.Call) else node.value
        return isinstance(node, ast.Name) and _inside(self.imports.get(node.id, ("", None))[0], ENGINE)


@cache
def _module(name: str) -> _Module:
    spec = importlib.util.find_spec(name)
    assert spec is not None
    path = Path(str(spec.origin))
    package = name if path.name == "__init__.py" else name.rpartition(".")[0]
    tree = ast.parse(path.read_text(encoding="utf-8"))
    imports: dict[str, Found] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom):
            home = importlib.util.resolve_name("." * node.level + (node.module or ""), package)
            for alias in node.names if _inside(home, ("mfta",)) else ():
                inner = f"{home}.{alias.name}"
                imports[alias.asname or alias.name] = (inner, None) if _exists(inner) else (home, alias.name)
        elif isinstance(node, ast.Import):
            ours = [alias for alias in node.names if _inside(alias.name, ("mfta",))]
            imports |= {alias.asname or "mfta": (alias.name if alias.asname else "mfta", None) for alias in ours}
    module = _Module(name, {}, imports)
    for node in tree.body:
        names = [*_defined(node)]
        stripped = _Stripped(module).visit(node)
        for defined in names:
            module.statements.setdefault(defined, []).append(stripped)
    return module


def _inside(module: str, homes: tuple[str, ...]) -> bool:
    return any(module == home or module.startswith(f"{home}.") for home in homes)


@cache
def _exists(module: str) -> bool:
    try:
        return importlib.util.find_spec(module) is not None
    except ModuleNotFoundError:  # its parent is no package
        return False


def _defined(node: ast.stmt) -> Iterator[str]:
    """The names a top-level statement defines, or changes."""
    if isinstance(node, Function | ast.ClassDef):
        yield node.name
    elif not isinstance(node, ast.Import | ast.ImportFrom):
        targets = [p for p in ast.walk(node) if isinstance(getattr(p, "ctx", None), ast.Store)]
        yield from {part.id for target in targets for part in ast.walk(target) if isinstance(part, ast.Name)}


def _resolved(found: Found, apart: tuple[str, ...]) -> Iterator[tuple[Found, ast.stmt]]:
    """The statements behind a name, imports followed; none outside the package and in ``apart``."""
    home, wanted = found
    if not _inside(home, ("mfta",)) or _inside(home, apart):
        return
    module = _module(home)
    for name in module.statements if wanted is None else [wanted.partition(".")[0]]:
        for number, node in enumerate(module.statements.get(name, ()), start=1):
            yield (home, name if number == 1 else f"{name} ({number})"), node
        if name not in module.statements and name in module.imports:
            yield from _resolved(module.imports[name], apart)


@cache
def _divided(node: ast.ClassDef) -> tuple[ast.ClassDef, list[Function]]:
    """A class without those methods that matter only where something calls them by name."""
    later = [
        part
        for part in node.body
        if isinstance(part, Function)
        and not node.bases
        and not part.name.startswith("__")
        and all(isinstance(by, ast.Name) and by.id in PLAIN for by in part.decorator_list)
    ]
    kept = copy.copy(node)
    kept.body = [part for part in node.body if part not in later] or [ast.Pass()]
    return kept, later


@cache
def _chosen(node: ast.stmt, choices: frozenset[str]) -> ast.stmt:
    """Of a dict by names, the entries that were chosen, where any was; else the statement as it is."""
    value = getattr(node, "value", None)
    if not isinstance(value, ast.Dict):
        return node
    keys = [key.value if isinstance(key, ast.Constant) else None for key in value.keys]
    kept = [place for place, key in enumerate(keys) if key in choices]
    if not kept or not all(isinstance(key, str) for key in keys):
        return node
    chosen = copy.copy(node)
    entries = ast.Dict([value.keys[place] for place in kept], [value.values[place] for place in kept])
    chosen.value = entries  # type: ignore[attr-defined]
    return chosen


@cache
def _read(node: ast.stmt, module: _Module) -> tuple[str, set[Found], set[str]]:
    """A definition's text, what of the package it uses, and all names of attributes in it."""
    attributes = {part.attr for part in ast.walk(node) if isinstance(part, ast.Attribute)}
    attributes |= {p.value for p in ast.walk(node) if isinstance(p, ast.Constant) and isinstance(p.value, str)}
    taken = {id(part.value): part.attr for part in ast.walk(node) if isinstance(part, ast.Attribute)}
    uses: set[Found] = set()
    names = _free_names(symtable.symtable(ast.unparse(node), module.name, "exec"))
    for part in ast.walk(node):
        if isinstance(part, ast.Name) and part.id in names:
            home, name = module.imports.get(part.id, (module.name, part.id))
            if name is None and id(part) in taken:  # an attribute of a module
                inner = f"{home}.{taken[id(part)]}"
                home, name = (inner, None) if _exists(inner) else (home, taken[id(part)])
            uses.add((home, name))
    return ast.dump(node), uses, attributes


def _free_names(table: symtable.SymbolTable) -> set[str]:
    names = {s.get_name() for s in table.get_symbols() if s.is_global() or s.is_imported()}
    return names.union(*(_free_names(child) for child in table.get_children()))


class _Stripped(ast.NodeTransformer):
    """Takes from a statement what makes no numbers."""

    def __init__(self, module: _Module) -> None:
        self.module = module

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST:
        self.generic_visit(node)
        node.returns = None
        node.body = node.body or [ast.Pass()]
        return node

    visit_ClassDef = visit_FunctionDef  # type: ignore[assignment]

    def visit_arg(self, node: ast.arg) -> ast.AST:
        node.annotation = None
        return node

    def visit_AnnAssign(self, node: ast.AnnAssign) -> ast.AST | None:
        node.annotation = ast.Constant(None)
        return self._unless_engine(node, node.value)

    def visit_Assign(self, node: ast.Assign) -> ast.AST | None:
        return self._unless_engine(node, node.value)

    def visit_Expr(self, node: ast.Expr) -> ast.AST | None:
        call = node.value
        shown = isinstance(call, ast.Call) and isinstance(call.func, ast.Attribute) and call.func.attr in PROGRESS
        return None if shown or isinstance(call, ast.Constant) else self._unless_engine(node, call)

    def visit_With(self, node: ast.With) -> Any:
        self.generic_visit(node)
        node.items = [item for item in node.items if not self.module.is_engine(item.context_expr)]
        return node if node.items else node.body

    def visit_Raise(self, node: ast.Raise) -> ast.AST:
        return ast.Raise(node.exc.func) if isinstance(node.exc, ast.Call) else node

    def visit_Call(self, node: ast.Call) -> ast.AST:
        self.generic_visit(node)
        shown = isinstance(node.func, ast.Name) and node.func.id == "tqdm"
        return node.args[0] if shown and node.args else node

    def _unless_engine(self, node: ast.AST, value: ast.expr | None) -> ast.AST | None:
        if isinstance(value, ast.Call) and self.module.is_engine(value):
            return None
        return self.generic_visit(node)
