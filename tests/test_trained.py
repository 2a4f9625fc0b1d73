"""A trained network taken apart by hand gives the numbers of the stored table."""

import pytest

import mfta
from mfta import data
from mfta.errors import ParameterError, StoreError


@pytest.fixture
def overrides(tiny):
    del tiny["measured_epochs"]
    return tiny | {"rewound_to": (0, 1), "batch_norm": True, "hidden": 0}


@pytest.mark.parametrize("evaluated", [None, 50])
def test_rewinding_by_hand_is_the_stored_table_bit_for_bit(overrides, evaluated):
    overrides |= {"seeds": [3], "evaluated": evaluated}
    run = mfta.run("rewinding", **overrides)
    last, earlier = run.state(run.epochs), run.state(run.best_epoch)
    table = mfta.compute("rewinding", **overrides)
    stored = table[(table.stage == "best") & (table.batch_norm == "carried") & table.layer.isna()]
    stored = stored.set_index(["rewound_from", "rewound_layers", "examples"])
    assert len(run.layers) == 7
    for n in range(1, len(run.layers) + 1):
        for side, layers in {"first": run.layers[:n], "last": run.layers[-n:]}.items():
            rewound = last | {key: earlier[key] for layer in layers for key in run.keys(layer)}
            for row in run.evaluate(rewound):
                for name in ("accuracy", "loss"):  # seven digits are stored
                    assert row[name] == pytest.approx(stored[name][(side, n, row["examples"])], rel=1e-6)


def test_the_first_seed_and_the_first_width_are_taken(overrides):
    assert mfta.run("rewinding", seeds=[4, 1], **overrides).seed == 4
    assert mfta.run("rewinding", seed=2, seeds=[4, 1], **overrides).seed == 2
    del overrides["rewound_to"]
    run = mfta.run("double_descent", widths=[3, 2], seed=0, **overrides)
    assert (run.seed, run.config.width, run.layers[-1]) == (0, 3, "head")


def test_it_has_the_data_the_labels_and_the_network_of_every_kept_epoch(overrides):
    run = mfta.run("rewinding", seed=0, **overrides)
    assert run.dataset.train_images.shape == (200, 1, 8, 8)
    assert run.labels.permuted.mean() == 0.5
    assert run.kept_epochs == [0, 1, 2]
    assert set(run.network(0).layers) > set(run.layers)
    trained, state = run.network(run.epochs), run.state(run.epochs)
    assert all(value.equal(state[key]) for key, value in trained.state_dict().items())
    assert not run.network(state).training
    accuracy = run.history.query("epoch == 2 and examples == 'test'")["accuracy"].item()
    by_hand = {row["examples"]: row["accuracy"] for row in run.evaluate(state)}["test"]
    assert by_hand == pytest.approx(accuracy, abs=1e-12)


def test_what_is_not_there_is_refused_by_name(overrides):
    with pytest.raises(ParameterError, match="Did you mean 'epochs'"):
        mfta.run("rewinding", epoch=3)
    with pytest.raises(StoreError, match=r"epoch 9 of .* was not kept"):
        mfta.run("rewinding", seed=0, **overrides).state(9)


def test_a_table_and_a_run_read_the_data_once(tiny, monkeypatch):
    reads = []
    digits = data.SOURCES["digits"]

    def read(seed):
        reads.append(seed)
        return digits.read(seed)

    data._load.cache_clear()
    monkeypatch.setitem(data.SOURCES, "digits", data.Source(read, 10, (1, 8, 8), 130, 44))
    mfta.compute("layer_memorization", seeds=[0], **tiny)
    mfta.run("layer_memorization", seed=0, **tiny).evaluate(mfta.run("layer_memorization", seed=0, **tiny).state(0))
    assert reads == [0]
    mfta.compute("layer_memorization", seeds=[0, 1], **tiny)
    assert reads == [0, 1]
