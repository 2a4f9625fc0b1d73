"""Figures of the method page: draws, anchors and what is read off them, in one, two and three dimensions.

They draw manifolds that the page has solved: ``points`` (D + 1, M), the last row ones, ``draws`` and the ``nearest``
allowed vectors (D + 1, n), ``anchors`` (D, n), ``held`` (n,), the number of support points of each draw, ``cosines``
(n,), ``kappa``, ``capacity``, ``radius`` and ``dimension``. Colours tell the number of support points.
"""

from types import SimpleNamespace
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Circle, Polygon
from scipy.spatial import ConvexHull

from mfta.figures.style import MEASURES

HELD = ("#7f7f7f", "#0072b2", "#cc79a7", "#009e73", "#d55e00")
WORDS = ("none", "one", "two", "three", "four")
DRAWN = 200
"""Of the draws behind a measure, as many anchors are shown."""


def anchor_of_a_draw(segment: SimpleNamespace) -> Figure:
    """A segment with its cone in the plane of its direction and its center: draws of 0, 1 and 2 support points."""
    figure, row = plt.subplots(1, 3, figsize=(9.2, 3.7), layout="constrained", sharex=True, sharey=True)
    for axes, held in zip(row, range(3), strict=True):
        _cone(axes, segment, _long_draw(segment, held))
        axes.set_title(f"support points: {WORDS[held]}, {axes.get_title()}")
    row[0].set_ylabel("along the center")
    return figure


def anchors_in_the_plane(shown: dict[str, SimpleNamespace]) -> Figure:
    """A row a manifold: a draw of every kind, many anchors with the radius, cosines with the dimension."""
    figure, grid = plt.subplots(len(shown), 3, figsize=(9.2, 2.7 * len(shown)), layout="constrained")
    for (name, of), (left, middle, right) in zip(shown.items(), grid, strict=True):
        _flat(left, of)
        for held in range(4):
            color, draw = HELD[held], _long_draw(of, held)
            along, place = of.draws[:-1, draw], of.anchors[:, draw]
            tip = 1.5 * along / np.linalg.norm(along)  # the direction alone matters
            left.annotate("", tip, (0, 0), arrowprops={"arrowstyle": "->", "color": color}, annotation_clip=False)
            left.plot(*np.transpose([(0, 0), place]), color=color, lw=2)
            left.plot(*place, "*", color=color, ms=12, mec="black", mew=0.5)
        _flat(middle, of)
        _anchors(middle, of)
        right.hist(of.cosines, bins=np.linspace(min(0, of.cosines.min()), 1, 37), color="0.6")
        right.axvline(of.cosines.mean(), color="black", lw=1.2)
        right.set(yticks=[], xlabel="cosine between draw and anchor")
        left.set_title(name)
        middle.set_title(f"{MEASURES['radius']} = {of.radius:.2f}")
        right.set_title(f"{MEASURES['dimension']} = {of.dimension:.2f}")
    _legend(figure, 4)
    return figure


def anchors_in_space(shown: dict[str, SimpleNamespace]) -> Figure:
    """Hulls of three-dimensional manifolds with their anchors; capacity, radius and dimension above each."""
    figure, row = plt.subplots(1, len(shown), figsize=(9.2, 3.9), subplot_kw={"projection": "3d"})
    for axes, (name, of) in zip(row, shown.items(), strict=True):
        places = of.points[:-1]
        sides = ConvexHull(places.T).simplices
        axes.plot_trisurf(*places, triangles=sides, color="0.5", alpha=0.08, edgecolor="0.6", lw=0.3)
        _anchors(axes, of)
        axes.set_axis_off()
        axes.set(xlim=(-1, 1), ylim=(-1, 1), zlim=(-1, 1))
        axes.view_init(elev=25, azim=-75)
        axes.set_box_aspect((1, 1, 1), zoom=1.4)
        axes.set_title(f"{name}\nα = {of.capacity:.2f}, R = {of.radius:.2f}, D = {of.dimension:.2f}", y=1.05)
    figure.subplots_adjust(left=0.01, right=0.99, top=0.8, bottom=0.14, wspace=0.02)
    _legend(figure, 5)
    return figure


