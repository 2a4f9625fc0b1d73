"""Every rule on both sides of its threshold, on tables made up for it."""

import math
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from made_up import MEMORIZE, RISE, double_descent, gradients, memorization, rewinding
from scipy import stats

from mfta import verdicts
from mfta.judging import interval, judge
from mfta.readout import dips
from mfta.readout.verdicts import paper_tables

ROOT = Path(__file__).parents[1]
CLAIMS = {claim.key: claim for claim in verdicts.CLAIMS}
AS_CLAIMED = {
    "layer_memorization": memorization,
    "rewinding": rewinding,
    "double_descent": double_descent,
    "gradients": gradients,
}


def standings(verdict):
    return {finding.rule.key: finding.standing for finding in verdict.findings}


def with_factors(factors, name, values):
    return {**factors, name: values}


def late_permuted(*factors, **given):
    return memorization(late=with_factors(MEMORIZE, "permuted", factors), **given)


@pytest.mark.parametrize("claim", verdicts.CLAIMS, ids=lambda claim: claim.key)
def test_a_table_as_claimed_reproduces_the_claim(claim):
    verdict = judge(claim, AS_CLAIMED[claim.section]())
    assert set(standings(verdict).values()) == {"holds"}
    assert verdict.word == "reproduced"


@pytest.mark.parametrize("claim", verdicts.CLAIMS, ids=lambda claim: claim.key)
def test_one_seed_decides_nothing_and_has_no_interval(claim):
    verdict = judge(claim, AS_CLAIMED[claim.section](seeds=1))
    assert verdict.word == "undecided"
    assert verdict.why == "one seed has no interval"
    assert all(math.isnan(finding.low) and math.isnan(finding.high) for finding in verdict.findings)
    assert all(finding.leans for finding in verdict.findings)


@pytest.mark.parametrize("claim", verdicts.CLAIMS, ids=lambda claim: claim.key)
@pytest.mark.parametrize("table", [None, pd.DataFrame()], ids=["none", "empty"])
def test_no_table_is_no_test(claim, table):
    assert judge(claim, table).word == "not tested at this scale"


