"""Any torch model + images + labels → the geometry of every layer, one table."""

import re
import warnings
from collections.abc import Iterable, Iterator
from contextlib import nullcontext
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
import torch
from torch import nn
from torch.nn.utils import parametrize

from mfta.geometry import GeometryError, analyze
from mfta.geometry.inputs import by_label, whole
from mfta.geometry.result import averaged

ARRAYS = (torch.Tensor, np.ndarray)
COARSE = (torch.float16, torch.bfloat16)  # stay as they are: `analyze` takes what they are rounded by into account
BATCH = 64
PROBED = 3
"""Images of a first run, which tells what is called, how large it is, and whether images come first."""
MEMORY = 2**30
"""Bytes of activations held at once; a model whose layers need more is run several times."""


def measure_layers(
    model: nn.Module,
    images: torch.Tensor,
    labels: Any,
    layers: str | Iterable[str] | None = None,
    points: int | None = 50,
    sets: dict[str, tuple[torch.Tensor, Any]] | None = None,
    **analysis: Any,
) -> pd.DataFrame:
    """Capacity, radius and dimension of the class manifolds at each layer of a torch model.

    model: any module that takes a batch of images; it is run in evaluation mode, without gradients, uncompiled, on
    its own device and in its own precision, on no more images than are measured, and left in the mode it was in.
    images: (n, …), a tensor or array. labels: (n,). layers: names as in `model.named_modules()`; by default every
    module that holds weights of its own, is called and returns images first, without those that such modules lie
    in. A layer's activations are what it returns, flattened (tokens and places are features), the first tensor where
    it returns several, and of a module that is called several times the first call (a warning names it), copied
    before anything in place changes them; depth 0 is the input (of token ids it means nothing). Capacity says nothing
    of layers that have hardly more features than there are classes, such as most heads. points: a class, drawn by the
    seed; None takes all of the smallest class. sets: further images and labels by name, measured beside the first,
    which is then called `examples`. analysis: passed on to `mfta.analyze`.

    One row a set and layer, in the order in which the layers are called: examples, layer, depth, features, and
    what `ManifoldGeometry.summary` gives; a layer that cannot be measured, as it is zero for all images of a class
    say, has NaN there, and a warning tells why. Raises GeometryError for a named layer that does not exist, is never
    called or does not return images first, for a model without layers that hold weights, and for images or labels
    that cannot be measured at all.
    """
    if isinstance(model, torch.jit.ScriptModule) or not isinstance(model, nn.Module):
        what = "scripted or traced model" if isinstance(model, torch.jit.ScriptModule) else type(model).__name__
        raise GeometryError(f"the layers of a {what} cannot be read; pass the module it was made from")
    model = getattr(model, "_orig_mod", model)  # what torch.compile wraps
    modules = dict(model.named_modules(remove_duplicate=False))
    named = [layers] if isinstance(layers, str) else list(layers) if layers is not None else None
    for name in named or ():
        if name not in modules:
            raise GeometryError(f"the model has no layer {name!r}; its layers: {', '.join(filter(None, modules))}")
    chosen = {name: modules[name] for name in (_holding(model) if named is None else named)}
    if not chosen:
        raise GeometryError("no module of the model holds weights; name the layers to measure: layers=[...]")
    every = {"examples": (images, labels)}
    for name, pair in dict(sets or {}).items():
        if name == "examples":
            raise GeometryError("sets holds 'examples', the name of the images themselves; take another one")
        if not isinstance(pair, tuple | list) or len(pair) != 2:
            raise GeometryError(f"sets[{name!r}] is a {type(pair).__name__}; expected a pair of images and labels")
        every[name] = (pair[0], pair[1])
    modes = {module: module.training for module in model.modules()}
    model.eval()
    rows: list[dict[str, Any]] = []
    try:
        with warnings.catch_warnings(record=True) as said:
            warnings.simplefilter("always")
            for examples, (given, y) in every.items():
                x, subsets = _drawn(_batch(given), y, points, analysis)
                rows += _of_one_set(model, chosen, named is not None, x, subsets, {"examples": examples}, analysis)
    finally:
        for module, mode in modes.items():
            module.training = mode
    alike: dict[str, list[warnings.WarningMessage]] = {}
    for one in said:  # but for numbers and the layer's name
        alike.setdefault(re.sub(r"^layer '.*?':|\d+", "", str(one.message)), []).append(one)
    for first, *others in alike.values():
        also = f"; and {len(others)} more like it" if others else ""
        warnings.warn(f"{first.message}{also}", first.category, stacklevel=2)
    return pd.DataFrame(rows)


