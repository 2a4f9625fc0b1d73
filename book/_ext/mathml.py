"""Write formulas as MathML, which browsers draw themselves: no script, the same over file:// and in print.

They are drawn well in a font made for mathematics alone, so STIX Two Math comes along, cut down to what is used.
"""

import re
from html import unescape
from pathlib import Path

import ziamath
from docutils import nodes
from fontTools.subset import Options, Subsetter
from fontTools.ttLib import TTFont
from math_core import LatexError, LatexToMathML
from sphinx.application import Sphinx
from sphinx.errors import ExtensionError
from sphinx.util.math import get_node_equation_number
from sphinx.writers.html5 import HTML5Translator

FORMULAS = LatexToMathML()
FONT = Path(ziamath.__file__).parent / "fonts" / "STIXTwoMath-Regular.ttf"
used = {"√", *map(chr, (0x210E, *range(0x1D434, 0x1D468), *range(0x1D6E2, 0x1D71C)))}
"""Characters to draw: those of the formulas, and what browsers put for a root and for a single letter."""


def convert(node: nodes.math | nodes.math_block, block: bool) -> str:
    """MathML of a formula; one that is not understood stops the build."""
    try:
        formula = FORMULAS.convert_with_local_state(node.astext(), displaystyle=block)
    except LatexError as error:
        raise ExtensionError(f"formula {node.astext()!r}: {error}") from None
    used.update(unescape(re.sub("<[^>]*>", "", formula)))
    return formula


def inline(self: HTML5Translator, node: nodes.math) -> None:
    """A formula within a line."""
    self.body.append(convert(node, block=False))
    raise nodes.SkipNode


def block(self: HTML5Translator, node: nodes.math_block) -> None:
    """A formula on lines of its own, which scroll where they are too wide, with its number where it has a label."""
    self.body.append(self.starttag(node, "div", CLASS="math"))
    if node["number"]:
        self.body.append(f'<span class="eqno">({get_node_equation_number(self, node)})')
        self.add_permalink_ref(node, "Link to this equation")
        self.body.append("</span>")
    self.body.append(f'<div class="formula">{convert(node, block=True)}</div></div>')
    raise nodes.SkipNode


def write_font(app: Sphinx, error: Exception | None) -> None:
    """Write the characters of all formulas, with their taller and wider forms, as a web font."""
    if error is not None or app.builder.format != "html":
        return
    font = TTFont(FONT)
    subsetter = Subsetter(Options(layout_features=["*"]))
    subsetter.populate(text="".join(used))
    subsetter.subset(font)
    font.flavor = "woff"
    font.save(Path(app.outdir) / "_static" / "math.woff")


def setup(app: Sphinx) -> dict[str, bool]:
    """Register with Sphinx."""
    app.add_html_math_renderer("mathml", (inline, None), (block, None))
    app.connect("build-finished", write_font)
    return {"parallel_read_safe": True, "parallel_write_safe": False}
