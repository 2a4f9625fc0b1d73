"""What is tried of bad input, but for damaged stores: parameters, commands, arrays, notebooks, data."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from typer.testing import CliRunner

import mfta
from mfta import data, notebook, pages
from mfta.cli import app

ROOT = Path(__file__).parents[1]


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


def a_notebook(text, name, change, **given):
    def act(folder):
        path = folder / "notebooks" / "page.md"
        path.parent.mkdir()
        (folder / "pyproject.toml").write_text("")
        path.write_text(change((ROOT / "notebooks" / "layer_memorization.md").read_text()))
        return pages.execute(name, given)

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
        data.cifar100()

    return Case("Data", text, act)


def no_network(*_arguments, **_options):
    raise OSError("no network")


DATA = [
    cifar("CIFAR-100 with a file missing", lambda root: None),
    cifar("CIFAR-100 with a file cut or replaced", lambda root: (root / "train").write_bytes(b"cut")),
    cifar("CIFAR-100 absent and no network", lambda root: root.rmdir()),
    call("mfta.data.load('digits', train_per_class=500)", "Data"),
]

X = "np.random.default_rng(0).normal(size=(5, 30, 10))"
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
            "'layer_memorization', epochs='none'",
            "'layer_memorization', learning_rate='1e400'",
            "'layer_memorization', test_per_class=45",
            "'layer_memorization', network='alexnet'",
            "'layer_memorization', network='densenet121', batch_norm=False",
            "'double_descent', network='densenet121', widths=[3]",
            "'layer_memorization', hidden=2, network='resnet18'",
            "'gradients', permuted_fraction=1",
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
            "mfta compute --set preset=small",
            "mfta compute --set seeds=0 --seeds 1",
            "mfta compute --set epochs=1:30",
            "mfta rerun layer_memorization --set network=vgg16 --dry-run",
            "mfta rerun layer_memorization --set train_per_class=131 --dry-run",
            "mfta rerun gradients --set permuted_fraction=0.001 --dry-run",
            "mfta compute --set epochs=[1",
            "mfta compute --set epochs=3 --set epochs=4",
            "mfta compute --seeds one",
            "mfta compute --seeds 2..0",
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
]