def _holding(model: nn.Module) -> list[str]:
    """The names of modules with weights of their own, or with ones computed from others; where none in the model has
    any, the model's own."""
    held = [
        name
        for name, module in model.named_modules()
        if ([*module.parameters(recurse=False)] or parametrize.is_parametrized(module))
        and ".parametrizations." not in f".{name}"
    ]
    return [*filter(None, held)] or held


def _drawn(
    images: torch.Tensor, labels: Any, points: int | None, analysis: dict[str, Any]
) -> tuple[torch.Tensor, list[dict[Any, np.ndarray]]]:
    """The images that are measured, and by subset of points and class their places among these."""
    first, several = whole("seed", analysis.get("seed", 0), 0), whole("repeats", analysis.get("repeats", 1), 1)
    rows = np.arange(len(images))[:, None]
    if hasattr(labels, "__len__") and getattr(labels, "ndim", True) and len(labels) != len(images):
        raise GeometryError(f"{len(labels)} labels for {len(images)} images; expected one label for each image")
    subsets = [by_label(rows, labels, points, first + i) for i in range(several)]
    needed = np.unique(np.concatenate([index[0] for subset in subsets for index in subset.values()]))
    places = [{name: np.searchsorted(needed, index[0]) for name, index in subset.items()} for subset in subsets]
    return images[torch.from_numpy(needed).to(images.device)], places


def _of_one_set(
    model: nn.Module,
    chosen: dict[str, nn.Module],
    all_of_them: bool,
    images: torch.Tensor,
    subsets: list[dict[Any, np.ndarray]],
    which: dict[str, str],
    analysis: dict[str, Any],
) -> Iterator[dict[str, Any]]:
    """The rows of one example set, input first; all_of_them: whether a layer that is not called is an error."""
    tried = min(len(images), PROBED)
    skipped: list[str] | None = None if all_of_them else []
    again: set[str] = set()
    of_few = _activations(model, chosen, images[:tried], skipped, again)
    sizes = {name: of.nbytes / tried for name, of in of_few.items()}
    if again:
        warnings.warn(f"measured at the first of several calls: {', '.join(sorted(again))}", stacklevel=2)
    called = {*sizes, *(skipped or ())}
    missing = [name for name in chosen if name not in called]
    if missing and (all_of_them or not called):
        raise GeometryError(f"not called when the model runs, or returns no tensor: {', '.join(missing)}")
    if skipped:
        warnings.warn(f"not measured, as they do not return images first: {', '.join(skipped)}", stacklevel=2)
    if not all_of_them:
        sizes = {name: size for name, size in sizes.items() if not any(_inside(other, name) for other in called)}
        # Weights that a module uses without calling what holds them, as attention does, are measured with it.
        missing = [
            name for name in missing if not any(_inside(name, other) or _inside(other, name) for other in called)
        ]
        if missing:
            warnings.warn(f"not measured, as they are not called: {', '.join(missing)}", stacklevel=2)
    names = list(sizes)  # in the order of the first call
    depth = {name: place for place, name in enumerate(["input", *names])}
    yield {**which, **_measured("input", images.flatten(1).float().cpu().numpy(), 0, subsets, analysis)}
    while names:
        held, group = 0.0, list[str]()
        while names and (not group or held + sizes[names[0]] * len(images) <= MEMORY):
            held += sizes[names[0]] * len(images)
            group.append(names.pop(0))
        for name, values in _activations(model, {name: chosen[name] for name in group}, images).items():
            yield {**which, **_measured(name, values, depth[name], subsets, analysis)}


def _inside(name: str, other: str) -> bool:
    """Whether one module lies in another, by their names."""
    return name != other and (not other or name.startswith(f"{other}."))


