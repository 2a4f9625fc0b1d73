"""A store damaged in every way is refused when it is read, by one line that names the file and what to do."""

import json
import re
import shutil
from pathlib import Path

import pytest
import torch
from made_once import TINY, store_in

from mfta import jobs, store, training
from mfta.errors import StoreError


def tiny_job(seed=0):
    return jobs.jobs("layer_memorization", "quick", [seed], **TINY)[0]


def edit(name, change):
    def damage(job):
        path = job.directory / name
        path.write_text(change(path.read_text()))

    return damage


def certificate(**values):
    return edit("certificate.json", lambda text: json.dumps(json.loads(text) | values))


def other_config(text):
    content = json.loads(text)
    return json.dumps(content | {"config": content["config"] | {"draws": 21}})


def run_of(job):
    return training.run(job.config.training)


def put(content, name="epoch_0001.pt"):
    return lambda job: torch.save(content, job.shared.directory / name)


def in_run(act, name="epoch_0001.pt"):
    return lambda job: act(job.shared.directory / name)


def in_results(act):
    return lambda job: act(job.directory / "table.csv")


def cut(path):
    path.write_bytes(path.read_bytes()[:-50])


def blocked(job):
    shutil.rmtree(store.results_directory())
    store.results_directory().write_text("")


def edit_run(job, **values):
    path = job.shared.directory / "certificate.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | values))


def table(job):
    return job.table()


def state(job):
    return run_of(job).state(1)


def code_without_checksums(job):
    edit_run(job, files_sha256={})
    put({"weights": pytest.raises})(job)


ALTERED = "(edited or cut): restore it, or remove"
CASES = {
    "a number edited": (edit("table.csv", lambda t: t.replace("0.1", "0.2", 1)), table, f"table.csv' .*{ALTERED}"),
    "a table cut": (lambda job: cut(job.directory / "table.csv"), table, f"table.csv' .*{ALTERED}"),
    "a table that is a folder": (
        in_results(lambda p: (p.unlink(), p.mkdir())),
        table,
        "cannot be read (Is a directory)",
    ),
    "a table removed": (lambda job: (job.directory / "table.csv").unlink(), table, "table.csv' is missing: restore"),
    "a certificate cut": (edit("certificate.json", lambda t: t[:20]), table, "certificate.json' cannot be read"),
    "another table's": (certificate(fingerprint="0" * 16), table, "certificate.json' belongs to another table"),
    "a run's": (certificate(kind="run"), table, "certificate.json' belongs to another table"),
    "a list": (edit("certificate.json", lambda t: "[1, 2]"), table, "certificate.json' is no certificate: remove"),
    "a parameter edited": (edit("certificate.json", other_config), table, "was made with another draws: restore it"),
    "a file for a folder": (blocked, table, "MFTA_RESULTS = .* is refused (it is no folder)"),
    "code": (put({"weights": pytest.raises}), state, f"epoch_0001.pt' .*{ALTERED}"),
    "code, no checksum": (code_without_checksums, state, "epoch_0001.pt' is not a checkpoint of ours"),
    "a checkpoint cut": (in_run(cut), state, f"epoch_0001.pt' .*{ALTERED}"),
    "a checkpoint removed": (in_run(Path.unlink), state, "epoch_0001.pt' is missing: restore it, or remove"),
    "another epoch's": (lambda job: put(run_of(job).state(2))(job), state, f"epoch_0001.pt' .*{ALTERED}"),
    "a history removed": (in_run(Path.unlink, "history.csv"), run_of, "history.csv' is missing"),
    "a history cut": (in_run(cut, "history.csv"), run_of, f"history.csv' .*{ALTERED}"),
    "another run's": (lambda job: edit_run(job, fingerprint="0" * 16), run_of, "belongs to another run: restore it"),
    "no best epoch": (lambda job: edit_run(job, best_epoch=None), run_of, "does not say which epoch was the best"),
    "no such epoch": (lambda job: None, lambda job: run_of(job).state(17), "epoch 17 of .* was not kept; kept: "),
}


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """A store with one small table and its run."""
    folder = tmp_path_factory.mktemp("finished")
    with store_in(folder):
        tiny_job().table()
    return folder


@pytest.mark.parametrize(("damage", "read", "says"), CASES.values(), ids=CASES)
def test_damage_is_named(damage, read, says, finished, tmp_path):
    shutil.copytree(finished, tmp_path, dirs_exist_ok=True)
    job = tiny_job()
    damage(job)
    with pytest.raises(StoreError) as refusal:
        read(job)
    message = re.sub("\x1b.*?m", "", str(refusal.value))  # torch's own colours
    assert "\n" not in message
    assert re.search(says.replace("(", r"\(").replace(")", r"\)"), message)
