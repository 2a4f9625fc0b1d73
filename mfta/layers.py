"""Any torch model + images + labels → the geometry of every layer, one table."""

from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
import torch
from torch import nn

from mfta.geometry import GeometryError, analyze

BATCH = 64
MEMORY = 2**30
"""Bytes of activations held at once; a model whose layers need more is run several times."""


def measure_layers(
    model: nn.Module,
    images: torch.Tensor,
    labels: Any,
    layers: Sequence[str] | None = None,
    points: int | None = 50,
    sets: dict[str, tuple[torch.Tensor, Any]] | None = None,
    **analysis: Any,
) -> pd.DataFrame:
    """Capacity, radius and dimension of the class manifolds at each layer of a torch model.

    model: any module that takes a batch of images; it is run in evaluation mode, without gradients, on its own
    device and in its own precision, and left in the mode it was in. images: (n, …). labels: (n,). layers:
    names as in `model.named_modules()`; by default every module without children that holds weights. A layer's
    activations are what it returns, flattened (tokens and places are features), the first tensor where it
    returns several, copied before anything in place changes them; depth 0 is the input. points: a class, drawn
    by the seed; None takes all of the smallest class. sets: further images and labels by name, measured beside
    the first, which is then called `examples`. analysis: passed on to `mfta.analyze`.

    One row a set and layer, in the order in which the layers are called: examples, layer, depth, features, and
    what `ManifoldGeometry.summary` gives. Raises GeometryError for a layer that does not exist or is never called.
    """
    modules = dict(model.named_modules())
    if layers is None:
        layers = [
            name
            for name, module in modules.items()
            if not any(module.children()) and any(True for _ in module.parameters())
        ]
    for name in layers:
        if name not in modules:
            raise GeometryError(f"the model has no layer {name!r}; its layers: {', '.join(filter(None, modules))}")
    chosen = {name: modules[name] for name in layers}
    modes = {module: module.training for module in model.modules()}
    model.eval()
    rows = []
    try:
        for examples, (x, y) in ({"examples": (images, labels)} | (sets or {})).items():
            sizes = {name: first.nbytes for name, first in _activations(model, chosen, x[:1]).items()}
            for name in chosen.keys() - sizes.keys():
                raise GeometryError(f"layer {name!r} is not called when the model runs")
            names = list(sizes)  # in the order of the first call
            depth = {name: place for place, name in enumerate(["input", *names])}
            measured = [("input", x.flatten(1).float().cpu().numpy())]
            while measured or names:
                for name, values in measured:
                    summary = analyze(values, labels=y, points=points, **analysis).summary()
                    place = {"examples": examples, "layer": name, "depth": depth[name], "features": values.shape[1]}
                    rows.append(place | summary)
                held = 0
                group: list[str] = []
                while names and (not group or held + sizes[names[0]] * len(x) <= MEMORY):
                    held += sizes[names[0]] * len(x)
                    group.append(names.pop(0))
                measured = (
                    list(_activations(model, {name: chosen[name] for name in group}, x).items()) if group else []
                )
    finally:
        for module, mode in modes.items():
            module.training = mode
    return pd.DataFrame(rows)


def _activations(model: nn.Module, chosen: dict[str, nn.Module], images: torch.Tensor) -> dict[str, np.ndarray]:
    """By layer, in the order called: float32 (n, features)."""
    parts: dict[str, list[np.ndarray]] = {}
    called: set[str] = set()

    def keep(name: str, _: nn.Module, __: Any, output: Any) -> None:
        if name not in called:  # of a module that is called more than once, the first call
            called.add(name)
            value = _tensor(output).detach().flatten(1).to("cpu", torch.float32, copy=True)
            parts.setdefault(name, []).append(value.numpy())

    handles = [module.register_forward_hook(partial(keep, name)) for name, module in chosen.items()]
    weight = next(iter(model.parameters()), torch.zeros(1))
    try:
        with torch.no_grad():
            for batch in images.split(BATCH):
                called.clear()
                model(batch.to(weight.device, weight.dtype if batch.is_floating_point() else batch.dtype))
    finally:
        for handle in handles:
            handle.remove()
    return {name: np.concatenate(arrays) for name, arrays in parts.items()}


def _tensor(output: Any) -> torch.Tensor:
    while not isinstance(output, torch.Tensor):
        output = next(iter(output.values())) if isinstance(output, dict) else output[0]
    return output
