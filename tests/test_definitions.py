"""A table knows which definitions made it: a changed number or loop is seen and named, what makes none is not."""

import multiprocessing
import shutil
import sys
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "mfta"
NETWORKS = {"convnet": "rewinding", "cnn5": "double_descent", "vgg16": "layer_memorization"}


def described(folder, answer):
    """What a process that knows no other copy of the package sends of the one in ``folder``."""
    sys.path.insert(0, str(folder))
    for name in [name for name in sys.modules if name.partition(".")[0] == "mfta"]:
        del sys.modules[name]
    from mfta import definitions, sections, training

    assert Path(definitions.__file__).is_relative_to(folder)
    out = {}
    for network, section in NETWORKS.items():
        dataset = "cifar100" if network == "vgg16" else "digits"
        config = sections.section_model(section)(network=network, dataset=dataset).model_dump()
        out[network] = definitions.of(config, sections.computing(section))
    theory = sections.section_model("capacity_theory")().model_dump()
    out["theory"] = definitions.of(theory, sections.computing("capacity_theory"))
    answer.send(out | {"run": definitions.of(config, training.run)})


def report(folder):
    """By network, the definitions behind a table; those behind a run. Forked, as PyTorch takes seconds to import."""
    context = multiprocessing.get_context("fork")
    answer, end = context.Pipe(duplex=False)
    process = context.Process(target=described, args=(folder, end))
    process.start()
    end.close()
    found = answer.recv()
    process.join()
    return found


@pytest.fixture(scope="module")
def before():
    return report(PACKAGE.parent)


@pytest.fixture
def copy(tmp_path):
    shutil.copytree(PACKAGE, tmp_path / "mfta", ignore=shutil.ignore_patterns("digitised"))
    return tmp_path


def edit(folder, name, old, new):
    path = folder / "mfta" / name
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))


def names(before, after):
    from mfta import definitions

    return {key: definitions.changed(before[key], after[key]) for key in before}


def test_a_new_network_a_comment_a_docstring_and_a_message_leave_all_tables_sound(before, copy):
    edit(copy, "networks.py", '    "cnn5": ', '    "toy": _plain("toy", 8, 0, [[1, "P"], [2]]),\n    "cnn5": ')
    edit(copy, "labels.py", '    """Permute the labels of', '    # A comment.\n    """Do permute the labels of')
    edit(copy, "labels.py", "lies outside [0, 1]", "is not in [0, 1]")
    edit(copy, "store.py", "import errno", "import errno\n\nNEW = 1")
    assert set(map(tuple, names(before, report(copy)).values())) == {()}


def test_a_function_moved_to_another_module_leaves_all_tables_sound(before, copy):
    path = copy / "mfta" / "labels.py"
    text = path.read_text()
    start = text.index("def class_examples")
    moved = "import numpy as np\n\nfrom mfta.errors import ParameterError\nfrom mfta.streams import stream\n\n\n"
    (copy / "mfta" / "chosen.py").write_text(moved + text[start:])
    imported = text[:start].replace("from mfta.errors", "from mfta.chosen import class_examples\nfrom mfta.errors", 1)
    path.write_text(imported)
    assert set(map(tuple, names(before, report(copy)).values())) == {()}


def test_a_changed_constant_and_a_changed_loop_are_named(before, copy):
    edit(copy, "epoch.py", "EVALUATION_BATCH = 128", "EVALUATION_BATCH = 100")
    edit(copy, "labels.py", "for j in range(blocks):", "for j in reversed(range(blocks)):")
    found = names(before, report(copy))
    assert all(changes == ["EVALUATION_BATCH changed", "permute changed"] for changes in found.values())


def test_a_default_a_decorator_and_the_first_of_two_statements_of_a_name_count(before, copy):
    edit(copy, "epoch.py", "    seed: int = 0,\n", "    seed: int = 1,\n")  # of evaluate
    edit(copy, "epoch.py", "@torch.no_grad()\n", "@torch.enable_grad()\n")  # of predict
    edit(copy, "geometry/exact.py", "leggauss(64)", "leggauss(32)")  # what the next line goes on from
    found = names(before, report(copy))
    assert found["run"] == found["convnet"] == ["evaluate changed", "predict changed"]
    assert set(found["theory"]) == {"NODES changed", "WEIGHTS changed", "evaluate changed", "predict changed"}


def test_only_what_a_table_reaches_counts(before, copy):
    edit(copy, "data.py", "DIGITS_TRAIN_PER_CLASS = 130", "DIGITS_TRAIN_PER_CLASS = 120")
    edit(copy, "activations.py", "MEMORY = 2**31", "MEMORY = 2**30")
    found = names(before, report(copy))
    digits = "DIGITS_TRAIN_PER_CLASS changed"
    assert found["convnet"] == found["cnn5"] == [digits, "MEMORY changed"]
    assert found["vgg16"] == ["MEMORY changed"]  # of CIFAR-100
    assert found["run"] == []


def test_a_network_that_is_built_otherwise_is_named_and_no_other(before, copy):
    edit(copy, "networks.py", '0, [[1, "P"], [2, "P"]', '0, [[1, 1, "P"], [2, "P"]')
    found = names(before, report(copy))
    assert found["cnn5"] == ["network cnn5 changed"]
    assert found["convnet"] == found["vgg16"] == []


def test_weights_drawn_otherwise_are_named(before, copy):
    edit(copy, "networks.py", "std=0.01", "std=0.02")
    assert all(changes == ["initialize changed"] for changes in names(before, report(copy)).values())


def test_a_method_counts_where_something_calls_it(before, copy):
    edit(copy, "training.py", "    def stages(self", "    def unused(self):\n        return 1\n\n    def stages(self")
    edit(copy, "training.py", '"initial": 0,', '"initial": 1,')
    found = names(before, report(copy))
    assert found["convnet"] == ["Run.stages changed"]
    assert found["run"] == []
