import re
from importlib import resources

import pytest

from mfta import configs, sections
from mfta.errors import ParameterError


@pytest.mark.parametrize("preset", configs.PRESETS)
@pytest.mark.parametrize("section", sections.SECTIONS)
def test_every_preset_is_valid(preset, section):
    config = sections.config(section, preset)
    assert set(configs.preset_values(preset, section)) <= {
        *type(config).model_fields,
        *sections.parameter_names(section),
    }


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        ({"epoch": 3}, "no parameter 'epoch'. Did you mean 'epochs'"),
        ({"epochs": "three"}, "epochs = 'three' is refused"),
        ({"epochs": 2.5}, "epochs = 2.5 is refused"),
        ({"epochs": True}, "epochs = True is refused"),
        ({"epochs": 0}, "epochs = 0 is refused"),
        ({"permuted_fraction": 1.2}, "permuted_fraction = 1.2 is refused"),
        ({"permuted_fraction": float("nan")}, "permuted_fraction = nan is refused"),
        ({"dataset": "cifar10"}, "dataset = 'cifar10' is refused.*Did you mean 'cifar100'"),
        ({"network": "vgg"}, "network = 'vgg' is refused.*Did you mean 'vgg16'"),
        ({"kappa": -1.0}, "kappa = -1.0 is refused"),
        ({"points": 1}, "points = 1 is refused"),
        ({"measured_epochs": (4,)}, r"measured_epochs \[4\] are not among the checkpoints"),
        ({"epochs": 3, "measured_epochs": [1, 99]}, "measured_epochs holds 99; the last epoch is 3"),
        ({"checkpoints": [100]}, "checkpoints holds 100; the last epoch is 60"),
        ({"points": 66}, "points = 66 is more than the 65 unpermuted examples a class has"),
        ({"train_per_class": 60, "points": 31}, "points = 31 is more than the 30 unpermuted examples"),
        (
            {"permuted_fraction": 0.1, "points": 14},
            "14 is more than the 13 permuted examples a class has; set points to 13 or less",
        ),
        ({"permuted_fraction": 0.0}, "points = 40 is more than the 0 permuted .*; take another permuted_fraction"),
        ({"points": 45}, "points = 45 is more than the 44 test examples"),
        ({"seeds": "0"}, "seeds = '0' is refused"),
        ({"seeds": [0.5]}, "seeds = .0.5. is refused"),
        ({"seeds": []}, "seeds = .. is refused"),
        ({"seed": 0}, "no parameter 'seed'. Did you mean 'seeds'"),
        ({"checkpoints": "1,2"}, "checkpoints = '1,2' is refused"),
    ],
)
def test_bad_parameters_get_one_clear_line(overrides, message):
    with pytest.raises(ParameterError, match=message) as refusal:
        sections.grid("layer_memorization", "quick", **overrides)
    assert "\n" not in str(refusal.value)


def test_unknown_section_and_preset_name_the_nearest():
    with pytest.raises(ParameterError, match="Did you mean 'layer_memorization'"):
        sections.config("layer_memorisation")
    with pytest.raises(ParameterError, match="Did you mean 'quick'"):
        sections.config("layer_memorization", "quik")


@pytest.fixture
def own_preset(tmp_path, monkeypatch):
    """A function that writes presets/mine.yaml, made of quick.yaml."""
    quick = (resources.files("mfta") / "presets" / "quick.yaml").read_text()
    folder = tmp_path / "presets"
    folder.mkdir()

    def write(old="", new=""):
        assert old in quick
        (folder / "mine.yaml").write_text(quick.replace(old, new, 1))

    monkeypatch.setattr(configs.resources, "files", lambda package: tmp_path)
    configs._preset.cache_clear()
    yield write
    configs._preset.cache_clear()


def test_a_preset_of_ones_own_is_one_file(own_preset):
    own_preset("epochs: 60", "epochs: 7")
    assert sections.config("layer_memorization", "mine").epochs == 7
    assert [config.seed for config in sections.grid("rewinding", "mine")] == [0, 1, 2]


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("  epochs: 60", " epochs: 60", "presets/mine.yaml is refused (while parsing"),
        ("seeds: [0, 1, 2]", "", "presets/mine.yaml is refused ('seeds'): give seeds"),
        (
            "layer_memorization:",
            "layer_memorisation:",
            "mine.yaml is refused: there is no section 'layer_memoris",
        ),
        (
            "  epochs: 60",
            "  epoch: 60",
            "mine.yaml, rewinding: there is no parameter 'epoch'. Did you mean 'epochs'",
        ),
        ("  epochs: 60", "  epochs: many", "presets/mine.yaml, rewinding: epochs = 'many' is refused"),
        ("training:", "training: 3\nother:", "presets/mine.yaml is refused ('int' object"),
    ],
)
def test_a_preset_that_is_wrong_is_named(own_preset, old, new, says):
    own_preset(old, new)
    with pytest.raises(ParameterError, match=re.escape(says)) as refusal:
        sections.grid("rewinding", "mine")
    assert "\n" not in str(refusal.value)


def test_numbers_of_a_preset_are_read_as_anywhere_else(own_preset):
    own_preset("learning_rate: 0.05", "learning_rate: 5e-2")
    assert sections.config("rewinding", "mine").learning_rate == 0.05


def test_listed_epochs_are_a_set():
    one, other = (sections.config("rewinding", checkpoints=of, rewound_to=[1]) for of in ([3, 1, 3], (1, 3)))
    assert one.fingerprint == other.fingerprint


def test_none_means_as_the_preset_says():
    assert sections.config("layer_memorization", epochs=None) == sections.config("layer_memorization")


def test_epochs_cut_the_listed_ones():
    config = sections.config("layer_memorization", "quick", epochs=4)
    assert max(config.checkpoints) <= 4
    assert max(config.measured_epochs) <= 4


def test_fingerprint_follows_every_value_and_nothing_else():
    config = sections.config("layer_memorization")
    assert config.fingerprint == sections.config("layer_memorization").fingerprint
    assert config.fingerprint != sections.config("layer_memorization", draws=201).fingerprint
    assert config.training.fingerprint == sections.config("layer_memorization", draws=201).training.fingerprint


def test_configs_are_frozen():
    with pytest.raises(ValueError, match="frozen"):
        sections.config("layer_memorization").epochs = 3


def test_epochs_to_go_back_to_must_be_kept():
    with pytest.raises(ParameterError, match=r"rewound_to \[4\] are not among the checkpoints"):
        sections.config("rewinding", "quick", rewound_to=(4,))
