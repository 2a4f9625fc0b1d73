import numpy as np
import pandas as pd
import pytest
import torch

import mfta
from mfta import networks, sections, training
from mfta.errors import ParameterError
from mfta.readout import rewinding as readout
from mfta.sections import rewinding


@pytest.fixture
def overrides(tiny):
    del tiny["measured_epochs"]
    return tiny | {"rewound_to": (0, 1)}


@pytest.fixture
def run(overrides):
    return training.run(sections.config("rewinding", **overrides).training)


def same(a, b):
    return a.keys() == b.keys() and all(a[key].equal(b[key]) for key in a)


def test_rewinding_nothing_is_the_trained_network_and_all_the_checkpoint_bit_for_bit(run):
    keys = run.network(2).keys()
    last, earlier = run.state(2), run.state(0)
    every = [key for names in keys.values() for key in names]
    assert not same(last, earlier)
    assert same(rewinding.rewound_state(last, earlier, []), last)
    assert same(rewinding.rewound_state(last, earlier, every), earlier)


def test_one_layer_takes_its_batch_norm_along_and_nothing_else(run):
    keys = run.network(2).keys()["conv2_1"]
    assert {key.rsplit(".", 1)[1] for key in keys} >= {"weight", "bias", "running_mean", "running_var"}
    mixed, last, earlier = rewinding.rewound_state(run.state(2), run.state(0), keys), run.state(2), run.state(0)
    for key, value in mixed.items():
        assert value.equal(earlier[key] if key in keys else last[key])
    assert not mixed[keys[0]].equal(last[keys[0]])


@pytest.mark.parametrize(
    ("name", "batch_norm"), [(name, norm) for name in networks.NETWORKS for norm in (True, name == "densenet121")]
)
def test_every_entry_of_the_state_belongs_to_one_layer(name, batch_norm):
    network = networks.build(name, 10, batch_norm=batch_norm)
    listed = [key for names in network.keys().values() for key in names]
    assert sorted(listed) == sorted(network.state_dict())


def test_an_entry_outside_of_all_layers_is_refused():
    network = networks.build("convnet", 10)
    del network.taps["conv1_2"]
    with pytest.raises(ValueError, match=r"'stage1.conv2.0.weight' lies under 0 layers"):
        network.keys()


def test_choices_are_each_layer_and_every_length_from_both_ends():
    listed = rewinding.choices(["a", "b", "c"])
    assert {(c.name, c.direction): "".join(c.layers) for c in listed} == {
        ("a", "single"): "a", ("b", "single"): "b", ("c", "single"): "c",
        ("first 1", "first"): "a", ("first 2", "first"): "ab", ("all", "first"): "abc",
        ("last 1", "last"): "c", ("last 2", "last"): "bc", ("all", "last"): "abc",
    }  # fmt: skip


def test_the_table_ends_in_the_history_of_the_training(overrides, run):
    """Nothing rewound reads as the last epoch did, everything rewound as the epoch it went to did."""
    table = mfta.compute("rewinding", seeds=[0], **overrides)
    carried = table[table["layer"].isna() & (table["batch_norm"] == "carried")]
    history = run.history.set_index(["epoch", "examples"])["accuracy"]
    for rewound in ("none", "all"):
        rows = carried[carried["rewound"] == rewound]
        assert len(rows) > 3
        for row in rows.itertuples():
            assert row.accuracy == pytest.approx(history[row.rewound_to, row.examples], abs=1e-12)
    assert set(table["batch_norm"]) == {"carried", "re-estimated"}
    geometry = table[table["layer"].notna()]
    assert set(geometry["layer"]) == {"conv3_2", "head"}
    assert geometry["rewound_layers"].nunique() == 8


def test_without_batch_norm_there_is_one_variant(overrides):
    table = mfta.compute("rewinding", seeds=[0], batch_norm=False, **overrides)
    assert set(table["batch_norm"]) == {"absent"}
    values = readout.values(table)
    assert np.isnan(values["first_needed_reestimated"])


def test_reestimated_averages_are_those_of_the_images(run):
    network = run.network(2)
    images = training.data_of(run.config).train_images
    training.reestimate(network, images)
    first = network.stage1.conv1
    with torch.no_grad():
        answers = first[0](images)
    assert torch.allclose(first[1].running_mean, answers.mean((0, 2, 3)), atol=1e-5)
    assert not network.training


def test_epochs_that_were_not_kept_are_refused(overrides):
    with pytest.raises(ParameterError, match=r"rewound_to \[2\] are not among the checkpoints"):
        mfta.compute("rewinding", seeds=[0], **overrides | {"epochs": 3, "rewound_to": [2]})


def made_up(first, last, single=(0.5, 0.5, 0.5, 0.5), seed=0):
    """A table of four layers: test accuracy .5 at the last epoch, .9 at the best."""
    rows = [("none", "", 0, 0.5)]
    rows += [(f"layer {n}", "single", 1, value) for n, value in enumerate(single)]
    for direction, values in (("first", first), ("last", last)):
        rows += [(f"{direction} {n}", direction, n, value) for n, value in enumerate(values, start=1)]
        rows += [("all", direction, 4, 0.9)]
    table = pd.DataFrame(rows, columns=["rewound", "rewound_from", "rewound_layers", "accuracy"])
    table = table.assign(stage=["last"] + ["best"] * (len(table) - 1), seed=seed, layer=np.nan, batch_norm="carried")
    permuted = table.assign(accuracy=1 - table["accuracy"])
    return pd.concat([table.assign(examples="test"), permuted.assign(examples="permuted")], ignore_index=True)


@pytest.mark.parametrize(
    ("first", "last", "needed", "phrase"),
    [
        ((0.5, 0.6, 0.7), (0.6, 0.89, 0.9), (4, 2), "as the paper claims"),
        ((0.88, 0.9, 0.9), (0.5, 0.5, 0.87), (1, 4), "against the paper's claim"),
        ((0.5, 0.9, 0.9), (0.5, 0.9, 0.9), (2, 2), "does not settle"),
    ],
)
def test_layers_needed_and_the_sentence_about_them(first, last, needed, phrase):
    table = made_up(first, last)
    assert (readout.needed(table, "first", "carried")[0], readout.needed(table, "final", "carried")[0]) == needed
    assert phrase in readout.ends_sentence(table, "carried")


def test_no_gap_is_nothing_to_win_back():
    table = made_up((0.5, 0.5, 0.5), (0.5, 0.5, 0.5))
    table.loc[(table["rewound"] == "all") & (table["examples"] == "test"), "accuracy"] = 0.4
    assert readout.needed(table, "final", "carried").isna().all()
    assert "nothing to win back" in readout.ends_sentence(table, "carried")
    assert "no gap" in readout.single_sentence(table)
    assert np.isnan(readout.values(table)["largest_share"])


@pytest.mark.parametrize(
    ("single", "phrase"), [((0.5, 0.8, 0.5, 0.5), "One layer alone wins"), ((0.5, 0.6, 0.5, 0.5), "No layer alone")]
)
def test_the_sentence_about_single_layers(single, phrase):
    table = made_up((0.5, 0.6, 0.7), (0.5, 0.6, 0.7), single)
    assert readout.single_layers(table)["share_mean"].idxmax() == "layer 1"
    assert phrase in readout.single_sentence(table)
