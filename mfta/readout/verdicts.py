"""What the page of verdicts shows: every claim at every preset, beside the paper's own value where one is known."""

import math
from collections.abc import Iterable

import pandas as pd
from IPython.display import HTML

from mfta import paper, sections, stored, verdicts
from mfta.judging import Claim, Finding, Rule, Verdict

MARKS = {
    "reproduced": "✓",
    "partly": "◐",
    "undecided": "?",
    "not reproduced": "✗",
    "not tested at this scale": "–",
}


MARK_CLASSES = {mark: "-".join(word.split()[:2]) for word, mark in MARKS.items()}


def by_preset(presets: Iterable[str]) -> dict[str, list[Verdict]]:
    """All verdicts of each preset, from stored tables alone."""
    return {preset: verdicts.verdicts(stored.tables(preset)) for preset in presets}


def at_a_glance(judged: dict[str, list[Verdict]]) -> pd.DataFrame:
    """Claims by presets: mark and verdict."""
    texts = {preset: {v.claim.key: marked(v) for v in listed} for preset, listed in judged.items()}
    frame = pd.DataFrame(texts)
    frame.insert(0, "claim", pd.Series({claim.key: claim.says for claim in verdicts.CLAIMS}))
    return frame


def findings(judged: dict[str, list[Verdict]], key: str) -> pd.DataFrame:
    """One claim: a row a rule, with the paper's value, and by preset ours with its interval and standing."""
    claim = next(claim for claim in verdicts.CLAIMS if claim.key == key)
    of_preset = {preset: next(v for v in listed if v.claim.key == key) for preset, listed in judged.items()}
    papers = paper_values(claim)
    rows = []
    for rule in claim.rules:
        row = {"role": rule.role, "rule": rule.says, "holds": bound(rule), "in the paper": papers.get(rule.key, "–")}
        for preset, verdict in of_preset.items():
            found = [f"{value(f)}: {f.standing}" for f in verdict.findings if f.rule.key == rule.key]
            row |= {f"preset {preset}": text for text in found}
        rows.append(row)
    return pd.DataFrame(rows)


def tidy(judged: dict[str, list[Verdict]]) -> pd.DataFrame:
    """All of it as one row a preset, claim and rule, for download; factors as factors, not as logarithms."""
    rows: list[dict[str, object]] = []
    for preset, listed in judged.items():
        for verdict in listed:
            what: dict[str, object] = {
                "preset": preset,
                "claim": verdict.claim.key,
                "verdict": verdict.word,
                "why": verdict.why,
            }
            rows += [{**what, **_tidy(finding)} for finding in verdict.findings] or [what]
    return pd.DataFrame(rows)


def texts(judged: dict[str, list[Verdict]]) -> dict[str, str]:
    """What prose quotes: ``C4_quick`` and so on, and the sentences of :func:`sentence` as ``C4``."""
    answer = {f"{v.claim.key}_{preset}": marked(v) for preset, listed in judged.items() for v in listed}
    return answer | {claim.key: sentence(judged, claim) for claim in verdicts.CLAIMS}


def sentence(judged: dict[str, list[Verdict]], claim: Claim) -> str:
    """``reproduced at quick (3 seeds); undecided at small (one seed)``, presets without a table left out."""
    parts = []
    for preset, listed in judged.items():
        verdict = next(v for v in listed if v.claim.key == claim.key)
        if verdict.findings:
            parts.append(f"{verdict.word} at {preset} ({seeds(verdict)})")
    return "; ".join(parts) or "not tested so far"


def seeds(verdict: Verdict) -> str:
    """``3 seeds``, the most that any rule of it had."""
    most = max(finding.seeds for finding in verdict.findings)
    return "one seed" if most == 1 else f"{most} seeds"


def origin(presets: Iterable[str]) -> pd.DataFrame:
    """What is stored behind the verdicts: by preset and section data set, network and seeds."""
    rows = []
    for preset in presets:
        for section, table in sorted(stored.tables(preset).items()):
            config = sections.config(section, preset)
            listed = ", ".join(str(seed) for seed in sorted(table["seed"].unique()))
            rows.append((preset, section, config.dataset, config.network, listed))
    return pd.DataFrame(rows, columns=["preset", "section", "data set", "network", "seeds"])


