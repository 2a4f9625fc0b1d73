import shutil

import filelock
import numpy as np
import pytest
import torch

from mfta import definitions, labels, sections, store, training
from mfta.errors import DivergedError, ParameterError, StoreError


@pytest.fixture
def config(tiny):
    tiny |= {"epochs": 3, "checkpoints": (1, 2), "schedule": "cosine"}
    return sections.config("layer_memorization", "quick", **tiny, seed=5).training


def states_equal(a, b):
    return a.keys() == b.keys() and all(torch.equal(a[name], b[name]) for name in a)


def test_the_same_seed_trains_the_same_network(config, tmp_path, monkeypatch):
    first = training.run(config)
    monkeypatch.setenv("MFTA_RUNS", str(tmp_path / "elsewhere"))
    again = training.run(config)
    assert first.directory != again.directory
    assert states_equal(first.state(3), again.state(3))
    assert first.history.equals(again.history)


def test_another_seed_trains_another_network(config):
    other = training.run(config.model_copy(update={"seed": 6}))
    assert not states_equal(training.run(config).state(0), other.state(0))


def test_mixed_precision_keeps_single_precision_weights(config):
    mixed = training.run(config.model_copy(update={"precision": "bfloat16"}))
    plain, mixed = training.run(config).state(3), mixed.state(3)
    assert all(value.dtype == plain[key].dtype for key, value in mixed.items())
    assert not states_equal(plain, mixed)
    change = torch.cat([(mixed[k] - plain[k]).flatten() for k in plain]).double().norm()
    assert change < 0.2 * torch.cat([v.flatten() for v in plain.values()]).double().norm()


@pytest.mark.parametrize("within", [0, 3600])
@pytest.mark.parametrize("killed_after", [0, 1, 2])
def test_an_interrupted_run_goes_on_to_the_same_end(config, tmp_path, monkeypatch, killed_after, within):
    undisturbed = training.run(config)
    monkeypatch.setenv("MFTA_RUNS", str(tmp_path / "elsewhere"))
    monkeypatch.setattr(training, "RESUMED_WITHIN", within)
    evaluate, evaluated = training.evaluate, []

    def kill(*arguments):
        evaluated.append(arguments[3])
        if arguments[3] == killed_after + 1:
            raise KeyboardInterrupt
        return evaluate(*arguments)

    monkeypatch.setattr(training, "evaluate", kill)
    with pytest.raises(KeyboardInterrupt):
        training.run(config)
    monkeypatch.setattr(training, "evaluate", lambda *a: (evaluated.append(a[3]), evaluate(*a))[1])
    evaluated.clear()
    resumed = training.run(config)
    assert evaluated == list(range(1 if within else killed_after + 1, 4))  # the first epoch is always kept
    assert {path.name for path in resumed.directory.iterdir()} == {p.name for p in undisturbed.directory.iterdir()}
    assert all(states_equal(undisturbed.state(epoch), resumed.state(epoch)) for epoch in undisturbed.kept_epochs)
    assert undisturbed.history.equals(resumed.history)
    assert undisturbed.kept_epochs == resumed.kept_epochs


@pytest.fixture
def interrupted(config, monkeypatch):
    """A training of three epochs that ended after the second."""
    evaluate = training.evaluate

    def kill(*arguments):
        if arguments[3] == 3:
            raise KeyboardInterrupt
        return evaluate(*arguments)

    monkeypatch.setattr(training, "RESUMED_WITHIN", 0)
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(training, "evaluate", kill)
        training.run(config)
    return store.runs_directory() / config.fingerprint


DAMAGE = {
    "another epoch's weights": (lambda at: shutil.copy(at / "epoch_0000.pt", at / "epoch_0001.pt"), "was changed"),
    "a checkpoint cut": (lambda at: (at / "epoch_0001.pt").write_bytes(b"PK"), "was changed"),
    "a checkpoint removed": (lambda at: (at / "epoch_0001.pt").unlink(), "No such file"),
    "its own state cut": (lambda at: (at / "resume.pt").write_bytes(b"PK"), "resume.pt' is not a checkpoint of ours"),
    "code": (lambda at: torch.save({"network": pytest.raises}, at / "resume.pt"), "is not a checkpoint of ours"),
    "a tensor": (lambda at: torch.save(torch.ones(3), at / "resume.pt"), "resume.pt' is not a checkpoint of ours"),
}


@pytest.mark.parametrize("damage", DAMAGE)
def test_what_was_changed_while_a_training_stood_still_is_not_gone_on_from(config, interrupted, damage, capsys):
    change, said = DAMAGE[damage]
    change(interrupted)
    run = training.run(config)
    (line,) = capsys.readouterr().err.splitlines()
    assert said in line
    assert line.endswith(": the training starts over")
    network, dataset = run.network(1), training.data_of(config)
    logits = training.predict(network, dataset.test_images)
    accuracy = np.mean(logits.argmax(1).numpy() == dataset.test_labels)
    rows = run.history[run.history["examples"] == "test"].set_index("epoch")["accuracy"]
    assert rows[1] == pytest.approx(accuracy)


