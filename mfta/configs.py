"""The frozen, validated parameters of training, analysis and each section.

A config is flat, is made from a preset and overrides by :func:`config`, and has a fingerprint under
which its result is stored.
"""

import functools
import hashlib
import itertools
import json
from collections.abc import Mapping
from importlib import resources
from typing import Annotated, Any, ClassVar, Literal, Self, get_args

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from mfta.errors import ParameterError, nearest

Preset = Literal["quick", "small", "full", "paper"]
PRESETS: tuple[str, ...] = get_args(Preset)
Epochs = tuple[Annotated[int, Field(ge=0)], ...]
Scales = Annotated[tuple[Annotated[float, Field(gt=0)], ...], Field(strict=False)]


IMAGES = {"digits": (130, 44), "cifar100": (500, 100)}
"""Images a class of each data set, of its smallest class: for training and for testing."""


class Parameters(BaseModel):
    """Base of all configs: immutable, strict about names and types."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)

    @property
    def fingerprint(self) -> str:
        """16 hexadecimal digits of SHA-256 over the values alone.

        Values that are their default are left out, so that what is stored stays findable when a parameter
        is added later; the certificate beside it holds all of them.
        """
        given = self.model_dump(mode="json", exclude_defaults=True)
        values = json.dumps(given, sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(values.encode()).hexdigest()[:16]


class Training(Parameters):
    """One trained network. Sections that agree in all of this share it."""

    dataset: Literal["digits", "cifar100"] = "digits"
    train_per_class: int | None = Field(None, ge=2, description="images a class; None: as many as all have")
    test_per_class: int | None = Field(None, ge=1, description="images a class; None: all of them")
    permuted_fraction: float = Field(0.5, ge=0, le=1, description="share of each class with permuted labels")
    network: Literal["convnet", "cnn5", "alexnet", "vgg16", "resnet18", "densenet121"] = "convnet"
    width: int | None = Field(None, ge=1, description="channels of the first stage; None: the standard width")
    batch_norm: bool = True
    hidden: int = Field(0, ge=0, description="units of each hidden linear layer, in widths; 0: one linear layer")
    dropout: float = Field(0.0, ge=0, lt=1, description="share of the hidden activations dropped in training")
    epochs: int = Field(60, ge=1)
    batch_size: int = Field(64, ge=1)
    optimizer: Literal["sgd", "adam"] = "sgd"
    learning_rate: float = Field(0.05, gt=0)
    momentum: float = Field(0.9, ge=0, lt=1, description="of SGD; Adam keeps its own")
    weight_decay: float = Field(0.0, ge=0)
    schedule: Literal["constant", "cosine"] = "constant"
    augment: bool = Field(False, description="random crop and horizontal flip")
    checkpoints: Epochs = Field((), description="epochs kept besides 0, the best and the last")
    precision: Literal["auto", "float32", "bfloat16"] = Field(
        "float32", description="of training and its curves; auto: bfloat16 where the machine is built for it"
    )
    followed: int | None = Field(None, ge=2, description="training images in the curves over epochs; None: all")
    compiled: bool = Field(False, description="compile the training steps, which pays on a GPU")
    threads: int = Field(1, ge=1, description="CPU threads; part of the config, as sums depend on it")
    seed: int = Field(0, ge=0)

    @model_validator(mode="after")
    def _batches_can_be_normalised(self) -> Self:
        if self.batch_norm and self.batch_size == 1:
            raise ValueError("batch_size = 1 is refused with batch norm: one image has no variance; give 2 or more")
        return self


class Analysis(Parameters):
    """How the layers of one network are measured."""

    points: int = Field(40, ge=2, description="M, points a manifold, the same in all four sets")
    draws: int = Field(200, ge=2, description="Gaussian draws a manifold")
    kappa: float = Field(0.0, ge=0, description="margin, in units of the theory")
    remove_centers: bool = Field(True, description="project out the low-rank part of the centres")
    projection: int | None = Field(None, ge=2, description="random projection of wider layers; None: exact")
    before_activation: bool = Field(False, description="measure what each ReLU is given, not what it answers")
    threads: int = Field(1, ge=1, description="CPU threads; part of the config, as sums depend on it")


class Section(Training):
    """Base of the sections: each trains a network, shared with those that agree in its training."""

    section: ClassVar[str]
    grid: ClassVar[tuple[str, ...]] = ("seed",)
    """Parameters that are run over: one job a combination, given to ``compute`` as lists (seeds, widths)."""
    sets: ClassVar[tuple[str, ...]] = ()
    """Example sets of which ``points`` a class are measured."""

    @property
    def training(self) -> Training:
        """The part that fixes the trained network."""
        return Training(**{name: getattr(self, name) for name in Training.model_fields})

    @model_validator(mode="after")
    def _listed_epochs_are_kept(self) -> Self:
        """Refuse epochs to be measured or gone back to whose weights are not kept."""
        for name, field in type(self).model_fields.items():
            if field.annotation == Epochs and name != "checkpoints":
                lost = sorted(set(getattr(self, name)) - set(self.checkpoints) - {0, self.epochs})
                if lost:
                    raise ValueError(f"{name} {lost} are not among the checkpoints; add them there")
        return self

    @model_validator(mode="after")
    def _points_are_there(self) -> Self:
        """Refuse more points than a class has, before a network is trained for them."""
        all_train, all_test = IMAGES[self.dataset]
        train = self.train_per_class or all_train
        permuted = round(self.permuted_fraction * train)
        there = {"train": train, "test": self.test_per_class or all_test}
        there |= {"unpermuted": train - permuted, "permuted": permuted, "restored": permuted}
        for name in self.sets:
            points = getattr(self, "points", 0)
            if points > there[name]:
                most = min(there[name] for name in self.sets)
                raise ValueError(
                    f"points = {points} is more than the {there[name]} {name} examples a class has; "
                    + (f"set points to {most} or less" if most > 1 else "take another permuted_fraction")
                )
        return self


class CapacityTheory(Section, Analysis):
    """Section 0: the theory against exact values and simulation."""

    section = "capacity_theory"
    manifolds: int = Field(60, ge=20, description="P of the synthetic manifolds")
    exact_draws: int = Field(4000, ge=2, description="draws of the manifolds whose capacity is known")
    dichotomies: int = Field(12, ge=4, description="random labels at each number of features in simulations")


class LayerMemorization(Section, Analysis):
    """Section 1: geometry of the four example sets at every layer, over training."""

    section = "layer_memorization"
    sets = ("unpermuted", "permuted", "restored", "test")
    measured_epochs: Epochs = Field((), description="measured besides 0, the last early, the best and the last")
    estimated_statistics: bool = Field(
        True, description="batch norm of the untrained network estimated from training images; False: 0 and 1"
    )


class Rewinding(Section, Analysis):
    """Section 2: layers of the trained network set back to earlier epochs."""

    section = "rewinding"
    sets = ("unpermuted", "permuted", "restored", "test")
    rewound_to: Epochs = Field((0,), description="epochs to go back to, besides the best")
    evaluated: int | None = Field(
        None, ge=2, description="training images to evaluate on and to re-estimate batch norm from; None: all"
    )


class DoubleDescent(Section, Analysis):
    """Section 3: one width of a scan of network sizes."""

    section = "double_descent"
    sets = ("unpermuted", "train", "test")
    grid = ("seed", "width")
    width: int = Field(16, ge=1, description="channels of the first stage")


class Gradients(Section):
    """Section 4: label-dependent and label-independent gradients of permuted and unpermuted examples."""

    section = "gradients"
    measured_epochs: Epochs = Field((), description="measured besides 0, the best and the last")
    batch_statistics: bool = Field(True, description="batch norm as in training; False: its running averages")
    subsets: int = Field(8, ge=1, description="disjoint subsets of each size, at most, for the law in n")
    head_scales: Scales = Field((1.0,), description="factors on the head's initial weights")


SECTIONS: dict[str, type[Section]] = {
    model.section: model for model in (CapacityTheory, LayerMemorization, Rewinding, DoubleDescent, Gradients)
}


def grid(section: str, preset: str = "quick", seeds: Any = None, **overrides: Any) -> list[Section]:
    """All configs of ``section``: one a seed and, in a section that runs over more, one a combination.

    seeds, and widths where the section has them: lists; None means as the preset says.
    Raises ParameterError naming the parameter, its value and what is allowed.
    """
    model = section_model(section)
    given = {"seeds": seeds, **overrides}
    for name in given:
        if name not in parameter_names(section):
            known = parameter_names(section)
            raise ParameterError(
                f"{section} has no parameter '{name}'.{nearest(name, known)} Its parameters: {', '.join(known)}"
            )
    lists = []
    for name in model.grid:
        values = given.pop(f"{name}s", None)
        lists.append(preset_values(preset, section)[f"{name}s"] if values is None else _listed(f"{name}s", values))
    return [
        config(section, preset, **given, **dict(zip(model.grid, values, strict=True)))
        for values in itertools.product(*lists)
    ]


def parameter_names(section: str) -> list[str]:
    """What can be set in a section, sorted; what it runs over is set as a list (``seeds``)."""
    model = section_model(section)
    return sorted((set(model.model_fields) - set(model.grid)) | {f"{name}s" for name in model.grid})


def config(section: str, preset: str = "quick", **overrides: Any) -> Section:
    """One config of ``section`` under ``preset`` with ``overrides``; None means: as the preset says.

    Listed epochs beyond the last one are left out.
    """
    model = section_model(section)
    given = {name: value for name, value in overrides.items() if value is not None}
    values = {**preset_values(preset, section), **given}
    values = {name: value for name, value in values.items() if name not in {f"{n}s" for n in model.grid}}
    last = values.get("epochs", model.model_fields["epochs"].default)
    for name, value in values.items():
        if isinstance(value, list | tuple) and model.model_fields[name].annotation == Epochs:
            values[name] = tuple(e for e in value if not (isinstance(e, int) and isinstance(last, int) and e > last))
    try:
        return model(**values)
    except ValidationError as error:
        raise ParameterError(_one_line(section, error)) from None


def section_model(section: str) -> type[Section]:
    """The config class of a section, or ParameterError with the nearest name."""
    if section not in SECTIONS:
        raise ParameterError(
            f"there is no section '{section}'.{nearest(str(section), SECTIONS)} The sections: {', '.join(SECTIONS)}"
        )
    return SECTIONS[section]


def preset_values(preset: str, section: str) -> dict[str, Any]:
    """What ``presets/PRESET.yaml`` says for ``section``: its training block, then the section's own."""
    content = _preset(preset)
    return {"seeds": content["seeds"], **content["training"], **content.get(section, {})}


