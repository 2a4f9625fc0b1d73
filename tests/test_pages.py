"""Every word on every page comes from one function; what pages write of it is read back here."""

import ast
import dataclasses
import math
import re
from pathlib import Path

import jupytext
import myst_nb
import numpy as np
import pandas as pd
import pytest
import seaborn
from in_sight import functions
from test_claims import FEATURES_FIRST, MEMORIZED_LATE, gradients, layers, rewound, scan
from test_stored import keep

from mfta import claims, configs, notebook, paper, stored, wording
from mfta import store as files
from mfta.figures.forest import forest
from mfta.judge import find, judge

ROOT = Path(__file__).parents[1]
WORD = re.compile(f"[{''.join(wording.MARKS.values())}]\N{NO-BREAK SPACE}([a-z ]+?)(?=[:;<(]| with|$)")


@pytest.fixture
def store():
    """Made-up tables: most claims hold on quick; small has two arms, and one seed of rewinding."""
    keep("layer_memorization", layers(**FEATURES_FIRST, **MEMORIZED_LATE).assign(epoch=9))
    keep("rewinding", rewound(few=0.3))
    keep("gradients", gradients())
    keep("layer_memorization", layers().assign(epoch=9), preset="small", batch_norm=True)
    keep("layer_memorization", layers(**MEMORIZED_LATE).assign(epoch=9), preset="small")
    keep("rewinding", rewound(seeds=(1,)), preset="small")
    keep("gradients", gradients(permuted=0.9), preset="full")
    keep("gradients", gradients(), preset="full", batch_norm=True)


class Page:
    """The code cells of a notebook, run without a kernel: what they glue, offer and answer."""

    def __init__(self, name, monkeypatch, tmp_path):
        self.glued, self.html = {}, []
        monkeypatch.setattr(myst_nb, "glue", lambda key, text, display: self.glued.update({key: text}))
        monkeypatch.setattr(notebook, "beside", lambda name, write: files.write(tmp_path / name, write))
        monkeypatch.setattr(seaborn, "lineplot", lambda *given, **line: None)  # made-up tables have no curves
        monkeypatch.setattr(claims, "display", lambda figure: None)
        self.space = space = {}
        for cell in jupytext.read(ROOT / "notebooks" / f"{name}.md").cells:
            lines = ast.parse(cell.source).body if cell.cell_type == "code" else []
            last = lines.pop() if lines and isinstance(lines[-1], ast.Expr) else None
            exec(compile(ast.Module(lines, []), name, "exec"), space)
            answer = eval(compile(ast.Expression(last.value), name, "eval"), space) if last else None
            self.html += [answer.data] if hasattr(answer, "data") else []


def test_every_page_has_the_words_of_the_one_judge(store, monkeypatch, tmp_path):
    page = Page("verdicts", monkeypatch, tmp_path)
    judged = claims.judged()
    assert {name for of in judged.values() for name in of} == {
        "quick, no batch norm",
        *("small, batch norm", "small, no batch norm"), *("full, batch norm", "full, no batch norm"),
    }  # fmt: skip
    assert [judged[key]["quick, no batch norm"].word for key in ("C1", "C2", "C3", "C4", "C6")] == [
        "reproduced", "reproduced", "reproduced", "partly", "reproduced",
    ]  # fmt: skip
    front = (ROOT / "book" / "index.md").read_text()
    quoted = set(re.findall(r"verdicts\.ipynb::(\w+):", front))
    assert {f"{key}_{preset}" for key in judged for preset in ("quick", "small", "full")} <= quoted <= set(page.glued)
    download = pd.read_csv(tmp_path / "verdicts.csv")
    glance = page.space["glance"]
    for key, of in judged.items():
        shown = next(text for text in page.html if f"{key}: every rule" in text)
        for name, verdict in of.items():
            rows = download[(download["claim"] == key) & (download["stored"] == name)]
            assert set(rows["verdict"]) == {verdict.word}
            assert f"{verdict.word} at {name} (" in page.glued[key]
            assert verdict.word in WORD.findall(page.glued[f"{key}_{name.split(', ')[0]}"])
            assert glance.loc[key, name] == wording.marked(verdict)
            item = next(i for i in shown.split("<li>") if i.startswith(f"<strong>{name}</strong>"))
            assert WORD.findall(item) == [verdict.word]
    assert re.sub(r": [^(;]*\]", "", page.glued["C6_full"]) == (
        "✗\N{NO-BREAK SPACE}not reproduced (no batch norm), not below 0.25;"
        " ✓\N{NO-BREAK SPACE}reproduced (batch norm)"
    )
    short = {preset: page.glued[f"short_{preset}"] for preset in ("quick", "small", "full", "paper")}
    assert re.match(r"it came out in part that rewinding .*\(C4\); it came out that .*\(C1\), .* and", short["quick"])
    assert re.search(r"it came out with .* \(the other network: not reproduced\) that .*\(C2\)", short["small"])
    assert short["paper"] == "nothing is computed yet"
    for name in ("full, batch norm", "full, no batch norm"):
        found = next(found for found in judged["C6"][name].findings if found.rule.role == "core")
        assert f": {wording.value(found)} ({name.removeprefix('full, ')})" in page.glued["C6_full"]
    expected = page.space["came_out"](judged).set_index(["preset and arm", "what"])["came out"]
    assert "not reproduced" in expected.loc["full, no batch norm"].filter(like="C6").item()