# claim, table, rule, its standing, the verdict
SIDES = [
    ("C1", memorization(with_factors(RISE, "permuted", (1.3, 1.6, 2.2))), "advantage", "against", "not reproduced"),
    ("C1", memorization(with_factors(RISE, "test", (1, 1, 1))), "advantage", "against", "not reproduced"),
    ("C1", memorization(with_factors(RISE, "test", (1, 1, 1.05))), "advantage", "undecided", "undecided"),
    ("C1", memorization(with_factors(RISE, "permuted", (1, 1.2, 1.3))), "permuted", "against", "partly"),
    ("C1", memorization(with_factors(RISE, "permuted", (1, 1.1, 1.2))), "permuted", "undecided", "partly"),
    ("C1", memorization(with_factors(RISE, "restored", (0.9, 1.5, 1.9))), "first layers", "against", "partly"),
    ("C2", memorization(radius=(1, 1, 1)), "radius", "against", "partly"),
    ("C2", memorization(radius=(1, 1, 0.91)), "radius", "undecided", "undecided"),
    ("C2", memorization(dimension=(1, 1, 0.95)), "dimension", "against", "partly"),
    ("C2", late_permuted(2.5, 2.5, 2.5), "depth", "against", "partly"),
    ("C2", late_permuted(1, 1, 1.15), "advantage", "against", "partly"),
    ("C2", late_permuted(1, 1, 1.1, radius=(1, 1, 1), dimension=(1, 1, 1)), "depth", "against", "not reproduced"),
    ("C2", memorization(accuracy=0.6), "memorized", "against", "not tested at this scale"),
    ("C3", late_permuted(1.3, 1.4, 2.5), "permuted", "against", "not reproduced"),
    ("C3", late_permuted(0.8, 1.4, 2.5), "permuted", "against", "not reproduced"),
    ("C3", late_permuted(1.1, 1.4, 2.5), "permuted", "undecided", "undecided"),
    ("C3", memorization(late=with_factors(MEMORIZE, "test", (0.5, 0.5, 0.5))), "true labels", "against", "partly"),
    ("C3", memorization(accuracy=0.6), "memorized", "against", "not tested at this scale"),
    ("C4", rewinding(final=5, first=2), "fewer", "against", "not reproduced"),
    ("C4", rewinding(final=2, first=1), "fewer", "against", "partly"),
    ("C4", rewinding(final=2, first=(1, 2, 3)), "fewer", "undecided", "undecided"),
    ("C4", rewinding(final=(5, 4, 3), first=(4, 5, 3)), "share", "against", "not reproduced"),
    ("C4", rewinding(final=3), "share", "against", "partly"),
    ("C4", rewinding(reestimated=(5, 2)), "re-estimated", "against", "partly"),
    ("C4", rewinding(gap=0), "gap", "undecided", "undecided"),
    ("C4", rewinding(gap=-0.1), "gap", "against", "not tested at this scale"),
    ("C4", rewinding(accuracy=0.5), "memorized", "against", "not tested at this scale"),
    ("C5", double_descent(dimension=(28, 26, 20, 22, 20)), "dimension", "against", "not reproduced"),
    ("C5", double_descent(dimension=(28, 26, 24, 22, 20)), "dimension", "undecided", "undecided"),
    ("C5", double_descent(radius=(1.4, 1.3, 1.9, 1.1, 1.0)), "not the radius", "against", "partly"),
    ("C5", double_descent(accuracy=(0.80, 0.82, 0.85, 0.90, 0.95)), "dip", "against", "not tested at this scale"),
    ("C5", double_descent(accuracy=(0.80, 0.85, 0.849, 0.90, 0.95)), "dip", "undecided", "undecided"),
    ("C6", gradients(initial=(0.8, 0.8, 0.8)), "small", "against", "not reproduced"),
    ("C6", gradients(initial=(0.5, 0.5, 0.5)), "small", "undecided", "undecided"),
    ("C6", gradients(initial=(0.1, 1.2, 0.1), last=(2, 2, 2)), "every layer", "against", "not reproduced"),
    ("C6", gradients(initial=(0.1, 0.2, 0.1), last=(0.05, 0.1, 0.1)), "growth", "against", "partly"),
    ("C6", gradients(exponent=-0.05), "images", "against", "partly"),
]  # fmt: skip


@pytest.mark.parametrize(("key", "table", "rule", "standing", "word"), SIDES)
def test_both_sides_of_every_rule(key, table, rule, standing, word):
    verdict = judge(CLAIMS[key], table)
    assert standings(verdict)[rule] == standing
    assert verdict.word == word
    says = next(finding.rule for finding in verdict.findings if finding.rule.key == rule)
    assert (says.says in verdict.why) == (says.role == "premise")


def test_every_rule_has_a_table_against_it():
    tried = {(key, rule) for key, _, rule, standing, _ in SIDES if standing == "against"}
    assert tried == {(claim.key, rule.key) for claim in verdicts.CLAIMS for rule in claim.rules}


def swapped(table):
    names = {"permuted": "unpermuted", "unpermuted": "permuted"}
    return table.assign(examples=table["examples"].replace(names))


def swappable(table):
    """The table with both sets learnt in the end, so that neither name fails the premise."""
    if "accuracy" not in table:
        return table
    return pd.concat([table, swapped(table[table["accuracy"].notna()])])


@pytest.mark.parametrize("key", ["C1", "C2", "C6"])
def test_swapping_permuted_and_unpermuted_rows_turns_the_verdict_over(key):
    table = swappable(AS_CLAIMED[CLAIMS[key].section]())
    assert judge(CLAIMS[key], table).word == "reproduced"
    assert judge(CLAIMS[key], swapped(table)).word == "not reproduced"


