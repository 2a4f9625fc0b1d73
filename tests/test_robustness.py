"""Tables of other parameters: told apart by what they set otherwise, and set beside the preset's interval."""

import itertools
import os
import re
import subprocess
from pathlib import Path

import pytest
from in_sight import functions
from made_up import memorization, rewinding
from test_claims import gradients as made_gradients
from test_stored import keep

from mfta import sections, stored
from mfta.options import parse_overrides
from mfta.wording import MARKS, html

robustness = functions("robustness")
SCRIPT = Path(__file__).parents[1] / "workflow" / "robustness.sh"


def test_variations_are_told_apart_by_what_is_set_otherwise():
    keep("layer_memorization", memorization(seeds=2))
    keep("layer_memorization", memorization(seeds=1), batch_norm=True)
    keep("rewinding", rewinding(seeds=1), batch_norm=True)
    keep("layer_memorization", memorization(seeds=3), permuted_fraction=0.25, points=20)
    found = stored.variations("quick")
    assert list(found) == [(), ("batch_norm True",), ("permuted_fraction 0.25", "points 20")]
    assert found[()]["layer_memorization"]["seed"].nunique() == 2
    assert sorted(found["batch_norm True",]) == ["layer_memorization", "rewinding"]
    assert robustness.named(("permuted_fraction 0.25", "points 20")) == "permuted fraction 0.25, points 20"
    assert stored.variations("small") == {(): {}}


@pytest.mark.parametrize("own_first", [True, False])
def test_other_epochs_are_no_variation_and_the_presets_own_count(own_first):
    tables = [(rewinding(seeds=1, final=3), {}), (rewinding(seeds=2, final=4), {"rewound_to": (0,)})]
    for table, given in tables if own_first else reversed(tables):
        keep("rewinding", table, **given)
    found = stored.variations("quick")
    assert list(found) == [()]
    of = found[()]["rewinding"]
    assert list(of.loc[of["seed"] == 0, "accuracy"]) == list(tables[0][0]["accuracy"])
    assert set(of["seed"]) == {0, 1}


def test_an_effect_is_inside_or_outside_of_the_presets_interval_and_has_no_word():
    keep("gradients", made_gradients())
    keep("gradients", made_gradients(seeds=(2,)), permuted_fraction=0.25)
    keep("gradients", made_gradients(seeds=(2,), growth=9.0), augment=True)
    keep("gradients", made_gradients(growth=9.0), augment=True, momentum=0.5)
    found = robustness.findings(stored.variations("quick"))
    effects = robustness.effects(found, "C6")
    growth = effects.filter(like="growth (further, above × 1.10)").squeeze()
    assert growth["as the preset says"].startswith("× 3.00 [")
    assert growth["permuted fraction 0.25"] == "× 3.00 (one seed): inside"
    assert growth["augmentation"] == "× 9.00 (one seed): outside"
    assert re.fullmatch(r"× 9.00 \[8.\d\d, 9.\d\d\]: outside", growth["augmentation, momentum 0.5"])
    text = html(effects).data + html(robustness.at_a_glance(found)).data
    assert not any(mark in text.replace("–", "") for mark in MARKS.values() if mark != "–")
    glance = robustness.at_a_glance(found)
    rules = int(glance.loc["augmentation", "C6"].split()[-1])
    assert glance.loc["augmentation", "C6"] == f"{rules - 1} of {rules}"
    assert glance["C1"].isna().all()
    tidy = robustness.tidy(found)
    assert set(tidy.loc[(tidy["rule"] == "growth"), "beside"]) == {"", "inside", "outside"}
    assert set(tidy["variation"]) == set(effects.index)


def test_beside_one_seed_of_the_preset_nothing_is_inside():
    keep("gradients", made_gradients(seeds=(1,)))
    keep("gradients", made_gradients(seeds=(2,)), augment=True)
    glance = robustness.at_a_glance(robustness.findings(stored.variations("quick")))
    assert glance.loc["augmentation", "C6"] == "–"


def test_nothing_stored_makes_an_empty_page():
    found = stored.variations("paper")
    none = robustness.findings(found)
    assert robustness.at_a_glance(none).isna().all(axis=None)
    assert robustness.ratios(found) == {}
    for shown in (robustness.at_a_glance(none), robustness.effects(none, "C2")):
        assert "<table" in html(shown).data


def test_the_ratio_of_every_variation_is_that_of_its_own_tables():
    keep("layer_memorization", memorization(seeds=2))
    keep("layer_memorization", memorization(seeds=2), batch_norm=True)
    ratios = robustness.ratios(stored.variations("quick"))
    assert list(ratios) == ["as the preset says", "batch norm"]
    table = memorization(seeds=2).query("examples == 'permuted' and depth == 1 and seed == 1").set_index("stage")
    assert ratios["batch norm"].loc[1, 1] == table.capacity["last"] / table.capacity["best"]


def test_every_step_of_the_script_is_a_config_of_the_small_preset(tmp_path):
    """An interpreter that writes down what it is called with, instead of hours of computing."""
    stub, log = tmp_path / "python", tmp_path / "log"
    stub.write_text(f'#!/bin/sh\necho "$@" >> {log}\n')
    stub.chmod(0o755)
    subprocess.run(["bash", str(SCRIPT), "small", "0"], env={**os.environ, "PYTHON": str(stub)}, check=True)
    calls = [line.split() for line in log.read_text().splitlines()]
    fingerprints = set()
    for _, module, command, section, *rest in calls:
        assert (module, command) == ("mfta.cli", "compute")
        given = [value for option, value in itertools.pairwise(rest) if option == "--set"]
        assert rest[-4:] == ["--preset", "small", "--seeds", "0"]
        (config,) = sections.grid(section, "small", [0], **parse_overrides(given))
        assert config != sections.config(section, "small", seed=0)
        fingerprints.add(config.fingerprint)
    assert len(fingerprints) == len(calls) > 10