def test_a_section_shows_its_own_run_beside_what_is_stored_and_once(store, monkeypatch):
    monkeypatch.setattr(claims, "display", lambda figure: None)
    same = stored.arms("gradients")["quick, no batch norm"].sample(frac=1, random_state=0)
    assert "this run" not in claims.show("C6", same).data
    other = claims.show("C6", gradients(permuted=0.5)).data
    assert WORD.findall(other)[0] == "not reproduced"
    assert other.index("this run") < other.index("quick")
    assert "No table of it is stored so far" in claims.show("C5").data


def test_further_rules_are_noted_and_change_no_word():
    key = claims.claim("C2")
    more = {"unpermuted__capacity__last__final": 1.8}
    verdict = judge(key, layers(**MEMORIZED_LATE, **more))
    assert verdict.word == "reproduced"
    assert wording.note(verdict) == "further rules against: ‘over unpermuted’"
    unsettled = dataclasses.replace(verdict.findings[-1], standing="undecided", seeds=1)
    verdict = dataclasses.replace(verdict, findings=(*verdict.findings, unsettled), why="a reason")
    said = "a reason; further rules against: ‘over unpermuted’; further rules undecided: ‘over unpermuted’"
    assert wording.note(verdict) == said
    assert wording.seeds(verdict) == "3 seeds"  # the most of any rule


def test_numbers_are_written_in_the_units_of_their_rule():
    rules = {rule.key: rule for claim in claims.CLAIMS for rule in claim.rules}
    assert wording.bound(rules["radius"]) == "below × 0.98"  # of C5, the later one
    assert wording.bound(rules["floor"]) == "× 0.90 to × 1.10"
    assert wording.bound(rules["exponent"]) == "−0.6 to −0.4"
    assert wording.bound(rules["number"]) == "shown"
    table = gradients(permuted=0.0)
    found = find(rules["floor"], table)
    assert wording.value(found) == "× 1.00 [1.00, 1.01]"  # seeds that agree: half a unit, a hundredth
    assert wording.number(math.log(0.9002), rules["floor"]) == "× 0.9002"  # not × 0.90, its bound
    assert wording.number(math.log(0.9), rules["floor"]) == "× 0.90"
    assert wording.number(0.4996, rules["few"]) == "0.4996"
    one = claims.find(rules["epochs 1 and 2"], gradients(seeds=(1,)))
    assert wording.value(one) == "× 0.30 (one seed)"
    row = wording.one_row(one)
    assert row["value"] == pytest.approx(0.3)
    assert row["below"] == pytest.approx(0.5)
    assert math.isnan(row["above"])


@pytest.mark.parametrize("word", wording.MARKS)
def test_every_word_of_the_judge_has_its_colour(word):
    style = (ROOT / "book" / "_static" / "custom.css").read_text(encoding="utf-8")
    assert re.search(rf"\.verdict\.{wording.classes(word)}(?=[,) ])", style)


