"""The forest plot of a claim: every rule with its smallest effect of interest, the paper's value and ours."""

import math
from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
import numpy as np
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import MaxNLocator

from mfta.configs import PRESETS
from mfta.judge import Claim, Finding, Rule, Verdict
from mfta.wording import bound

WIDTH = 4.4
"""Inches; narrow, so that a telephone shows it at a readable size."""
COLORS = dict(zip(("this run", *PRESETS), ["#222222", *sns.color_palette("colorblind", 4).as_hex()], strict=True))


def forest(claim: Claim, verdicts: Mapping[str, Verdict], papers: Mapping[str, Finding]) -> Figure:
    """One row a rule, each on a scale of its own: where the rule holds (grey), the paper's value, ours by name.

    verdicts: by name of what is stored (``small, no batch norm``). Markers are full where the rule holds;
    lines are the 95 % intervals, and arrows go beyond the scale. One seed has no line.
    """
    found = {name: {f.rule.key: f for f in verdict.findings} for name, verdict in verdicts.items()}
    rules = [rule for rule in claim.rules if rule.key in papers or any(rule.key in of for of in found.values())]
    heights = [1.6 + 0.45 * max(1, sum(rule.key in of for of in found.values())) for rule in rules]
    figure, rows = plt.subplots(
        max(1, len(rules)), 1, figsize=(WIDTH, 0.5 + 0.32 * sum(heights)), height_ratios=heights or [1],
        layout="constrained", squeeze=False,
    )  # fmt: skip
    for axes, rule in zip(rows[:, 0], rules, strict=False):
        _row(axes, rule, {name: of[rule.key] for name, of in found.items() if rule.key in of}, papers.get(rule.key))
    if not rules:
        rows[0, 0].set_axis_off()
    figure.legend(handles=_legend(verdicts, papers), loc="outside upper left", ncols=2, fontsize=9, frameon=False)
    plt.close(figure)  # whoever asked for it displays it
    return figure


def _row(axes: Axes, rule: Rule, found: Mapping[str, Finding], theirs: Finding | None) -> None:
    low, high = _range(rule, [*found.values(), *([theirs] if theirs else [])])
    axes.set(xlim=(low, high), ylim=(len(found) - 0.4 if found else 0.6, -0.6), yticks=[])
    axes.spines["left"].set_visible(False)
    if rule.above is not None or rule.below is not None:
        start, end = (low if rule.above is None else rule.above), (high if rule.below is None else rule.below)
        axes.axvspan(start, end, color="0.5", alpha=0.18, lw=0)
        for edge in (rule.above, rule.below):
            if edge is not None:
                axes.axvline(edge, color="0.35", lw=1, ls=(0, (4, 2)))
    if theirs is not None:
        axes.axvline(theirs.value, color="#b30059", lw=1.4, ls=":")
        axes.plot(theirs.value, -0.35, marker="v", color="#b30059", ms=6, ls="none", clip_on=False)
    for place, (name, finding) in enumerate(found.items()):
        color, marker = _look(name)
        if not math.isnan(finding.low):
            axes.plot([finding.low, finding.high], [place, place], color=color, lw=1.8, solid_capstyle="butt")
            for end, arrow, beyond in ((low, "<", finding.low < low), (high, ">", finding.high > high)):
                if beyond:
                    axes.plot(end, place, marker=arrow, color=color, ms=5, clip_on=False)
        face = color if finding.standing in ("holds", "shown") else "white"
        axes.plot(finding.value, place, marker=marker, ms=6.5, mec=color, mfc=face, mew=1.5, zorder=3, clip_on=False)
    title = f"{rule.key} ({rule.role})"
    axes.set_title(title, loc="left", fontsize=10, fontweight="bold" if rule.role == "core" else "normal", pad=3)
    axes.set_title(bound(rule), loc="right", fontsize=10, pad=3)
    _ticks(axes, rule, low, high)


def _range(rule: Rule, found: Sequence[Finding]) -> tuple[float, float]:
    """The scale of a row: means and bounds, and the intervals as far as they leave these readable."""
    points = [f.value for f in found] + [edge for edge in (rule.above, rule.below) if edge is not None]
    least = 3 * rule.unit if rule.above is None or rule.below is None else rule.below - rule.above
    span = max(max(points) - min(points), least)
    ends = [end for f in found for end in (f.low, f.high) if not math.isnan(end)]
    low = max(min([*points, *ends]), min(points) - span)
    high = min(max([*points, *ends]), max(points) + span)
    margin = 0.12 * max(high - low, span)
    return low - margin, high + margin


def _ticks(axes: Axes, rule: Rule, low: float, high: float) -> None:
    ends = np.exp([low, high]) if rule.factor else np.array([low, high])
    ticks = [tick for tick in MaxNLocator(4).tick_values(*ends) if ends[0] <= tick <= ends[1]]
    texts = [f"{tick:.6g}".replace("-", "−") for tick in ticks]
    places = [math.log(tick) for tick in ticks] if rule.factor else ticks
    axes.set_xticks(places, [f"× {text}" for text in texts] if rule.factor else texts, fontsize=9)
    axes.tick_params(axis="x", length=3, pad=2)


def _look(name: str) -> tuple[str, str]:
    """Colour by preset, marker by arm: a circle with batch norm, a square without."""
    return COLORS.get(name.split(",")[0], "0.3"), "s" if "no batch norm" in name else "o"


def _legend(verdicts: Mapping[str, Verdict], papers: Mapping[str, Finding]) -> list[Line2D | Patch]:
    handles: list[Line2D | Patch] = []
    for name in verdicts:
        color, marker = _look(name)
        handles.append(Line2D([], [], color=color, marker=marker, lw=1.8, ms=6, label=name))
    if papers:
        handles.append(Line2D([], [], color="#b30059", marker="v", ls=":", lw=1.4, ms=6, label="the paper's figure"))
    handles.append(Patch(color="0.5", alpha=0.25, lw=0, label="where the rule holds"))
    return handles
