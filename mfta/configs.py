"""The frozen, validated parameters of training, analysis and each section.

A config is flat, is made from a preset and overrides by :func:`config`, and has a fingerprint under
which its result is stored.
"""

import hashlib
import json
from collections.abc import Mapping
from importlib import resources
from typing import Annotated, Any, ClassVar, Literal, Self, get_args

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from mfta.errors import ParameterError, nearest

Preset = Literal["quick", "small", "paper"]
PRESETS: tuple[str, ...] = get_args(Preset)
Epochs = tuple[Annotated[int, Field(ge=0)], ...]


class Parameters(BaseModel):
    """Base of all configs: immutable, strict about names and types."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

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
    network: Literal["convnet", "vgg16"] = "convnet"
    width: int | None = Field(None, ge=1, description="channels of the first stage; None: the standard width")
    batch_norm: bool = True
    epochs: int = Field(60, ge=1)
    batch_size: int = Field(64, ge=1)
    learning_rate: float = Field(0.05, gt=0)
    momentum: float = Field(0.9, ge=0, lt=1)
    weight_decay: float = Field(0.0, ge=0)
    schedule: Literal["constant", "cosine"] = "constant"
    augment: bool = Field(False, description="random crop and horizontal flip")
    checkpoints: Epochs = Field((), description="epochs kept besides 0, the best and the last")
    threads: int = Field(1, ge=1, description="CPU threads; part of the config, as sums depend on it")
    seed: int = Field(0, ge=0)


class Analysis(Parameters):
    """How the layers of one network are measured."""

    points: int = Field(40, ge=2, description="M, points a manifold, the same in all four sets")
    draws: int = Field(200, ge=2, description="Gaussian draws a manifold")
    kappa: float = Field(0.0, ge=0, description="margin, in units of the theory")
    remove_centers: bool = Field(True, description="project out the low-rank part of the centres")
    projection: int | None = Field(None, ge=2, description="random projection of wider layers; None: exact")


class LayerMemorization(Training, Analysis):
    """Section 1: geometry of the four example sets at every layer, over training."""

    section: ClassVar[str] = "layer_memorization"
    measured_epochs: Epochs = Field((), description="measured besides 0, the best and the last")

    @model_validator(mode="after")
    def _measured_are_kept(self) -> Self:
        lost = sorted(set(self.measured_epochs) - set(self.checkpoints) - {0, self.epochs})
        if lost:
            raise ValueError(f"measured_epochs {lost} are not among the checkpoints; add them there")
        return self

    @property
    def training(self) -> Training:
        """The part that fixes the trained network."""
        return Training(**{name: getattr(self, name) for name in Training.model_fields})


SECTIONS: dict[str, type[LayerMemorization]] = {LayerMemorization.section: LayerMemorization}


def config(section: str, preset: str = "quick", **overrides: Any) -> LayerMemorization:
    """The config of ``section`` under ``preset`` with ``overrides``; None means: as the preset says.

    Epochs listed in ``checkpoints`` and ``measured_epochs`` beyond the last one are left out.
    Raises ParameterError naming the parameter, its value and what is allowed.
    """
    model = section_model(section)
    given = {name: value for name, value in overrides.items() if value is not None}
    for name in overrides:
        if name not in model.model_fields:
            known = ", ".join(sorted(model.model_fields))
            raise ParameterError(
                f"{section} has no parameter '{name}'.{nearest(name, model.model_fields)}"
                f" Its parameters: {known}"
            )
    values = {**preset_values(preset, section), **given}
    last = values.get("epochs", model.model_fields["epochs"].default)
    for name in ("checkpoints", "measured_epochs"):
        listed = values.get(name, ())
        if isinstance(listed, (list, tuple)) and isinstance(last, int):
            values[name] = tuple(e for e in listed if not isinstance(e, int) or e <= last)
    try:
        return model(**values)
    except ValidationError as error:
        raise ParameterError(_one_line(section, error)) from None


def section_model(section: str) -> type[LayerMemorization]:
    """The config class of a section, or ParameterError with the nearest name."""
    if section not in SECTIONS:
        raise ParameterError(
            f"there is no section '{section}'.{nearest(str(section), SECTIONS)}"
            f" The sections: {', '.join(SECTIONS)}"
        )
    return SECTIONS[section]


def preset_values(preset: str, section: str) -> dict[str, Any]:
    """What ``presets/PRESET.yaml`` says for ``section``: its training block, then the section's own."""
    content = _preset(preset)
    return {**content["training"], **content.get(section, {})}


def preset_seeds(preset: str) -> list[int]:
    """The seeds a preset runs when none are named."""
    return list(_preset(preset)["seeds"])


def _preset(preset: str) -> Mapping[str, Any]:
    if preset not in PRESETS:
        raise ParameterError(
            f"there is no preset '{preset}'.{nearest(str(preset), PRESETS)} The presets: {', '.join(PRESETS)}"
        )
    return yaml.safe_load(resources.files("mfta").joinpath("presets", f"{preset}.yaml").read_text())


def _one_line(section: str, error: ValidationError) -> str:
    first = error.errors(include_url=False)[0]
    name = str(first["loc"][0]) if first["loc"] else ""
    reason = first["msg"].removeprefix("Value error, ")
    reason = reason[0].lower() + reason[1:]
    if not name:
        return f"{section}: {reason}"
    value = first["input"]
    hint = nearest(value, reason.split("'")[1::2]) if first["type"] == "literal_error" else ""
    return f"{section}: {name} = {value!r} is refused: {reason}.{hint}"