def story(presets: Iterable[str]) -> tuple[pd.DataFrame | None, dict[str, str]]:
    """Layer memorization at the preset nearest to the paper where it is stored, and where that comes from.

    presets: from small to large. None where it is stored for none of them.
    """
    for preset in reversed(list(presets)):
        table = stored.tables(preset).get("layer_memorization")
        if table is not None:
            config = sections.config("layer_memorization", preset)
            listed = ", ".join(str(seed) for seed in sorted(table["seed"].unique()))
            share = f"{config.permuted_fraction:.0%}"
            return table, {
                "preset": preset, "dataset": config.dataset, "network": config.network, "seeds": listed,
                "permuted": share,
            }  # fmt: skip
    return None, dict.fromkeys(("preset", "dataset", "network", "seeds", "permuted"), "none")


def html(frame: pd.DataFrame) -> HTML:
    """A table of words: it wraps, has no row numbers, and its verdicts and standings carry a class to be coloured."""
    index = not isinstance(frame.index, pd.RangeIndex)
    text = frame.fillna("–").to_html(index=index, classes="words", border=0)
    for mark, name in MARK_CLASSES.items():
        text = text.replace(f"<td>{mark}\N{NO-BREAK SPACE}", f'<td class="verdict {name}">{mark}\N{NO-BREAK SPACE}')
    for standing in ("holds", "against", "undecided"):
        text = text.replace(f": {standing}</td>", f' <span class="standing {standing}">{standing}</span></td>')
    return HTML(text)


def marked(verdict: Verdict) -> str:
    """``✓ reproduced``, with a space that does not break."""
    return f"{MARKS[verdict.word]}\N{NO-BREAK SPACE}{verdict.word}"


def value(finding: Finding) -> str:
    """``× 0.45 [0.42, 0.49]``, ``0.13 (one seed)`` or ``–`` where no seed has a value."""
    if math.isnan(finding.value):
        return "–"
    if math.isnan(finding.low):
        return f"{_number(finding.value, finding.rule)} (one seed)"
    low, high = (_number(end, finding.rule).removeprefix("× ") for end in (finding.low, finding.high))
    return f"{_number(finding.value, finding.rule)} [{low}, {high}]"


def bound(rule: Rule) -> str:
    """``above × 1.10``."""
    return f"{'above' if rule.above else 'below'} {_number(rule.threshold, rule)}"


def paper_values(claim: Claim) -> dict[str, str]:
    """By rule, the paper's value as far as its digitised figures give one."""
    table = paper_tables().get(claim.section)
    if table is None:
        return {}
    means = {rule: rule.effect(table).mean() for rule in claim.rules if rule.role != "premise" or rule.key == "dip"}
    return {rule.key: _number(mean, rule) for rule, mean in means.items() if not math.isnan(mean)}


def paper_tables() -> dict[str, pd.DataFrame]:
    """The paper's digitised figures as the tables of their sections, as one seed, number 0."""
    depths = _wide(paper.figure3(), ["stage", "examples", "depth"])
    # Points are missing where one curve hides another; the layers are there, and thirds are counted over them.
    depths = pd.concat([depths, pd.DataFrame({"depth": range(depths["depth"].max() + 1), "stage": "", "seed": 0})])
    widths = _wide(paper.figure4(), ["stage", "parameters"]).assign(examples="test")
    networks = widths[["seed", "stage", "parameters", "examples", "accuracy"]]
    layers = widths.drop(columns="accuracy").assign(layer="final", depth=1)
    return {
        "layer_memorization": depths.assign(layer=depths["depth"].map("depth {:.0f}".format)),
        "double_descent": pd.concat([networks, layers], ignore_index=True),
    }


def _wide(figure: pd.DataFrame, by: list[str]) -> pd.DataFrame:
    wide = figure.pivot_table(index=by, columns="measure", values="value").reset_index()
    return wide.rename(columns={"radius": "radius_median"}).assign(seed=0)


def _number(of: float, rule: Rule) -> str:
    return f"× {math.exp(of):.2f}" if rule.factor else f"{of:.3f}".replace("-", "−")


def _tidy(finding: Finding) -> dict[str, object]:
    rule = finding.rule
    shown = {"value": finding.value, "low": finding.low, "high": finding.high, "threshold": rule.threshold}
    shown = {name: math.exp(number) if rule.factor else number for name, number in shown.items()}
    where = {"rule": rule.key, "role": rule.role, "says": rule.says, "side": "above" if rule.above else "below"}
    return {**where, **shown, "seeds": finding.seeds, "standing": finding.standing}
