import os
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from mfta import store
from mfta.cli import app
from mfta.errors import ParameterError
from mfta.options import parse_overrides, parse_seeds
from mfta.stored import audit, stored_directories

TINY_OPTIONS = [
    option
    for text in (
        "epochs=1",
        "checkpoints=[]",
        "measured_epochs=[]",
        "train_per_class=20",
        "test_per_class=10",
        "points=8",
        "draws=20",
        "remove_centers=false",
    )
    for option in ("--set", text)
]


def run(*arguments):
    return CliRunner().invoke(app, [str(a) for a in arguments])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["compute", "layer_memorisation"], "Did you mean 'layer_memorization'"),
        (["compute", "--preset", "quik"], "Did you mean 'quick'"),
        (["compute", "--set", "epoch=3"], "Did you mean 'epochs'"),
        (["compute", "--set", "epochs"], "write name=value"),
        (["compute", "--set", "epochs=[1"], "is not a YAML value"),
        (["compute", "--set", "epochs=many"], "epochs = 'many' is refused"),
        (["compute", "--set", "permuted_fraction=2"], "permuted_fraction = 2 is refused"),
        (["compute", "--set", "dataset=mnist"], "dataset = 'mnist' is refused"),
        (["compute", "--set", "network=vgg"], "Did you mean 'vgg16'"),
        (["compute", "--seeds", "one"], "write 0..2 or 0,1,2"),
        (["compute", "layer_memorization", "--set", "points=100"], "points = 100 is more than the 65 unpermuted"),
        (["rerun", "--set", "drawz=3"], "Did you mean 'draws'"),
        (["data", "imagenet"], "only cifar100"),
        (["compute", "--set", "epochs=&a [*a]"], "is not a YAML value"),
        (["compute", "--set", "seeds=none"], "--set seeds = 'none' is refused"),
    ],
)
def test_bad_input_gets_one_line_and_a_non_zero_exit(arguments, message):
    answer = run(*arguments)
    assert answer.exit_code == 2
    assert message in answer.stderr
    assert len(answer.stderr.strip().splitlines()) == 1


def test_compute_then_status_then_verify():
    answer = run("compute", "layer_memorization", "--seeds", "0", *TINY_OPTIONS)
    assert answer.exit_code == 0, answer.stderr
    said = " ".join(run("status").stdout.split())
    assert "sound" in said
    assert "epochs 1" in said  # what tells it from the preset's own
    assert "1 of 1 tables are sound" in run("verify").stdout


def test_a_dry_run_says_what_and_why_and_does_nothing():
    answer = run("rerun", "layer_memorization", "--seeds", "0,1", *TINY_OPTIONS, "--dry-run")
    assert answer.exit_code == 0, answer.stderr
    assert "training convnet on digits, seed 0" in answer.stdout
    assert "layer_memorization, seed 1: missing, to be made: no table of this config is stored" in answer.stdout
    assert "notebook layer_memorization: to be executed" in answer.stdout
    assert stored_directories() == []


def test_why_names_what_changed():
    run("compute", "layer_memorization", "--seeds", "0", *TINY_OPTIONS)
    (directory,) = stored_directories()
    certificate = store.read_certificate(directory)
    certificate["code"] = "older"
    certificate["definitions"]["analyze"] = "older"
    certificate["definitions"]["gone"] = "older"
    del certificate["definitions"]["permute"]
    certificate["versions"]["torch"] = "1.0"
    store.write_json(directory / "certificate.json", certificate)
    said = run("rerun", "layer_memorization", "--seeds", "0", *TINY_OPTIONS, "--why").stdout
    assert "seed 0: stale, to be made: the code changed since" in said
    lines = [line.strip() for line in said.splitlines()]
    assert {"analyze changed", "gone removed", "permute added"} <= set(lines)
    assert f"torch 1.0, now {store.versions()['torch']}" in lines
    assert "analyze changed, gone removed, permute added" in run("status").stdout
    said = run("rerun", "layer_memorization", "--seeds", "0", *TINY_OPTIONS, "--set", "kappa=1.0", "--why").stdout
    assert f"nearest stored is {directory.name[:8]}" in said
    assert "kappa 0.0, now 1.0" in said


