"""Bad input of every kind is refused before anything starts, by one line that names it and what to do."""

from pathlib import Path

import numpy as np
import pytest
from torchvision import datasets
from typer.testing import CliRunner

import mfta
from mfta import data, notebook, pages, training
from mfta.cli import app
from mfta.errors import MftaError

NOTEBOOK = (Path(__file__).parents[1] / "notebooks" / "layer_memorization.md").read_text()
TAG = ":tags: [parameters]"
X = np.random.default_rng(0).normal(size=(5, 30, 10))
CALLS = {
    "mfta.compute('layer_memorisation')": "Did you mean 'layer_memorization'? The sections: ",
    "mfta.compute('rewinding', preset='quik')": "there is no preset 'quik'. Did you mean 'quick'?",
    "mfta.compute('rewinding', epoch=3)": "rewinding has no parameter 'epoch'. Did you mean 'epochs'? Its",
    "mfta.compute('rewinding', epochs='three')": "rewinding: epochs = 'three' is refused: input should be a valid",
    "mfta.compute('rewinding', epochs=2.5)": "epochs = 2.5 is refused: input should be a valid integer",
    "mfta.compute('rewinding', epochs=True)": "epochs = True is refused: input should be a valid integer",
    "mfta.compute('rewinding', epochs=0)": "epochs = 0 is refused: input should be greater than or equal to 1",
    "mfta.compute('rewinding', permuted_fraction=1.2)": "= 1.2 is refused: input should be less than or equal to 1",
    "mfta.compute('rewinding', permuted_fraction=float('nan'))": "= nan is refused: input should be a finite number",
    "mfta.compute('rewinding', dataset='cifar10')": "should be 'digits' or 'cifar100'. Did you mean 'cifar100'?",
    "mfta.compute('rewinding', dataset=10)": "dataset = 10 is refused: input should be 'digits' or 'cifar100'",
    "mfta.compute('gradients', network='convnet_front')": "refused: some of its layers learn nothing; take another",
    "mfta.compute('rewinding', network='vgg')": "'convnet_front' or 'vgg16_front'. Did you mean 'vgg16'?",
    "mfta.compute('rewinding', schedule='cosin')": "should be 'constant' or 'cosine'. Did you mean 'cosine'?",
    "mfta.compute('rewinding', optimizer='sdg')": "should be 'sgd' or 'adam'. Did you mean 'sgd'?",
    "mfta.compute('rewinding', kappa=-1.0)": "kappa = -1.0 is refused: input should be greater than or equal to 0",
    "mfta.compute('rewinding', points=1)": "points = 1 is refused: input should be greater than or equal to 2",
    "mfta.compute('rewinding', points=99)": "points = 99 is more than the 65 unpermuted examples a class has; set",
    "mfta.compute('rewinding', checkpoints='1,2')": "'1,2' is refused: input should be a list, [1, 2] say",
    "mfta.compute('rewinding', rewound_to=(4,))": "rewound_to [4] are not among the checkpoints; add them there",
    "mfta.compute('gradients', head_scales=(0.0, 1.0))": "head_scales = 0.0 is refused: input should be greater",
    "mfta.compute('rewinding', seeds='one')": "seeds = 'one' is refused: write 0..2 or 0,1,2",
    "mfta.compute('rewinding', seeds=[2**64])": "is refused: give 2147483647 or less",
    "mfta.compute('rewinding', batch_size=10**20)": "batch_size = 100000000000000000000 is refused: give 2147483647",
    "mfta.compute('rewinding', checkpoints=[1, 10**20], epochs=10**21)": "is refused: give 2147483647 or less",
    "mfta.compute('rewinding', threads=10**6)": "threads = 1000000 is refused: input should be less than or equal to",
    "mfta.compute('rewinding', width=10**8)": "width = 100000000 is refused: input should be less than or equal to",
    "mfta.compute('rewinding', kappa=1e160)": "kappa = 1e+160 is refused: input should be less than or equal to 100",
    "mfta.compute('rewinding', seeds=[])": "seeds = [] is refused: give a list of integers",
    "mfta.compute('rewinding', seeds=[0.5])": "seeds = [0.5] is refused: give a list of integers",
    "mfta.compute('rewinding', seeds=[-1])": "seeds = [-1] is refused: give a list of integers",
    "mfta.compute('rewinding', seeds=[0, 0])": "seeds = [0, 0] is refused: it lists one twice; give each once",
    "mfta.compute('rewinding', seed=0)": "rewinding has no parameter 'seed'. Did you mean 'seeds'?",
    "mfta.compute('rewinding', threads=0)": "threads = 0 is refused: input should be greater than or equal to 1",
    "mfta.compute('rewinding', epochs='none')": "epochs = None is refused: input should be a valid integer",
    "mfta.compute('rewinding', learning_rate='1e400')": "learning_rate = inf is refused: input should be a finite",
    "mfta.compute('rewinding', test_per_class=45)": "= 45 is refused: the smallest class of digits has 44; give that",
    "mfta.compute('rewinding', network='vgg16')": "'vgg16' is refused: images of 8×8 are too small for vgg16",
    "mfta.compute('rewinding', network='densenet121', hidden=0, batch_norm=False)": "batch_norm = False is",
    "mfta.compute('double_descent', network='densenet121', widths=[3])": "width = 3 is refused for densenet121: give",
    "mfta.compute('rewinding', hidden=2, network='resnet18')": "hidden = 2 is refused for resnet18, which has no",
    "mfta.compute('gradients', permuted_fraction=1)": "permuted_fraction = 1.0 is refused: of 130 images a class",
    "mfta.run('rewindings')": "there is no section 'rewindings'. Did you mean 'rewinding'?",
    "mfta.run('rewinding', seed=-1)": "seeds = [-1] is refused",
    "mfta.data.load('digits', train_per_class=500)": "500 digits training images a class, but the smallest class",
    "notebook.parameters('rewinding', {'nn': 3})": "the notebook has no parameter 'nn'. Its parameters: ",
    "notebook.parameters('rewinding', {'epochs': 'abc'})": "epochs = 'abc' is refused: input should be a valid",
    "notebook.parameters('rewinding', {'preset': None, 'seeds': '0;1'})": "seeds = '0;1' is refused: write 0..2",
    "mfta.analyze(np.full((5, 30, 10), np.nan))": "manifold 0 holds NaN or infinity; remove those points",
    "mfta.analyze(np.ones((30, 10)))": "manifolds has shape (30, 10); expected (manifolds, features, points)",
    "mfta.analyze(np.ones((1, 30, 10)))": "1 manifold(s) given; at least 2 are needed",
    "mfta.analyze([np.ones((30, 10)), np.ones((20, 10))])": "manifold 1 has 20 features, manifold 0 has 30; expected",
    "mfta.analyze([np.ones((30, 0)), np.ones((30, 10))])": "manifold 0 is empty: shape (30, 0); leave it out",
    "mfta.analyze([['a', 'b'], ['c', 'd']])": "manifold 0 has shape (2,); expected (features, points)",
    "mfta.analyze(np.ones((5, 30, 10)))": "manifold 0 has its center at the mean of all points",
    "mfta.analyze(X * 1j)": "manifold 0 has dtype complex128; expected real numbers",
    "mfta.analyze(X, kappa=-1)": "kappa is -1; the margin must be finite and 0 or more",
    "mfta.analyze(X, n_draws=1)": "n_draws is 1; expected a whole number, 2 or more",
    "mfta.analyze(X, n_draws=2.5)": "n_draws is 2.5; expected a whole number, 2 or more",
    "mfta.analyze(X, seed=-1)": "seed is -1; expected a whole number, 0 or more",
    "mfta.simulated_capacity(np.full((5, 30, 10), np.inf))": "the points hold NaN or infinity; remove those points",
    "mfta.simulated_capacity(X, n_dichotomies=2)": "n_dichotomies is 2; expected a whole number, 4 or more",
    "mfta.simulated_capacity(X, dichotomies='half')": "dichotomies",
    "mfta.exact.orthogonal_capacity(2.5)": "2.5",
    "mfta.effective_geometry(X, np.zeros(30))": "labels",
    "mfta.effective_geometry(X * 0)": "manifold",
    "mfta.manifolds.balls(5, 30, 10, radius=1.0, dimension=31)": "31 half-axes given; expected 1 to 30 of them",
    "mfta.exact.segment_capacity(-1.0)": "radius is -1.0; expected a finite number, 0 or more",
}
COMMANDS = {
    "compute layer_memorisation": "there is no section 'layer_memorisation'. Did you mean 'layer_memorization'?",
    "rerun --set drawz=3": "has no parameter 'drawz'. Did you mean 'draws'?",
    "rerun --preset quik": "there is no preset 'quik'. Did you mean 'quick'?",
    "compute --set epochs": "--set 'epochs' is refused: write name=value",
    "compute --set preset=small": "--set 'preset=small' is refused: write --preset small",
    "compute --set seeds=0 --seeds 1": "--set seeds and --seeds are both given: give one of them",
    "compute --set epochs=1:30": "epochs=1:30' is refused: '1:30' is not a YAML value",
    "rerun rewinding --set network=vgg16 --dry-run": "'vgg16' is refused: images of 8×8 are too small for vgg16",
    "rerun rewinding --set train_per_class=131 --dry-run": "= 131 is refused: the smallest class of digits has 130",
    "rerun gradients --set permuted_fraction=0.001 --dry-run": "= 0.001 is refused: of 130 images a class at least",
    "compute --set epochs=[1": "--set 'epochs=[1' is refused: '[1' is not a YAML value",
    "compute --set epochs=3 --set epochs=4": "--set gives epochs twice: give it once",
    "compute --seeds one": "--seeds 'one' is refused: write 0..2 or 0,1,2",
    "compute --seeds 2..0": "--seeds '2..0' is refused: write 0..2 or 0,1,2",
    "data imagenet": "'imagenet' has no files to fetch; only cifar100 has",
}
NOTEBOOKS = [
    (lambda text: text.replace(TAG, ""), "page", {}, "page.md' has 0 cells with the tag `parameters`: tag the one"),
    (lambda text: f"{text}\n```{{code-cell}} ipython3\n{TAG}\n\nepochs = 3\n```\n", "page", {},
     "page.md' has 2 cells with the tag `parameters`: tag the one"),
    (lambda text: text, "pages", {}, "pages.md'. Did you mean 'page'? The notebooks: page"),
    (lambda text: text, "page", {"draw": 3}, "page.md' has no parameter 'draw'. Did you mean 'draws'?"),
]  # fmt: skip
CIFAR = [
    (
        lambda root: None,
        "is not complete or not as published (train, test, meta): remove it and run `mfta data",
    ),
    (lambda root: (root / "train").write_bytes(b"cut"), "is not complete or not as published (train, test, meta)"),
    (
        Path.rmdir,
        "could not be downloaded (no network): put the official folder cifar-100-python there, or set",
    ),
]