def _measured(
    layer: str, values: Any, depth: int, subsets: list[dict[Any, np.ndarray]], analysis: dict[str, Any]
) -> dict[str, Any]:
    """One row; what is said of it names the layer."""
    row: dict[str, Any] = {"layer": layer, "depth": depth, "features": values.shape[1]}
    seed, given = analysis.get("seed", 0), {key: of for key, of in analysis.items() if key not in ("seed", "repeats")}
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        try:
            clouds = [{name: values[index].T for name, index in subset.items()} for subset in subsets]
            found = [analyze(of, seed=seed + number, **given) for number, of in enumerate(clouds)]
            row |= (averaged(found) if len(found) > 1 else found[0]).summary()
        except GeometryError as error:
            if not depth:  # what is wrong with the images, the labels or the parameters is wrong everywhere
                raise
            warnings.warn(f"not measured: {error}", stacklevel=1)
    for one in said:
        warnings.warn(f"layer {layer!r}: {one.message}", one.category, stacklevel=2)
    return row


def _batch(images: Any) -> torch.Tensor:
    """The images as one tensor."""
    if isinstance(images, list | tuple) and images and all(isinstance(image, ARRAYS) for image in images):
        images = torch.stack([torch.as_tensor(image) for image in images])
    if not isinstance(images, ARRAYS) or images.ndim < 2 or not len(images):
        shape = f" of shape {tuple(images.shape)}" if hasattr(images, "shape") else ""
        raise GeometryError(
            f"images is a {type(images).__name__}{shape}; expected a tensor or array (n, …): of a loader, put its"
            " batches together with torch.cat; a model of several inputs, wrap in a module that takes them as one"
        )
    return torch.as_tensor(images).detach()


def _activations(
    model: nn.Module,
    chosen: dict[str, nn.Module],
    images: torch.Tensor,
    skipped: list[str] | None = None,
    again: set[str] | None = None,
) -> dict[str, Any]:
    """By layer, in the order called: (n, features), arrays of float32, or of half precision as the layer returns it.

    skipped: takes the names of layers that do not return images first; None: they are refused. again: takes the
    names of those that are called more than once.
    """
    parts: dict[str, list[torch.Tensor]] = {}
    called: set[str] = set()
    batches = images.tensor_split(-(-len(images) // BATCH))  # of equal sizes: a batch of one is a shape of its own

    def keep(name: str, _: nn.Module, __: Any, output: Any) -> None:
        value = _tensor(output)
        if value is None:
            return
        if name in called:
            if again is not None:
                again.add(name)
            return
        called.add(name)
        if value.is_complex() or value.is_nested or len(value) != running:
            if skipped is not None:
                skipped.append(name)
                return
            shape = "complex numbers" if value.is_complex() else "nested" if value.is_nested else tuple(value.shape)
            raise GeometryError(
                f"layer {name!r} returns {shape} for {running} images; images must come first (batch_first=True), as"
                " real numbers, or choose other layers"
            )
        kind = value.dtype if value.dtype in COARSE else torch.float32
        parts.setdefault(name, []).append(value.detach().reshape(running, -1).to("cpu", kind, copy=True))

    handles = [module.register_forward_hook(partial(keep, name)) for name, module in chosen.items()]
    weight = next(iter(model.parameters()), torch.zeros(1))
    if weight.is_meta:
        raise GeometryError("the model lies on the device 'meta', which holds no numbers; load its weights first")
    own = torch.random.fork_rng([weight.device] if weight.is_cuda else [])  # a model may draw in evaluation mode too
    compiled = any(hasattr(m, "_orig_mod") or m._compiled_call_impl is not None for m in model.modules())
    eager = torch.compiler.set_stance("force_eager") if compiled else nullcontext()  # compiled code runs no hooks
    try:
        with torch.no_grad(), eager, own:
            torch.manual_seed(0)
            for batch in batches:
                called.clear()
                running = len(batch)
                model(batch.to(weight.device, weight.dtype if batch.is_floating_point() else batch.dtype))
    finally:
        for handle in handles:
            handle.remove()
    joined = {name: torch.cat(of) for name, of in parts.items()}
    return {name: of if of.dtype == torch.bfloat16 else of.numpy() for name, of in joined.items()}


def _tensor(output: Any) -> torch.Tensor | None:
    """The first tensor in it that has a dimension."""
    if isinstance(output, torch.Tensor):
        return output if output.ndim else None
    parts = output.values() if isinstance(output, dict) else output if isinstance(output, list | tuple) else ()
    return next((found for found in map(_tensor, parts) if found is not None), None)