def test_verify_fails_on_an_edited_table():
    run("compute", "layer_memorization", "--seeds", "0", *TINY_OPTIONS)
    (directory,) = stored_directories()
    with (directory / "table.csv").open("a") as file:
        file.write("0\n")
    answer = run("verify")
    assert answer.exit_code == 1
    assert "is not what its certificate says" in answer.stdout


def test_a_certificate_of_what_is_not_known_here_hides_no_other_table():
    run("compute", "layer_memorization", "--seeds", "0,1", *TINY_OPTIONS)
    one, other = stored_directories()
    certificate = store.read_certificate(one)
    (other.parents[1] / "bogus").mkdir()
    other.rename(other.parents[1] / "bogus" / other.name)
    for config in ({"network": "bogus"}, {"network": ["a"]}, {"dataset": "bogus"}, {"width": "x"}, {"width": -1}):
        changed = {**certificate, "config": {**certificate["config"], **config}}
        store.write_json(one / "certificate.json", changed)
        answer = run("verify")
        assert answer.exit_code == 1
        assert f"'{one}' is of no section and config known here" in answer.stdout
        assert answer.stdout.count(": remove it") == 2
        assert len(answer.stdout.splitlines()) == 3


def test_none_as_the_boxes_of_notebooks_write_it_means_as_the_preset_says():
    assert parse_overrides(["epochs=None", "hidden=null"]) == {"epochs": None, "hidden": None}


def test_a_width_of_a_scan_is_shown():
    tiny = [option for text in ("epochs=1", "points=8", "draws=20") for option in ("--set", text)]
    run("compute", "double_descent", "--seeds", "0", "--set", "widths=[2]", *tiny)
    assert [row.seed for row in audit()] == ["0, width 2"]


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no device that is always full")
def test_output_that_cannot_be_written_is_one_line():
    with Path("/dev/full").open("w") as full:
        answer = subprocess.run([sys.executable, "-m", "mfta.cli", "status"], stdout=full, stderr=subprocess.PIPE)
    assert answer.returncode == 2
    assert answer.stderr.decode().startswith("OSError: what there is to say cannot be written")
    closed = subprocess.run(f"{sys.executable} -m mfta.cli status >&-", shell=True, capture_output=True)
    assert b"Traceback" not in closed.stderr


def test_overrides_are_read_as_yaml_and_exponents_as_numbers():
    texts = ["epochs=3", "learning_rate=1e-3", "augment=true", "network=vgg16", "checkpoints=[1, 2]"]
    assert parse_overrides(texts) == {
        "epochs": 3,
        "learning_rate": 1e-3,
        "augment": True,
        "network": "vgg16",
        "checkpoints": [1, 2],
    }


@pytest.mark.parametrize(("text", "seeds"), [("0..2", [0, 1, 2]), ("3", [3]), ("4,1", [4, 1]), (None, None)])
def test_seeds(text, seeds):
    assert parse_seeds(text) == seeds


@pytest.mark.parametrize("text", ["a", "1..b", "1;2", ""])
def test_bad_seeds(text):
    with pytest.raises(ParameterError, match="is refused"):
        parse_seeds(text)


def test_a_store_that_cannot_be_written_gets_one_line(tmp_path):
    blocked = tmp_path / "file"
    blocked.write_text("")  # not even root can write below a file
    answer = subprocess.run(
        [sys.executable, "-m", "mfta.cli", "compute", "layer_memorization", "--seeds", "0", *TINY_OPTIONS],
        env={**os.environ, "MFTA_RUNS": str(blocked / "runs"), "MFTA_RESULTS": str(tmp_path / "results")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert answer.returncode == 2
    assert "cannot write" in answer.stderr
    assert len(answer.stderr.strip().splitlines()) == 1
