import numpy as np
import pandas as pd
import pytest
import torch
from in_sight import functions

import mfta
from mfta import networks, sections, training
from mfta.errors import ParameterError
from mfta.sections import rewinding
from mfta.streams import stream


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
    table = mfta.compute("rewinding", seeds=[0], **overrides | {"batch_norm": False})
    assert set(table["batch_norm"]) == {"absent"}


def test_reestimated_averages_are_those_of_the_images(run):
    network = run.network(2)
    images = run.dataset.train_images
    training.reestimate(network, images)
    first = network.stage1.conv1
    with torch.no_grad():
        answers = first[0](images)
    assert torch.allclose(first[1].running_mean, answers.mean((0, 2, 3)), atol=1e-5)
    assert not network.training


def test_reestimated_rows_are_of_averages_over_the_images_evaluated(overrides):
    overrides |= {"evaluated": 50}
    table = mfta.compute("rewinding", seeds=[0], **overrides)
    run = mfta.run("rewinding", seed=0, **overrides)
    order = stream(0, "evaluated").permutation(len(run.dataset.train_images))[:50]
    network = run.network(run.epochs)
    training.reestimate(network, run.dataset.train_images[order])
    expected = {row["examples"]: row["loss"] for row in run.evaluate(network.state_dict())}
    rows = table[(table["rewound"] == "none") & (table["batch_norm"] == "re-estimated")].set_index("examples")
    assert rows["loss"].to_dict() == pytest.approx(expected, rel=1e-5)
    carried = table[(table["rewound"] == "none") & (table["batch_norm"] == "carried") & table["layer"].isna()]
    assert not np.allclose(carried.set_index("examples")["loss"], rows["loss"], rtol=1e-3)


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


def test_the_share_of_the_gap_is_0_where_nothing_and_1_where_all_is_rewound():
    page = functions("rewinding")
    share = page.recovered(made_up(first=(0.5, 0.6, 0.7), last=(0.4, 0.7, 0.9)))
    assert share.loc[0].iloc[0][["none", "first 2", "last 1", "last 2", "all"]].tolist() == pytest.approx(
        [0, 0.25, -0.25, 0.5, 1]
    )
    curves = page.from_both_ends(share).query("end == 'last n layers'").set_index("n")["value"]
    assert curves.tolist() == pytest.approx([0, -0.25, 0.5, 1, 1])


def test_without_a_gap_there_is_no_share():
    table = made_up((0.5, 0.5, 0.5), (0.5, 0.5, 0.5))
    table.loc[(table["rewound"] == "all") & (table["examples"] == "test"), "accuracy"] = 0.4
    assert functions("rewinding").recovered(table).isna().all(axis=None)