def margin(segment: SimpleNamespace, flat: dict[float, SimpleNamespace]) -> Figure:
    """A draw and a cone moved by a margin, anchors without and with one, and the measures against the margin.

    segment: solved with a margin. flat: one manifold, by margin.
    """
    figure, panels = plt.subplot_mosaic("abd;acd", figsize=(9.2, 3.6), layout="constrained")
    _cone(panels["a"], segment, _long_draw(segment, 1))
    panels["a"].set(ylabel="along the center", title=f"κ = {segment.kappa:.0f}")
    for axes, kappa in ((panels["b"], min(flat)), (panels["c"], max(flat))):
        _flat(axes, flat[kappa])
        _anchors(axes, flat[kappa])
        axes.set(title=f"κ = {kappa:.0f}", ylim=(-0.9, 0.9))
    for (name, label), color, marker in zip(MEASURES.items(), ("#0072b2", "#d55e00", "#009e73"), "os^", strict=True):
        measures = [getattr(of, name) for of in flat.values()]
        panels["d"].plot(list(flat), measures, color=color, marker=marker, ms=4, label=label)
    panels["d"].set(xlabel="margin κ", ylim=(0, None))
    panels["d"].legend()
    return figure


def _long_draw(of: SimpleNamespace, held: int) -> int:
    """Of the draws of that many support points, the one longer than three quarters of them."""
    chosen = np.flatnonzero(of.held == held)
    order = np.argsort(np.linalg.norm(of.draws[:, chosen], axis=0))
    return int(chosen[order[3 * len(order) // 4]])


def _cone(axes: Axes, segment: SimpleNamespace, draw: int) -> None:
    """Below, the vectors that satisfy every constraint; above, the cone of the points; one draw, v and the anchor."""
    far, low, high = 9.0, segment.points[0].min(), segment.points[0].max()
    # The sides of what is allowed are at right angles to the outermost points.
    allowed = np.array([(0, 0), (far, -far * high), (0, -2 * far), (-far, far * low)]) - [0, segment.kappa]
    axes.add_patch(Polygon(allowed, fc="#009e73", alpha=0.2, lw=0))
    axes.add_patch(Polygon([(0, 0), (far * low, far), (far * high, far)], fc="0.5", alpha=0.15, lw=0))
    axes.plot(*segment.points, "o-", color="0.4", ms=5, lw=2)
    tip, end, color = segment.draws[:, draw], segment.nearest[:, draw], HELD[segment.held[draw]]
    arrow = {"arrowstyle": "->", "lw": 1.3, "color": "black", "shrinkA": 0, "shrinkB": 0}
    axes.annotate("", (tip[0], tip[1]), (0, 0), arrowprops=arrow, zorder=4)
    axes.plot(*np.transpose([tip, end]), color=color, lw=2, ls=":")
    axes.plot(segment.anchors[0, draw], 1, "*", color=color, ms=14, mec="black", mew=0.6)
    axes.plot(*end, "s", color=color, ms=6)
    free = segment.held[draw] == 0
    x, y = tip * (1 + (0.45 if free else 0.25) / np.linalg.norm(tip))
    axes.text(x, y, "t = v" if free else "t", style="italic", ha="center", va="center")
    axes.text(end[0] + 0.15, end[1] - 0.4, "" if free else "v", style="italic")
    axes.set(aspect="equal", xlim=(-2.4, 2.4), ylim=(-2.4, 2.4), xlabel="along the segment")
    axes.set_title(f"F = {np.square(tip - end).sum():.2f}")


def _flat(axes: Axes, of: SimpleNamespace) -> None:
    """The hull of a manifold in the plane, its points and its center."""
    places = of.points[:-1].T
    axes.add_patch(Polygon(places[ConvexHull(places).vertices], fc="0.5", ec="0.5", alpha=0.15))
    axes.plot(*places.T, "o", color="0.5", ms=4)
    axes.plot(0, 0, "+", color="black", ms=8)
    axes.set(aspect="equal", xlim=(-1.6, 1.6), ylim=(-1.2, 1.2))
    axes.set_axis_off()


def _anchors(axes: Any, of: SimpleNamespace) -> None:
    """Anchors by their support points, larger marks where many coincide; in the plane a circle of radius R."""
    anchors, kinds = of.anchors[:, :DRAWN].round(6), of.held[:DRAWN]
    kind = {"depthshade": False} if axes.name == "3d" else {}
    for held in np.unique(kinds):
        places, counts = np.unique(anchors[:, kinds == held], axis=1, return_counts=True)
        axes.scatter(*places, s=7 + 600 * (counts - 1) / DRAWN, color=HELD[held], alpha=0.7, lw=0, **kind)
    if axes.name != "3d":
        axes.add_patch(Circle(of.anchors.mean(1), of.radius, fill=False, ec="black", ls="--"))


def _legend(figure: Figure, kinds: int) -> None:
    handles = [plt.Line2D([], [], ls="", marker="o", color=color) for color in HELD[:kinds]]
    figure.legend(handles, list(WORDS[:kinds]), title="support points", loc="outside lower center", ncols=kinds)