def test_a_finished_run_is_loaded(config, monkeypatch):
    training.run(config)
    monkeypatch.setattr(training, "_train", None)
    assert training.run(config).history["epoch"].max() == 3


def test_history_matches_the_kept_weights(config):
    run = training.run(config)
    dataset = training.data_of(config)
    logits = training.predict(run.network(run.best_epoch), dataset.test_images)
    accuracy = np.mean(logits.argmax(1).numpy() == dataset.test_labels)
    rows = run.history[run.history["examples"] == "test"].set_index("epoch")["accuracy"]
    assert rows[run.best_epoch] == pytest.approx(accuracy)
    assert rows[run.best_epoch] == rows[1:].max()


def test_without_permuted_labels_the_permuted_set_is_undefined_not_zero(config):
    clean = config.model_copy(update={"permuted_fraction": 0.0, "epochs": 1, "checkpoints": ()})
    rows = training.run(clean).history
    assert rows.loc[rows["examples"] == "permuted", "accuracy"].isna().all()
    assert rows.loc[rows["examples"] == "unpermuted", "accuracy"].notna().all()


def test_an_epoch_that_was_not_kept_is_refused(config):
    with pytest.raises(StoreError, match=r"epoch 17 .* was not kept; kept: \[0, 1, 2, 3\]"):
        training.run(config).state(17)


def test_only_kept_epochs_stay_on_disk(config):
    run = training.run(config)
    found = {int(path.stem.removeprefix("epoch_")) for path in run.directory.glob("epoch_*.pt")}
    assert found == set(run.kept_epochs)
    assert not (run.directory / "resume.pt").exists()


def test_a_checkpoint_that_holds_code_is_not_run(config, tmp_path):
    run = training.run(config)
    torch.save({"weights": pytest.raises}, training.checkpoint_path(run.directory, 1))
    with pytest.raises(StoreError, match="remove"):
        run.state(1)


def test_certificate_says_what_was_done(config):
    certificate = store.read_certificate(training.run(config).directory)
    assert certificate["config"] == config.model_dump(mode="json")
    assert certificate["code"] == definitions.digest(certificate["definitions"])
    assert certificate["definitions"] == training.definitions_of(config)
    assert certificate["versions"]["torch"] == torch.__version__.split("+")[0]


def test_a_changed_checkpoint_or_history_is_refused_by_name(config):
    run = training.run(config)
    path = training.checkpoint_path(run.directory, 1)
    torch.save(run.state(2), path)  # a sound file, of another epoch
    with pytest.raises(StoreError, match=r"epoch_0001.pt' is not what its certificate says"):
        run.state(1)
    (run.directory / "history.csv").unlink()
    with pytest.raises(StoreError, match=r"history.csv' is missing"):
        training.run(config)


