"""Verdicts in words and tables: one way to write a number, an interval, a bound and a claim's outcome.

Effects of factors are logarithms inside and are written as factors, ``× 0.74``.
"""

import math
from collections.abc import Iterable, Mapping
from html import escape
from importlib import resources

import pandas as pd
from IPython.display import HTML

from mfta.configs import PRESETS, preset_values
from mfta.judge import Claim, Finding, Rule, Verdict
from mfta.stored import arm

MARKS = {
    "reproduced": "✓", "partly": "◐", "undecided": "?", "not reproduced": "✗", "not tested here": "–",
}  # fmt: skip
STANDINGS = ("holds", "against", "undecided", "inside", "outside")
Judged = Mapping[str, Mapping[str, Verdict]]
"""Verdicts by claim and by name of what is stored (:func:`mfta.claims.judged`)."""


def marked(verdict: Verdict | None) -> str:
    """``✓ reproduced``, with a space that does not break; None: nothing is stored."""
    word = verdict.word if verdict else "not tested here"
    return f"{MARKS[word]}\N{NO-BREAK SPACE}{word}"


def seeds(verdict: Verdict) -> str:
    """``3 seeds``, the most that any rule of it had."""
    most = max((finding.seeds for finding in verdict.findings), default=0)
    return "one seed" if most == 1 else f"{most} seeds"


def number(value: float, rule: Rule) -> str:
    """A value in the units of a rule: ``× 0.45``, ``−0.132`` or, of whole layers, ``4.3``."""
    if rule.factor:
        return f"× {math.exp(value):.2f}"
    return f"{value:.{1 if rule.unit >= 1 else 3}f}".replace("-", "−")


def value(finding: Finding) -> str:
    """``× 0.45 [0.42, 0.49]``, ``0.13 (one seed)`` or ``–`` where no seed has a value."""
    if math.isnan(finding.value):
        return "–"
    mean = number(finding.value, finding.rule)
    if math.isnan(finding.low):
        return f"{mean} (one seed)"
    low, high = (number(end, finding.rule).removeprefix("× ") for end in (finding.low, finding.high))
    return f"{mean} [{low}, {high}]"


def bound(rule: Rule) -> str:
    """``above × 1.10``, ``× 0.95 to × 1.05``, or ``shown`` where nothing is judged."""
    above, below = (
        None if end is None else f"× {math.exp(end):.2f}" if rule.factor else f"{end:.3g}".replace("-", "−")
        for end in (rule.above, rule.below)
    )  # fmt: skip
    if above and below:
        return f"{above} to {below}"
    return f"above {above}" if above else f"below {below}" if below else "shown"


def same(one: Verdict, other: Verdict) -> bool:
    """Whether two verdicts say the same, number by number."""
    said = [[(f.rule.key, f.seeds, f"{f.value:.6g}", f"{f.low:.6g}") for f in v.findings] for v in (one, other)]
    return one.word == other.word and said[0] == said[1]


def note(verdict: Verdict) -> str:
    """Why there is no word, and which further rules do not hold."""
    said = [verdict.why] if verdict.why else []
    for standing in ("against", "undecided"):
        further = [f.rule.key for f in verdict.findings if f.rule.role == "further" and f.standing == standing]
        if further:
            said.append(f"further rules {standing}: " + ", ".join(f"‘{key}’" for key in further))
    return "; ".join(said)


def _arms(verdicts: Mapping[str, Verdict], preset: str) -> dict[str, Verdict]:
    """One preset's verdicts by arm, `` (batch norm)`` say; where only the preset's own is stored it goes unnamed."""
    of = {name: verdict for name, verdict in verdicts.items() if name.split(", ")[0] == preset}
    own = {arm(preset, preset_values(preset, verdict.claim.section)["batch_norm"]) for verdict in of.values()}
    return {"" if of.keys() == own else f" ({name.partition(', ')[2]})": verdict for name, verdict in of.items()}


def outcome(verdicts: Mapping[str, Verdict], preset: str) -> str:
    """``✓ reproduced: × 1.41 [1.31, 1.52]``, the word and first core effect at one preset, of each arm stored."""
    said = []
    for which, verdict in _arms(verdicts, preset).items():
        first = next((f": {value(found)}" for found in verdict.findings if found.rule.role == "core"), "")
        said.append(marked(verdict) + first.replace("× ", "×\N{NO-BREAK SPACE}") + which)
    return "; ".join(said) or "not computed yet"


def texts(judged: Judged, presets: Iterable[str]) -> dict[str, str]:
    """What prose quotes: ``C4_quick`` (:func:`outcome`); as ``C4``, ``reproduced at small, batch norm (3 seeds)``."""
    said = {}
    for key, of in judged.items():
        told = (f"{verdict.word} at {name} ({seeds(verdict)})" for name, verdict in of.items())
        said[key] = "; ".join(told) or "not tested so far"
    for preset in presets:
        said |= {f"{key}_{preset}": outcome(of, preset) for key, of in judged.items()}
    return said


