"""A damaged store, every way, and how each is read after."""

import json
import shutil
from pathlib import Path

import pytest
import torch
from made_once import TINY
from refused import Case

from mfta import jobs, store, training


def stored(text, damage, read=lambda job: job.table()):
    def act(folder):
        job = tiny_job()
        damage(job)
        read(job)

    return Case("The store", text, act)


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


def cut(path):
    path.write_bytes(path.read_bytes()[:-50])


def under_way(job):
    """A run that was interrupted, whose state to go on from holds code."""
    (job.shared.directory / "certificate.json").unlink()
    put({"network": pytest.raises}, "resume.pt")(job)


def blocked(job):
    shutil.rmtree(store.results_directory())
    store.results_directory().write_text("")


STATE = lambda job: run_of(job).state(1)  # noqa: E731
CASES = [
    stored("a number of `table.csv` edited", edit("table.csv", lambda text: text.replace("0.1", "0.2", 1))),
    stored("`table.csv` cut", lambda job: cut(job.directory / "table.csv")),
    stored("`table.csv` removed", lambda job: (job.directory / "table.csv").unlink()),
    stored("`certificate.json` cut", edit("certificate.json", lambda text: text[:20])),
    stored("`certificate.json` of another table", certificate(fingerprint="0" * 16)),
    stored("`certificate.json` of a run", certificate(kind="run")),
    stored("`certificate.json` that holds a list", edit("certificate.json", lambda text: "[1, 2]")),
    stored("a parameter edited in `certificate.json`", edit("certificate.json", other_config)),
    stored("a file where the folder of results should be", blocked),
    stored("a checkpoint that holds code", put({"weights": pytest.raises}), STATE),
    stored(
        "the same, in a run without checksums",
        lambda job: (edit_run(job, files_sha256={}), put({"weights": pytest.raises})(job)),
        STATE,
    ),
    stored("a checkpoint cut", in_run(cut), STATE),
    stored("a checkpoint removed", in_run(Path.unlink), STATE),
    stored("a checkpoint replaced by that of another epoch", lambda job: put(run_of(job).state(2))(job), STATE),
    stored("`history.csv` of a run removed", in_run(Path.unlink, "history.csv"), run_of),
    stored("`history.csv` of a run cut", in_run(cut, "history.csv"), run_of),
    stored("the certificate of another run", lambda job: edit_run(job, fingerprint="0" * 16), run_of),
    stored("the state to go on from holds code", under_way, run_of),
    stored("an epoch that was not kept", lambda job: None, lambda job: run_of(job).state(17)),
]


def edit_run(job, **values):
    path = job.shared.directory / "certificate.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | values))
