"""The frozen, validated parameters of training and analysis, which those of every section extend.

A config is flat, is made from a preset and overrides by :func:`mfta.sections.config`, and has a fingerprint under
which its result is stored. Its data sets, networks and schedules are those that are listed where they are defined.
"""

import functools
import hashlib
import json
from collections.abc import Mapping
from importlib import resources, util
from typing import Annotated, Any, ClassVar, Literal, Self

import yaml
from pydantic import BaseModel, ConfigDict, Field, model_validator

from mfta.data import SOURCES
from mfta.errors import ParameterError, nearest
from mfta.networks import NETWORKS
from mfta.options import as_number
from mfta.schedules import SCHEDULES

PRESETS = ("quick", "small", "full", "paper")
"""Those of the book, nearer and nearer to the paper; other files in ``presets/`` are presets too."""
LARGEST = 2**31 - 1
"""Of whole numbers, so that none overflows where it is used."""
Epochs = tuple[Annotated[int, Field(ge=0)], ...]
Scales = Annotated[tuple[Annotated[float, Field(gt=0)], ...], Field(strict=False)]


class Parameters(BaseModel):
    """Base of all configs: immutable, strict about names and types."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)

    @model_validator(mode="after")
    def _whole_numbers_are_not_too_large(self) -> Self:
        for name in type(self).model_fields:
            value = getattr(self, name)
            for number in value if isinstance(value, tuple) else [value]:
                if isinstance(number, int) and number > LARGEST:
                    raise ValueError(f"{name} = {number} is refused: give {LARGEST} or less")
        return self

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

    dataset: Literal[tuple(SOURCES)] = "digits"  # type: ignore[valid-type]
    train_per_class: int | None = Field(None, ge=2, description="images a class; None: as many as all have")
    test_per_class: int | None = Field(None, ge=1, description="images a class; None: all of them")
    permuted_fraction: float = Field(0.5, ge=0, le=1, description="share of each class with permuted labels")
    network: Literal[tuple(NETWORKS)] = "convnet"  # type: ignore[valid-type]
    width: int | None = Field(None, ge=1, le=2**16, description="channels of the first stage; None: standard")
    batch_norm: bool = True
    hidden: int = Field(0, ge=0, le=2**16, description="units of each hidden layer, in widths; 0: one linear layer")
    dropout: float = Field(0.0, ge=0, lt=1, description="share of the hidden activations dropped in training")
    epochs: int = Field(60, ge=1)
    batch_size: int = Field(64, ge=1)
    optimizer: Literal["sgd", "adam"] = "sgd"
    learning_rate: float = Field(0.05, gt=0)
    momentum: float = Field(0.9, ge=0, lt=1, description="of SGD; Adam keeps its own")
    weight_decay: float = Field(0.0, ge=0)
    schedule: Literal[tuple(SCHEDULES)] = "constant"  # type: ignore[valid-type]
    augment: bool = Field(False, description="random crop and horizontal flip")
    checkpoints: Epochs = Field((), description="epochs kept besides 0, the best and the last")
    precision: Literal["auto", "float32", "bfloat16"] = Field(
        "float32", description="of training and its curves; auto: bfloat16 where the machine is built for it"
    )
    followed: int | None = Field(None, ge=2, description="training images in the curves over epochs; None: all")
    compiled: bool = Field(False, description="compile the training steps, which pays on a GPU")
    threads: int = Field(1, ge=1, le=1024, description="CPU threads; part of the config, as sums depend on it")
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
    kappa: float = Field(0.0, ge=0, le=100, description="margin, in units of the theory")
    remove_centers: bool = Field(True, description="project out the low-rank part of the centers")
    projection: int | None = Field(None, ge=2, description="random projection of wider layers; None: exact")
    before_activation: bool = Field(False, description="measure what each ReLU is given, not what it answers")
    threads: int = Field(1, ge=1, le=1024, description="CPU threads; part of the config, as sums depend on it")


class Section(Training):
    """Base of the sections: each trains a network, shared with those that agree in its training."""

    grid: ClassVar[tuple[str, ...]] = ("seed",)
    """Parameters that are run over: one job a combination, given to ``compute`` as lists (seeds, widths)."""
    sets: ClassVar[tuple[str, ...]] = ()
    """Example sets of which ``points`` a class are measured; without points, of which one a class must be there."""

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
    def _images_and_points_are_there(self) -> Self:
        """Refuse more images or points than a class has, before a network is trained for them."""
        source = SOURCES[self.dataset]
        for name in ("train_per_class", "test_per_class"):
            most = getattr(source, name)
            if (getattr(self, name) or 0) > most:
                raise ValueError(
                    f"{name} = {getattr(self, name)} is refused: the smallest class of {self.dataset} has {most};"
                    " give that or less"
                )
        train = self.train_per_class or source.train_per_class
        permuted = round(self.permuted_fraction * train)
        there = {"train": train, "test": self.test_per_class or source.test_per_class}
        there |= {"unpermuted": train - permuted, "permuted": permuted, "restored": permuted}
        most = min((there[name] for name in self.sets), default=1)
        if most < 1 and "points" not in type(self).model_fields:
            raise ValueError(
                f"permuted_fraction = {self.permuted_fraction} is refused: of {train} images a class at least one"
                " must be permuted and one not"
            )
        for name in self.sets:
            points = getattr(self, "points", 1)
            if points > there[name]:
                raise ValueError(
                    f"points = {points} is more than the {there[name]} {name} examples a class has; "
                    + (f"set points to {most} or less" if most > 1 else "take another permuted_fraction")
                )
        return self


def preset_values(preset: str, section: str) -> dict[str, Any]:
    """What ``presets/PRESET.yaml`` says for ``section``: its training block, then the section's own."""
    content = _preset(preset)
    return {"seeds": content["seeds"], **content["training"], **content.get(section, {})}


@functools.cache
def _preset(preset: str) -> Mapping[str, Any]:
    folder = resources.files("mfta").joinpath("presets")
    own = sorted(file.name.removesuffix(".yaml") for file in folder.iterdir() if file.name.endswith(".yaml"))
    known = [*PRESETS, *(name for name in own if name not in PRESETS)]
    if preset not in known:
        raise ParameterError(
            f"there is no preset '{preset}'.{nearest(str(preset), known)} The presets: {', '.join(known)}"
        )
    try:
        blocks = yaml.safe_load(folder.joinpath(f"{preset}.yaml").read_text(encoding="utf-8"))
        seeds, _ = blocks.pop("seeds"), blocks["training"]
        values = {name: {of: as_number(value) for of, value in block.items()} for name, block in blocks.items()}
    except (yaml.YAMLError, UnicodeDecodeError, AttributeError, KeyError, TypeError) as error:
        raise ParameterError(
            f"presets/{preset}.yaml is refused ({' '.join(str(error).split())}): give seeds, and names and values"
            " in a training block and one a section"
        ) from None
    unknown = [name for name in values if name != "training" and util.find_spec(f"mfta.sections.{name}") is None]
    if unknown:
        raise ParameterError(f"presets/{preset}.yaml is refused: there is no section '{unknown[0]}'")
    return {"seeds": seeds, **values}