def test_swapping_permuted_and_unpermuted_rows_takes_full_marks_from_c3():
    """That early layers stay as they are has no opposite; that they serve true labels only has one."""
    levels = {"permuted": 0.04}
    table = swappable(memorization(levels=levels, early={**RISE, "unpermuted": RISE["test"]}))
    assert judge(CLAIMS["C3"], table).word == "reproduced"
    verdict = judge(CLAIMS["C3"], swapped(table))
    assert standings(verdict)["true labels"] == "against"
    assert verdict.word == "partly"


def test_swapping_first_and_last_layers_turns_c4_over():
    table = rewinding()
    turned = table.assign(rewound_from=table["rewound_from"].replace({"first": "last", "last": "first"}))
    assert judge(CLAIMS["C4"], turned).word == "not reproduced"


def test_swapping_rows_of_the_stored_cifar_table_turns_c1_over():
    """Each seed decides nothing by itself; the side on which the mean lies must change all the same."""
    path = next((ROOT / "results" / "small" / "layer_memorization").glob("*/table.csv"))
    table = swappable(pd.read_csv(path))
    straight, turned = (judge(CLAIMS["C1"], rows).findings for rows in (table, swapped(table)))
    assert straight[0].rule.role == "core"
    assert straight[0].leans
    assert not turned[0].leans


def test_the_papers_own_figure_is_as_the_paper_claims():
    """The rules, which were written for our tables, agree with the paper about the paper's."""
    figure = paper_tables()["layer_memorization"]
    accuracy = pd.DataFrame({"stage": ["last"], "examples": "permuted", "seed": 0, "accuracy": 1.0})
    seed = pd.concat([figure, accuracy])
    table = swappable(pd.concat([seed, seed.assign(seed=1)]))
    assert judge(CLAIMS["C2"], table).word == "reproduced"
    assert standings(judge(CLAIMS["C3"], table))["permuted"] == "holds"
    turned = judge(CLAIMS["C2"], swapped(table))
    assert {standings(turned)[rule] for rule in ("radius", "dimension", "advantage")} == {"against"}


def test_the_interval_is_students():
    by_seed = np.array([1.0, 2.0, 4.0])
    half = stats.t.ppf(0.975, 2) * by_seed.std(ddof=1) / math.sqrt(3)
    assert interval(by_seed) == pytest.approx((by_seed.mean() - half, by_seed.mean() + half))
    assert interval(np.array([2.0, 2.0])) == (2.0, 2.0)
    assert all(math.isnan(end) for end in interval(by_seed[:1]))


def test_a_rise_on_all_layers_is_measured_as_it_was_made():
    rises = dict.fromkeys(RISE, (1.21, 1.21, 1.21)) | {"permuted": (1.1, 1.1, 1.1)}
    finding = judge(CLAIMS["C1"], memorization(rises)).findings[0]
    assert math.exp(finding.value) == pytest.approx(1.1)
    assert finding.seeds == 3


def test_the_dip_is_found_between_its_peaks():
    curve = pd.Series([0.8, 0.85, 0.84, 0.7, 0.9, 0.95], index=[1, 2, 3, 4, 5, 6])
    assert dips.deepest(curve) == (2, 4, 6, 2)
    assert dips.deepest(pd.Series([1.0, 2.0, 3.0, 4.0])).before == 0
    with pytest.raises(ValueError, match="at least three widths"):
        dips.deepest(curve[:2])


def test_noise_alone_does_not_make_a_dip():
    """A seed's dip is looked for in the other seeds, so over many tables its mean has no bias."""
    generator = np.random.default_rng(0)
    depths = []
    for _ in range(200):
        table = double_descent(accuracy=(0.9,) * 5, seeds=3)
        noise = generator.normal(0, 0.01, len(table))
        depths.append(verdicts.descent.accuracy_dip(table.assign(accuracy=table["accuracy"] + noise)).mean())
    assert abs(np.mean(depths)) < 3 * np.std(depths) / math.sqrt(len(depths))
