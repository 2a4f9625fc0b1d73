"""Verdicts in words and tables: one way to write a number, an interval, a bound and a claim's outcome.

Effects of factors are logarithms inside and are written as factors, ``× 0.74``.
"""

import math
from collections.abc import Mapping
from html import escape

import pandas as pd
from IPython.display import HTML

from mfta.judge import Claim, Finding, Rule, Verdict

MARKS = {
    "reproduced": "✓", "partly": "◐", "undecided": "?", "not reproduced": "✗", "not tested here": "–",
}  # fmt: skip
STANDINGS = ("holds", "against", "undecided", "inside", "outside")


def marked(verdict: Verdict | None) -> str:
    """``✓ reproduced``, with a space that does not break; None: nothing is stored."""
    word = verdict.word if verdict else "not tested here"
    return f"{MARKS[word]}\N{NO-BREAK SPACE}{word}"


def seeds(verdict: Verdict) -> str:
    """``3 seeds``, the most that any rule of it had."""
    most = max((finding.seeds for finding in verdict.findings), default=0)
    return "one seed" if most == 1 else f"{most} seeds"


def number(value: float, rule: Rule) -> str:
    """A value in the units of a rule: ``× 0.45``, ``−0.132`` or, of whole layers, ``4.3``.

    More decimals where the value would else read as the rule's bound: ``× 0.9003`` beside ``below × 0.90``.
    """
    ends = [end for end in (rule.above, rule.below) if end is not None]
    shown, *ends = [math.exp(of) if rule.factor else of for of in (value, *ends)]
    digits = 2 if rule.factor else 1 if rule.unit >= 1 else 3
    while digits < 5 and any(f"{shown:.{digits}f}" == f"{end:.{digits}f}" and shown != end for end in ends):
        digits += 1
    return f"{'× ' if rule.factor else ''}{shown:.{digits}f}".replace("-", "−")


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


def one_row(finding: Finding) -> dict[str, object]:
    """A finding as a row of a table; its bounds are ``above`` and ``below``, NaN where there is none."""
    rule = finding.rule
    shown = {"value": finding.value, "low": finding.low, "high": finding.high}
    shown |= {side: math.nan if end is None else end for side, end in (("above", rule.above), ("below", rule.below))}
    shown = {name: math.exp(number) if rule.factor else number for name, number in shown.items()}
    where = {"rule": rule.key, "role": rule.role, "says": rule.says}
    return {**where, **shown, "seeds": finding.seeds, "standing": finding.standing}