def _listed(name: str, values: Any) -> list[int]:
    chosen = [values] if isinstance(values, int) else list(values) if isinstance(values, list | tuple) else []
    if not chosen or not all(isinstance(v, int) and not isinstance(v, bool) and v >= 0 for v in chosen):
        raise ParameterError(f"{name} = {values!r} is refused: give a list of integers, [0, 1] say")
    if len(set(chosen)) < len(chosen):
        raise ParameterError(f"{name} = {values!r} is refused: it lists one twice; give each once")
    return chosen


@functools.cache
def _preset(preset: str) -> Mapping[str, Any]:
    if preset not in PRESETS:
        raise ParameterError(
            f"there is no preset '{preset}'.{nearest(str(preset), PRESETS)} The presets: {', '.join(PRESETS)}"
        )
    return yaml.safe_load(resources.files("mfta").joinpath("presets", f"{preset}.yaml").read_text())


def _one_line(section: str, error: ValidationError) -> str:
    first = error.errors(include_url=False)[0]
    name = str(first["loc"][0]) if first["loc"] else ""
    reason = first["msg"].removeprefix("Value error, ").replace("a valid tuple", "a list, [1, 2] say")
    reason = reason[0].lower() + reason[1:]
    if not name:
        return f"{section}: {reason}"
    value = first["input"]
    hint = nearest(value, reason.split("'")[1::2]) if first["type"] == "literal_error" else ""
    return f"{section}: {name} = {value!r} is refused: {reason}.{hint}"
