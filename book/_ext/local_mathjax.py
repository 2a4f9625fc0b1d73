"""Copy the part of MathJax that the book needs, so that its pages ask no other host for it."""

from importlib.util import find_spec
from pathlib import Path
from shutil import copytree

from sphinx.application import Sphinx
from sphinx.errors import ExtensionError

PARTS = ("tex-chtml.js", "output/chtml/fonts/woff-v2", "input/tex/extensions")


def source() -> Path:
    """Folder of MathJax in the installed sphinx-mathjax-offline."""
    spec = find_spec("sphinx-mathjax-offline")
    if spec is None or spec.origin is None:
        raise ExtensionError("MathJax is missing: pip install sphinx-mathjax-offline")
    return Path(spec.origin).parent / "static" / "mathjax"


def copy(app: Sphinx, error: Exception | None) -> None:
    """Copy PARTS into the built site; nothing when the build failed or makes no HTML."""
    if error is not None or app.builder.format != "html":
        return
    target = Path(app.outdir) / "_static" / "mathjax"
    for part in PARTS:
        origin, place = source() / part, target / part
        if origin.is_dir():
            copytree(origin, place, dirs_exist_ok=True)
        else:
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(origin.read_bytes())


def setup(app: Sphinx) -> dict[str, bool]:
    """Register with Sphinx; a missing MathJax stops the build at its start."""
    app.connect("builder-inited", lambda app: source())
    app.connect("build-finished", copy)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
