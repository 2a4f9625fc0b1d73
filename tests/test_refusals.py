"""Bad input of every kind, and the one line that each is answered with.

``python tests/test_refusals.py`` writes the table of them, book/refusals.md; the tests hold it in agreement.
"""

import json
import re
import shutil
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import torch
from typer.testing import CliRunner

import mfta
from mfta import batch, data, jobs, notebook, store, training
from mfta.cli import app
from mfta.errors import MftaError

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "book" / "refusals.md"
TINY = {
    "epochs": 2,
    "checkpoints": (1,),
    "measured_epochs": (1,),
    "train_per_class": 20,
    "points": 8,
    "draws": 20,
}
HEAD = """# What is refused, and how

Bad input tried by the tests, and the line each is answered with: it names the thing and what to do. The command
line shows it after the kind of error and exits with 2; nothing is computed or written. The table is written by
`python tests/test_refusals.py`, which tries them all; paths and lists of names are shortened to `…`.

"""


@dataclass(frozen=True)
class Case:
    """What is tried, and what comes of it: ``act`` raises, or returns what was said."""

    group: str
    tried: str
    act: Callable[[Path], object]


def command(line):
    def act(folder):
        answer = CliRunner().invoke(app, line.split()[1:])
        assert answer.exit_code == 2
        assert answer.stderr.count("\n") == 1
        return answer.stderr.partition(": ")[2]

    return Case("Commands", line, act)


def call(text, group="Parameters"):
    return Case(group, text, lambda folder: eval(text, {"mfta": mfta, "np": np, "notebook": notebook}))