def at_a_glance(judged: Judged) -> pd.DataFrame:
    """Claims by names of what is stored: mark and word, ``–`` where nothing of the claim's section is."""
    names = list(dict.fromkeys(name for verdicts in judged.values() for name in verdicts))
    names.sort(key=lambda name: PRESETS.index(name.split(", ")[0]))
    rows = {key: {name: marked(of[name]) if name in of else "–" for name in names} for key, of in judged.items()}
    return pd.DataFrame.from_dict(rows, orient="index", columns=names)


def editions(judged: Judged) -> pd.DataFrame:
    """The words of the first edition of the rules beside today's, and why each claim's rules were changed."""
    with resources.files("mfta").joinpath("first_edition.csv").open() as file:
        first = pd.read_csv(file, index_col="claim")
    columns = {}
    for preset in ("quick", "small"):
        columns[f"{preset}, first"] = {
            key: f"{MARKS[word]}\N{NO-BREAK SPACE}{word}" for key, word in first[preset].items()
        }
        arms = {key: _arms(judged.get(str(key), {}), preset).items() for key in first.index}
        now = {key: "; ".join(marked(verdict) + which for which, verdict in of) for key, of in arms.items()}
        columns[f"{preset}, now"] = {key: words or marked(None) for key, words in now.items()}
    return pd.DataFrame(columns).assign(**{"why the rules were changed": first["reason"]})


def findings(claim: Claim, verdicts: Mapping[str, Verdict], papers: Mapping[str, Finding]) -> pd.DataFrame:
    """One claim: a row a rule, with its bound, the paper's value, and by name ours with interval and standing."""
    rows = []
    for rule in claim.rules:
        theirs = number(papers[rule.key].value, rule) if rule.key in papers else "–"
        row = {"role": rule.role, "rule": f"{rule.key}: {rule.says}", "holds": bound(rule), "in the paper": theirs}
        for name, verdict in verdicts.items():
            found = {f.rule.key: f for f in verdict.findings}.get(rule.key)
            judged = f": {found.standing}" if found and found.standing != "shown" else ""
            row[name] = f"{value(found)}{judged}" if found else "–"
        rows.append(row)
    return pd.DataFrame(rows)


def page(claim: Claim, verdicts: Mapping[str, Verdict], papers: Mapping[str, Finding]) -> HTML:
    """The words by name of what is stored, and the numbers, folded."""
    said = []
    for name, verdict in verdicts.items():
        noted = note(verdict)
        noted = f". {escape(noted[0].upper() + noted[1:])}" if noted else ""
        word = f'<span class="verdict {classes(verdict.word)}">{marked(verdict)}</span>'
        said.append(f"<li><strong>{escape(name)}</strong>: {word} ({seeds(verdict)}){noted}.</li>")
    words = f'<ul class="words">{"".join(said)}</ul>' if said else "<p>No table of it is stored so far.</p>"
    numbers = folded(f"{claim.key}: every rule with its numbers", findings(claim, verdicts, papers))
    return HTML(words + numbers.data)


def folded(summary: str, frame: pd.DataFrame) -> HTML:
    """A table of words behind a line that opens it."""
    return HTML(f"<details><summary>{escape(summary)}</summary>{html(frame).data}</details>")


def classes(word: str) -> str:
    """The style sheet's name of a verdict: ``not-reproduced``."""
    return "-".join(word.split()[:2])


def html(frame: pd.DataFrame) -> HTML:
    """A table of words: it wraps, has no row numbers, and its words and standings carry a class to be coloured."""
    index = not isinstance(frame.index, pd.RangeIndex)
    text = frame.fillna("–").to_html(index=index, classes="words", border=0)
    for word, mark in MARKS.items():
        cell = f"{mark}\N{NO-BREAK SPACE}"
        text = text.replace(f"<td>{cell}", f'<td class="verdict {classes(word)}">{cell}')
    for standing in STANDINGS:
        text = text.replace(f": {standing}</td>", f' <span class="standing {standing}">{standing}</span></td>')
    return HTML(text)


def tidy(judged: Judged) -> pd.DataFrame:
    """All of it as one row a claim, name and rule, for download; factors as factors, not as logarithms."""
    rows: list[dict[str, object]] = []
    for key, verdicts in judged.items():
        for name, verdict in verdicts.items():
            what: dict[str, object] = {"claim": key, "stored": name, "verdict": verdict.word, "why": verdict.why}
            rows += [{**what, **one_row(finding)} for finding in verdict.findings] or [what]
    return pd.DataFrame(rows)


def one_row(finding: Finding) -> dict[str, object]:
    """A finding as a row of a table; its bounds are ``above`` and ``below``, NaN where there is none."""
    rule = finding.rule
    shown = {"value": finding.value, "low": finding.low, "high": finding.high}
    shown |= {side: math.nan if end is None else end for side, end in (("above", rule.above), ("below", rule.below))}
    shown = {name: math.exp(number) if rule.factor else number for name, number in shown.items()}
    where = {"rule": rule.key, "role": rule.role, "says": rule.says}
    return {**where, **shown, "seeds": finding.seeds, "standing": finding.standing}