def test_the_papers_values_are_those_of_its_figures():
    found = claims.papers(claims.claim("C2"))
    figure = paper.figure3()
    last_six = figure["depth"] > 19 - 6  # of the 19 layers after the input
    rows = figure[last_six & (figure["measure"] == "dimension") & (figure["examples"] == "permuted")]
    by = rows.pivot_table(index="depth", columns="stage", values="value")
    assert found["dimension"].value == pytest.approx((by["last"] / by["best"]).map(math.log).mean())
    assert "memorized" not in found
    assert claims.papers(claims.claim("C5"))["dip"].value > 0
    assert claims.papers(claims.claim("C4")) == {}


def test_the_paper_has_its_own_claims_and_not_their_opposite():
    for key in ("C2", "C3", "C5"):
        found = claims.papers(claims.claim(key)).values()
        core = [finding for finding in found if finding.rule.role == "core"]
        assert core
        assert all(finding.mean_is_inside for finding in core), key


def test_the_plot_has_a_row_a_rule_with_its_bound_the_paper_and_every_arm(store):
    key = claims.claim("C2")
    of, theirs = claims.judged(["C2"])["C2"], claims.papers(key)
    figure = forest(key, of, theirs)
    assert [axes.get_title("left") for axes in figure.axes] == [f"{rule.key} ({rule.role})" for rule in key.rules]
    radius = figure.axes[1]
    assert radius.get_title("right") == "below × 0.90"
    markers = [line for line in radius.lines if line.get_marker() in ("o", "s")]
    values = [next(f.value for f in v.findings if f.rule.key == "radius") for v in of.values()]
    assert [line.get_xdata()[0] for line in markers] == pytest.approx(values)
    assert [line.get_marker() for line in markers] == ["s", "s", "o"]
    assert [line.get_markerfacecolor() == "white" for line in markers] == [False, False, True]
    low, high = radius.get_xlim()
    assert low < min(values) < max(values) < high
    edges = [line.get_xdata()[0] for line in radius.lines if len(set(line.get_xdata())) == 1]
    assert math.log(0.9) in edges
    assert theirs["radius"].value in edges


@pytest.mark.parametrize("claim", claims.CLAIMS, ids=lambda claim: claim.key)
def test_a_plot_is_drawn_of_anything(claim):
    """Of nothing, of one seed, and of an interval far wider than the scale, which ends in arrows."""
    table = {"layer_memorization": layers(noise=0.5), "rewinding": rewound(), "double_descent": scan(),
             "gradients": gradients()}[claim.section]  # fmt: skip
    for seeds in ((), (1,), (1, 2)):
        verdict = judge(claim, table[table["seed"].isin(seeds)])
        figure = forest(claim, {"small": verdict} if seeds else {}, {})
        figure.canvas.draw()
        assert np.isfinite([axes.get_xlim() for axes in figure.axes]).all()


def test_predictions_are_compared_with_what_came_out():
    came_out = functions("verdicts").came_out
    assert set(came_out({})["came out"]) == {"–"}
    rows = []
    for seed in (1, 2, 3):
        for stage, test, permuted in (("best", 0.25, 0.03), ("last", 0.20, 1.0)):
            row = {"seed": seed, "stage": stage, "layer": np.nan}
            rows += [{**row, "examples": "test", "accuracy": test + seed / 1000}]
            rows += [{**row, "examples": "permuted", "accuracy": permuted}]
    keep("layer_memorization", pd.concat([layers(**MEMORIZED_LATE), pd.DataFrame(rows)]), preset="full")
    said = came_out(claims.judged(presets=["full"]))
    said = said[said["preset and arm"] == "full, no batch norm"].set_index("what")
    assert said.loc["test accuracy at its best", "expected"] == "0.23 to 0.27"
    assert said.loc["test accuracy at its best", "right?"] == "as expected"
    assert said.loc["test accuracy at the end", "right?"] == "not so"
    assert said.loc["test accuracy at the end", "came out"].startswith("0.202 [")
    c2 = said.filter(like="C2: ", axis=0).iloc[0]
    assert (c2["expected"], c2["right?"]) == ("reproduced", "as expected")


def test_the_first_edition_is_kept_beside_the_second():
    kept = functions("verdicts").editions(claims.judged())
    assert list(kept.index) == [claim.key for claim in claims.CLAIMS]
    assert set(kept["small, now"]) == {wording.marked(None)}
    assert kept.loc["C4", "small, first"].endswith("not reproduced")
    assert kept["why the rules were changed"].str.len().min() > 40
    assert configs.PRESETS[:2] == ("quick", "small")
