"""Any torch model + images + labels → the geometry of every layer, one table."""

import warnings
from collections.abc import Iterable, Iterator
from contextlib import nullcontext
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
import torch
from torch import nn

from mfta.geometry import GeometryError, analyze

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
    its own device and in its own precision, and left in the mode it was in. images: (n, …), a tensor or array.
    labels: (n,). layers: names as in `model.named_modules()`; by default every module without children that holds
    weights, is called and returns images first. A layer's activations are what it returns, flattened (tokens and
    places are features), the first tensor where it returns several, copied before anything in place changes them;
    depth 0 is the input. points: a class, drawn by the seed; None takes all of the smallest class. sets: further
    images and labels by name, measured beside the first, which is then called `examples`. analysis: passed on to
    `mfta.analyze`.

    One row a set and layer, in the order in which the layers are called: examples, layer, depth, features, and
    what `ManifoldGeometry.summary` gives; a layer that cannot be measured, as it is zero for all images of a class
    say, has NaN there, and a warning tells why. Raises GeometryError for a named layer that does not exist, is never
    called or does not return images first, and for images or labels that cannot be measured at all.
    """
    if isinstance(model, torch.jit.ScriptModule):
        raise GeometryError(
            "the layers of a scripted or traced model cannot be read; pass the module it was made from"
        )
    model = getattr(model, "_orig_mod", model)  # what torch.compile wraps
    modules = dict(model.named_modules())
    named = [layers] if isinstance(layers, str) else list(layers) if layers is not None else None
    for name in named or ():
        if name not in modules:
            raise GeometryError(f"the model has no layer {name!r}; its layers: {', '.join(filter(None, modules))}")
    holding = [name for name, module in modules.items() if not [*module.children()] and [*module.parameters()]]
    chosen = {name: modules[name] for name in (holding if named is None else named)}
    if sets and "examples" in sets:
        raise GeometryError("sets holds 'examples', the name of the images themselves; take another one")
    modes = {module: module.training for module in model.modules()}
    model.eval()
    rows: list[dict[str, Any]] = []
    try:
        for examples, (given, y) in ({"examples": (images, labels)} | (sets or {})).items():
            x = _batch(given)
            rows += _of_one_set(model, chosen, named is not None, x, y, {"examples": examples}, points, analysis)
    finally:
        for module, mode in modes.items():
            module.training = mode
    return pd.DataFrame(rows)


def _of_one_set(
    model: nn.Module,
    chosen: dict[str, nn.Module],
    all_of_them: bool,
    images: torch.Tensor,
    labels: Any,
    which: dict[str, str],
    points: int | None,
    analysis: dict[str, Any],
) -> Iterator[dict[str, Any]]:
    """The rows of one example set, input first; all_of_them: whether a layer that is not called is an error."""
    tried = min(len(images), PROBED)
    skipped: list[str] | None = None if all_of_them else []
    sizes = {name: of.nbytes / tried for name, of in _activations(model, chosen, images[:tried], skipped).items()}
    if skipped:
        warnings.warn(f"not measured, as they do not return images first: {', '.join(skipped)}", stacklevel=3)
    missing = [name for name in chosen if name not in sizes]
    if missing and (all_of_them or not sizes):
        raise GeometryError(f"not called when the model runs, or returns no tensor: {', '.join(missing)}")
    names = list(sizes)  # in the order of the first call
    depth = {name: place for place, name in enumerate(["input", *names])}
    yield {**which, **_measured("input", images.flatten(1).float().cpu().numpy(), 0, labels, points, analysis)}
    while names:
        held, group = 0.0, list[str]()
        while names and (not group or held + sizes[names[0]] * len(images) <= MEMORY):
            held += sizes[names[0]] * len(images)
            group.append(names.pop(0))
        for name, values in _activations(model, {name: chosen[name] for name in group}, images).items():
            yield {**which, **_measured(name, values, depth[name], labels, points, analysis)}


def _measured(
    layer: str, values: np.ndarray, depth: int, labels: Any, points: int | None, analysis: dict[str, Any]
) -> dict[str, Any]:
    """One row; what is said of it names the layer."""
    row: dict[str, Any] = {"layer": layer, "depth": depth, "features": values.shape[1]}
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        try:
            row |= analyze(values, labels=labels, points=points, **analysis).summary()
        except GeometryError as error:
            if not depth:  # what is wrong with the images, the labels or the parameters is wrong everywhere
                raise
            warnings.warn(f"not measured: {error}", stacklevel=1)
    for one in said:
        warnings.warn(f"layer {layer!r}: {one.message}", one.category, stacklevel=4)
    return row


def _batch(images: Any) -> torch.Tensor:
    """The images as one tensor."""
    if isinstance(images, list | tuple) and images and all(isinstance(image, torch.Tensor) for image in images):
        images = torch.stack(tuple(images))
    if not isinstance(images, torch.Tensor | np.ndarray) or images.ndim < 2 or not len(images):
        shape = f" of shape {tuple(images.shape)}" if hasattr(images, "shape") else ""
        raise GeometryError(
            f"images is a {type(images).__name__}{shape}; expected a tensor or array (n, …): of a loader, put its"
            " batches together with torch.cat"
        )
    return torch.as_tensor(images).detach()


def _activations(
    model: nn.Module, chosen: dict[str, nn.Module], images: torch.Tensor, skipped: list[str] | None = None
) -> dict[str, np.ndarray]:
    """By layer, in the order called: float32 (n, features).

    skipped: takes the names of layers that do not return images first; None: they are refused.
    """
    parts: dict[str, list[np.ndarray]] = {}
    called: set[str] = set()
    batches = images.tensor_split(-(-len(images) // BATCH))  # of equal sizes: a batch of one is a shape of its own

    def keep(name: str, _: nn.Module, __: Any, output: Any) -> None:
        value = _tensor(output)
        if name in called or value is None:  # of a module that is called more than once, the first call
            return
        called.add(name)
        if len(value) != running:
            if skipped is not None:
                skipped.append(name)
                return
            raise GeometryError(
                f"layer {name!r} returns {tuple(value.shape)} for {running} images; images must come first"
                " (batch_first=True), or choose other layers"
            )
        parts.setdefault(name, []).append(value.detach().flatten(1).to("cpu", torch.float32, copy=True).numpy())

    handles = [module.register_forward_hook(partial(keep, name)) for name, module in chosen.items()]
    weight = next(iter(model.parameters()), torch.zeros(1))
    compiled = any(hasattr(m, "_orig_mod") or m._compiled_call_impl is not None for m in model.modules())
    eager = torch.compiler.set_stance("force_eager") if compiled else nullcontext()  # compiled code runs no hooks
    try:
        with torch.no_grad(), eager:
            for batch in batches:
                called.clear()
                running = len(batch)
                model(batch.to(weight.device, weight.dtype if batch.is_floating_point() else batch.dtype))
    finally:
        for handle in handles:
            handle.remove()
    return {name: np.concatenate(arrays) for name, arrays in parts.items()}


def _tensor(output: Any) -> torch.Tensor | None:
    """The first tensor in it that has a dimension."""
    if isinstance(output, torch.Tensor):
        return output if output.ndim else None
    parts = output.values() if isinstance(output, dict) else output if isinstance(output, list | tuple) else ()
    return next((found for found in map(_tensor, parts) if found is not None), None)