X = "np.random.default_rng(0).normal(size=(5, 30, 10))"


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
STORE = [
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


def a_notebook(text, name, change, **given):
    def act(folder):
        path = folder / "notebooks" / "page.md"
        path.parent.mkdir()
        (folder / "pyproject.toml").write_text("")
        path.write_text(change((ROOT / "notebooks" / "layer_memorization.md").read_text()))
        return batch.execute(name, given)

    return Case("Notebooks", text, act)


TAG = ":tags: [parameters]"
NOTEBOOKS = [
    a_notebook("a notebook whose parameters have no tag", "page", lambda text: text.replace(TAG, "")),
    a_notebook(
        "a notebook with the tag on two cells", "page", lambda text: text.replace(":tags: [hide-input]", TAG, 1)
    ),
    a_notebook("a notebook that does not exist", "pages", lambda text: text),
    a_notebook("a parameter the notebook does not have", "page", lambda text: text, draw=3),
    call("notebook.parameters('layer_memorization', {'nn': 3})", "Notebooks"),
    call("notebook.parameters('layer_memorization', {'epochs': 'abc'})", "Notebooks"),
    call("notebook.parameters('layer_memorization', {'preset': None, 'seeds': '0'})", "Notebooks"),
]


def cifar(text, prepare):
    def act(folder):
        root = folder / "data" / "cifar-100-python"
        root.mkdir(parents=True)
        prepare(root)
        data.check_cifar100(root.parent)

    return Case("Data", text, act)


def no_network(*_arguments, **_options):
    raise OSError("no network")


DATA = [
    cifar("CIFAR-100 with a file missing", lambda root: None),
    cifar("CIFAR-100 with a file cut or replaced", lambda root: (root / "train").write_bytes(b"cut")),
    cifar("CIFAR-100 absent and no network", lambda root: root.rmdir()),
    call("mfta.data.load('digits', train_per_class=500)", "Data"),
]

CASES = [
    *(
        call(f"mfta.compute({arguments})")
        for arguments in (
            "'layer_memorisation'",
            "'layer_memorization', preset='quik'",
            "'layer_memorization', epoch=3",
            "'layer_memorization', epochs='three'",
            "'layer_memorization', epochs=2.5",
            "'layer_memorization', epochs=True",
            "'layer_memorization', epochs=0",
            "'layer_memorization', permuted_fraction=1.2",
            "'layer_memorization', permuted_fraction=float('nan')",
            "'layer_memorization', dataset='cifar10'",
            "'layer_memorization', schedule='cosin'",
            "'layer_memorization', kappa=-1.0",
            "'layer_memorization', points=1",
            "'layer_memorization', checkpoints='1,2'",
            "'layer_memorization', checkpoints=(1,), measured_epochs=(4,)",
            "'rewinding', rewound_to=(4,)",
            "'gradients', head_scales=(0.0, 1.0)",
            "'layer_memorization', seeds='0'",
            "'layer_memorization', seeds=[]",
            "'layer_memorization', seeds=[0.5]",
            "'layer_memorization', seeds=[-1]",
            "'layer_memorization', seeds=[0, 0]",
            "'layer_memorization', seed=0",
            "'layer_memorization', threads=0",
        )
    ),
    *map(
        command,
        (
            "mfta compute layer_memorisation",
            "mfta rerun --set drawz=3",
            "mfta rerun --preset quik",
            "mfta compute --set epochs",
            "mfta compute --set epochs=[1",
            "mfta compute --set epochs=3 --set epochs=4",
            "mfta compute --seeds one",
            "mfta compute --seeds 2..0",
            "mfta sweep rewinding",
            "mfta sweep rewinding --grid permuted_fractions=0.1,0.2",
            "mfta sweep rewinding --grid permuted_fraction=0.5,2",
            "mfta sweep rewinding --grid permuted_fraction=0.1,0.5",
            "mfta sweep rewinding --grid epochs=5,5",
            "mfta sweep rewinding --grid epochs=5,6 --set epochs=7",
            "mfta sweep rewinding --grid epochs",
            "mfta data imagenet",
        ),
    ),
    *(
        call(f"mfta.{text}", "Arrays")
        for text in (
            "analyze(np.full((5, 30, 10), np.nan))",
            "analyze(np.ones((30, 10)))",
            "analyze(np.ones((1, 30, 10)))",
            "analyze([np.ones((30, 10)), np.ones((20, 10))])",
            "analyze([np.ones((30, 0)), np.ones((30, 10))])",
            "analyze([['a', 'b'], ['c', 'd']])",
            "analyze(np.ones((5, 30, 10)))",
            f"analyze({X} * 1j)",
            f"analyze({X}, kappa=-1)",
            f"analyze({X}, n_draws=1)",
            f"analyze({X}, n_draws=2.5)",
            f"analyze({X}, seed=-1)",
            "simulated_capacity(np.full((5, 30, 10), np.inf))",
            f"simulated_capacity({X}, n_dichotomies=2)",
            "exact.segment_capacity(-1.0)",
        )
    ),
    *NOTEBOOKS,
    *DATA,
    *STORE,
]


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """A store with one small table and its run."""
    folder = tmp_path_factory.mktemp("finished")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MFTA_RUNS", str(folder / "runs"))
        patch.setenv("MFTA_RESULTS", str(folder / "results"))
        tiny_job().table()
    return folder


@pytest.fixture
def answer(request, tmp_path, monkeypatch):
    """Try a case in a folder of its own; return its message, which must be one line."""

    def attempt(case):
        if case.group == "The store":
            shutil.copytree(request.getfixturevalue("finished"), tmp_path, dirs_exist_ok=True)
        else:
            monkeypatch.setattr(training, "run", None)  # nothing may start
        monkeypatch.setattr(data.CIFAR100, "__init__", no_network)
        monkeypatch.chdir(tmp_path)
        try:
            message = case.act(tmp_path)
        except (MftaError, mfta.GeometryError) as error:
            message = str(error)
        assert message, "it was not refused"
        assert "\n" not in message.strip()
        message = re.sub("\x1b.*?m", "", message.strip().replace(str(tmp_path), "…"))  # torch's own colours
        return re.sub(r"(parameters|sections|presets): .*", r"\1: …", message)

    return attempt


def row(case, message):
    cells = [f"`{case.tried}`" if "(" in case.tried or case.group == "Commands" else case.tried, message]
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.tried[:60])
def test_bad_input_is_answered_as_the_page_says(case, answer, request):
    line = row(case, answer(case))
    writer = request.config.pluginmanager.get_plugin("writer")
    if writer:
        writer.rows.setdefault(case.group, []).append(line)
    else:
        assert line in PAGE.read_text().splitlines(), "run `python tests/test_refusals.py` to write the page anew"


def test_the_page_has_no_other_rows_and_many():
    rows = [line for line in PAGE.read_text().splitlines() if line.startswith("| ") and "---" not in line]
    groups = {case.group for case in CASES}
    assert len(rows) == len(CASES) + len(groups)  # and a head a group
    assert len(CASES) >= 40


class Writer:
    """Collects the rows, in the order of the cases."""

    def __init__(self):
        self.rows = {}

    def text(self):
        parts = [
            f"## {group}\n\n| tried | answer |\n|---|---|\n" + "\n".join(rows) for group, rows in self.rows.items()
        ]
        return HEAD + "\n\n".join(parts) + "\n"


if __name__ == "__main__":
    collected = Writer()
    sys.argv = sys.argv[:1]

    class Register:
        """Makes the writer known under its name."""

        def pytest_configure(self, config):
            config.pluginmanager.register(collected, "writer")

    failed = pytest.main([__file__, "-k", "answered"], plugins=[Register()])
    if not failed:
        PAGE.write_text(collected.text())
    sys.exit(failed)