@pytest.fixture(autouse=True)
def nothing_may_start(monkeypatch, tmp_path):
    def no_network(*_arguments, **_options):
        raise OSError("no network")

    monkeypatch.setattr(training, "run", None)
    monkeypatch.setattr(datasets.CIFAR100, "download", no_network)
    monkeypatch.delenv("MFTA_DATA", raising=False)
    monkeypatch.chdir(tmp_path)


def one_line(act):
    with pytest.raises((MftaError, mfta.GeometryError)) as refusal:
        act()
    assert "\n" not in str(refusal.value)
    return str(refusal.value)


@pytest.mark.parametrize(("text", "says"), CALLS.items())
def test_a_call(text, says):
    assert says in one_line(lambda: eval(text, {"mfta": mfta, "np": np, "notebook": notebook, "X": X}))


@pytest.mark.parametrize(("line", "says"), COMMANDS.items())
def test_a_command(line, says):
    answer = CliRunner().invoke(app, line.split())
    assert answer.exit_code == 2
    assert answer.stderr.count("\n") == 1
    assert says in answer.stderr


@pytest.mark.parametrize(("change", "name", "given", "says"), NOTEBOOKS)
def test_a_notebook(change, name, given, says, tmp_path):
    path = tmp_path / "notebooks" / "page.md"
    path.parent.mkdir()
    (tmp_path / "pyproject.toml").write_text("")
    path.write_text(change(NOTEBOOK))
    assert says in one_line(lambda: pages.execute(name, given))


@pytest.mark.parametrize(("prepare", "says"), CIFAR)
def test_files_of_cifar100(prepare, says, tmp_path):
    root = tmp_path / "data" / "cifar-100-python"
    root.mkdir(parents=True)
    prepare(root)
    assert says in one_line(data.cifar100)
