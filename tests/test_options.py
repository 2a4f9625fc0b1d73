"""What is chosen as text means the same from every door: a number, a list, seeds, no value."""

import numpy as np
import pytest
import yaml

from mfta import notebook
from mfta.errors import ParameterError
from mfta.jobs import jobs
from mfta.options import listed, parse_choices, parse_overrides, parse_seeds


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1e-3", 1e-3),
        ("1.5e3", 1500),
        ("1.5E-3", 1.5e-3),
        (".5e1", 5),
        ("+2e-1", 0.2),
        ("1e1", 10),
        ("010", 10),
        ("0.50", 0.5),
        ("[1e-1, 1]", [0.1, 1]),
        ("[2.5e-1,1e0]", [0.25, 1]),
        ("1e400", float("inf")),
        ("e5", "e5"),
        ("true", True),
        ("null", None),
        ("none", "none"),
    ],
)
def test_a_number_is_what_it_looks_like(text, value):
    (read,) = parse_overrides([f"learning_rate={text}"]).values()
    assert read == value
    assert type(read) is type(value)


@pytest.mark.parametrize("text", ["1:30", "1:30.5", "0x10", "[1", "{"])
def test_what_is_no_plain_value_is_refused(text):
    with pytest.raises(ParameterError, match="is not a YAML value"):
        parse_overrides([f"epochs={text}"])


def test_papermills_yaml_gives_the_same_configs_as_the_command_line():
    """It leaves 1e-3 as a text, alone and in lists."""
    given = yaml.safe_load("{learning_rate: 1e-3, epochs: 1e1, head_scales: [1e-1, 1], measured_epochs: []}")
    assert given["learning_rate"] == "1e-3"
    there = jobs("gradients", seeds=[0], **given)
    texts = ["learning_rate=1e-3", "epochs=1e1", "head_scales=[1e-1, 1]", "measured_epochs=[]"]
    assert jobs("gradients", **parse_choices(texts, "0")) == there
    assert there[0].config.learning_rate == 0.001
    assert there[0].config.epochs == 10
    assert notebook.parameters("gradients", {"preset": "quick", **given})["epochs"] == "1e1"


@pytest.mark.parametrize("text", ["0..2", "0,1,2", "[0, 1, 2]"])
def test_seeds_are_seeds_with_either_option(text):
    assert parse_choices([f"seeds={text}"], None) == parse_choices([], text) == {"seeds": [0, 1, 2]}


def test_numpys_numbers_and_ranges_are_numbers():
    usual = jobs("layer_memorization", seeds=[0, 1, 2], epochs=3)
    assert jobs("layer_memorization", seeds=range(3), epochs=np.int64(3)) == usual
    assert jobs("layer_memorization", seeds=np.arange(3), epochs=3) == usual
    assert jobs("layer_memorization", seeds=[np.int32(0), 1, 2], epochs=3) == usual


def test_seeds_and_presets_are_given_once():
    assert parse_choices(["seeds=3"], None) == {"seeds": 3}
    assert jobs("gradients", seeds=3) == jobs("gradients", seeds=[3])
    with pytest.raises(ParameterError, match="--set seeds and --seeds are both given"):
        parse_choices(["seeds=[0]"], "1")
    with pytest.raises(ParameterError, match="write --preset small"):
        parse_overrides(["preset=small"])


@pytest.mark.parametrize("text", ["1...2", "2..0", "one", "0..b", "1,,2", ""])
def test_seeds_that_are_none_are_refused(text):
    with pytest.raises(ParameterError, match=r"write 0..2 or 0,1,2"):
        parse_seeds(text)


def test_no_value_over_the_presets_from_every_door():
    (preset,) = jobs("layer_memorization", "small", seeds=[0])
    assert preset.config.train_per_class == 100
    given = {"train_per_class": "none", "points": 10}
    (without,) = jobs("layer_memorization", "small", seeds=[0], **given)
    assert without.config.train_per_class is None
    assert jobs("layer_memorization", "small", seeds=[0], train_per_class=None) == [preset]
    assert [without] == jobs(
        "layer_memorization", "small", **parse_choices(["train_per_class=none", "points=10"], "0")
    )
    assert given == yaml.safe_load("{train_per_class: none, points: 10}")  # papermill's -y and -f
    with pytest.raises(ParameterError, match="epochs = None is refused"):
        jobs("layer_memorization", epochs="none")


@pytest.mark.parametrize(
    ("value", "texts"),
    [
        ("epochs=20 points=30", ["epochs=20", "points=30"]),
        ("checkpoints=[1, 2]  head_scales=[1e-1, 1]", ["checkpoints=[1, 2]", "head_scales=[1e-1, 1]"]),
        (["checkpoints=[1, 2]", "epochs=3"], ["checkpoints=[1, 2]", "epochs=3"]),
        ("", []),
    ],
)
def test_a_workflow_gives_lists_with_spaces(value, texts):
    assert listed(value) == texts