def test_retraining_that_is_interrupted_leaves_no_certificate(config, monkeypatch):
    directory = training.run(config).directory
    path = directory / "certificate.json"
    store.write_json(path, store.read_certificate(directory) | {"code": "older"})
    monkeypatch.setattr(training, "train_epoch", lambda *a: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        training.run(config, fresh=True)
    assert not path.exists()


def test_another_runs_certificate_is_refused(config):
    directory = training.run(config).directory
    other = training.run(config.model_copy(update={"seed": 6})).directory
    (directory / "certificate.json").write_bytes((other / "certificate.json").read_bytes())
    with pytest.raises(StoreError, match="belongs to another run"):
        training.run(config)


def test_one_image_a_batch_trains_without_batch_norm_and_is_refused_with_it(config):
    single = config.model_copy(update={"batch_size": 1, "batch_norm": False, "epochs": 1, "checkpoints": ()})
    run = training.run(single)
    assert not states_equal(run.state(0), run.state(1))
    with pytest.raises(ParameterError, match="batch_size = 1 is refused with batch norm"):
        sections.config("layer_memorization", batch_size=1, batch_norm=True)


@pytest.mark.parametrize("batch_norm", [False, True])
def test_a_training_that_diverges_stops_by_name_and_certifies_nothing(config, batch_norm):
    wild = config.model_copy(update={"learning_rate": 1e30, "batch_norm": batch_norm})
    with pytest.raises(DivergedError, match=r"epoch 1 at learning_rate = 1e\+30: .* take a smaller learning_rate"):
        training.run(wild)
    assert store.read_certificate(store.runs_directory() / wild.fingerprint) is None


def test_early_epochs_are_kept_until_permuted_labels_are_learned(config):
    slow = config.model_copy(update={"learning_rate": 1e-6, "checkpoints": ()})
    run = training.run(slow)  # learns nothing, so all of its epochs are early
    assert run.early_epoch == 3
    assert "early" in run.stages(3)
    assert run.stages(run.best_epoch)[0] == "best"  # what goes back to the best epoch is called so
    assert {1, 2, 3} <= set(run.kept_epochs)
    assert run.state(2)
    history = run.history.query("examples == 'permuted'").set_index("epoch")["accuracy"]
    assert (history <= 0.2).all()


def test_curves_follow_a_sample_and_the_judged_epochs_all_images(config):
    whole, sampled = training.run(config), training.run(config.model_copy(update={"followed": 20}))
    assert states_equal(whole.state(3), sampled.state(3))
    curves = [r.history.pivot_table(index="epoch", columns="examples", values="accuracy") for r in (whole, sampled)]
    assert curves[0].loc[[3, sampled.best_epoch]].equals(curves[1].loc[[3, sampled.best_epoch]])
    assert not whole.history["accuracy"].equals(sampled.history["accuracy"])


def test_automatic_precision_is_what_the_machine_is_built_for(config, monkeypatch):
    automatic = config.model_copy(update={"precision": "auto"})
    for has, precision in ((True, "bfloat16"), (False, "float32")):
        monkeypatch.setattr(store, "has_matrix_instructions", lambda has=has: has)
        assert training.precision_of(automatic) == ("bfloat16" if torch.cuda.is_available() else precision)
    run = training.run(automatic)
    assert store.read_certificate(run.directory)["epochs_by_precision"] == {"float32": 3}
    assert states_equal(run.state(3), training.run(config).state(3))


def test_another_default_type_changes_nothing(config, monkeypatch, tmp_path):
    usual = training.run(config)
    monkeypatch.setenv("MFTA_RUNS", str(tmp_path / "elsewhere"))
    torch.set_default_dtype(torch.float64)
    try:
        other = training.run(config)
    finally:
        torch.set_default_dtype(torch.float32)
    assert states_equal(usual.state(3), other.state(3))


def test_judged_epochs_of_a_mixed_precision_are_read_in_single(config):
    run = training.run(config.model_copy(update={"precision": "bfloat16"}))
    for at in {run.best_epoch, 3}:
        rows = training.evaluate(run.network(at), run.dataset, run.labels, at, seed=5)
        stored = run.history[run.history["epoch"] == at].set_index("examples")["loss"]
        assert stored.to_dict() == pytest.approx({row["examples"]: row["loss"] for row in rows}, rel=1e-6)


def test_the_best_epoch_is_the_first_of_equal_ones_and_early_ones_end_with_the_first_above_twice_chance(
    config, monkeypatch
):
    accuracy = {"test": (0.9, 0.4, 0.5, 0.5, 0.3), "permuted": (0.9, 0.1, 0.2, 0.21, 0.1)}

    def evaluate(network, dataset, permuted, at, *given, **named):
        return [
            {"epoch": at, "examples": name, "accuracy": accuracy.get(name, (0.0,) * 5)[at], "loss": 0.0}
            for name in labels.EXAMPLES
        ]

    monkeypatch.setattr(training, "evaluate", evaluate)
    run = training.run(config.model_copy(update={"epochs": 4, "checkpoints": ()}))
    assert (run.best_epoch, run.early_epoch) == (2, 2)
    assert run.stages(2) == ["best", "early"]
    assert run.kept_epochs == [0, 1, 2, 4]


def test_the_optimizer_is_the_one_asked_for(config):
    network = torch.nn.Linear(2, 2)
    chosen = config.model_copy(update={"momentum": 0.7, "weight_decay": 0.01, "learning_rate": 0.3})
    (group,) = training._optimizer(chosen, network).param_groups
    assert (group["lr"], group["momentum"], group["weight_decay"]) == (0.3, 0.7, 0.01)
    adam = training._optimizer(chosen.model_copy(update={"optimizer": "adam"}), network)
    assert isinstance(adam, torch.optim.Adam)
    assert (adam.param_groups[0]["lr"], adam.param_groups[0]["weight_decay"]) == (0.3, 0.01)


def test_a_training_holds_the_lock_of_its_folder(config, monkeypatch):
    train = training._train

    def watched(of, directory, digest):
        with pytest.raises(filelock.Timeout), store.lock(directory, wait=False):
            pass
        return train(of, directory, digest)

    monkeypatch.setattr(training, "_train", watched)
    directory = training.run(config.model_copy(update={"epochs": 1, "checkpoints": ()})).directory
    with store.lock(directory, wait=False):  # and gives it back
        pass
