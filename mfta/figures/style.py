"""The look of all figures: SVG with a transparent ground and black text, so that one picture serves light and dark
pages."""

import matplotlib as mpl
import seaborn as sns
from matplotlib_inline.backend_inline import set_matplotlib_formats

EXAMPLES = ("unpermuted", "permuted", "restored", "test")
COLORS = dict(zip(EXAMPLES, ("#0072b2", "#d55e00", "#009e73", "#7f7f7f"), strict=True))
MARKERS = dict(zip(EXAMPLES, ("o", "s", "^", "D"), strict=True))
MEASURES = {"capacity": "capacity α", "radius": "radius R", "dimension": "dimension D"}
PALETTE = ("#0072b2", "#d55e00", "#009e73", "#7f7f7f", "#cc79a7", "#e69f00")
"""Colours of what has none of its own."""
for name, color, marker in (
    ("train", "#cc79a7", "v"),
    ("initial", "#999999", "o"),
    ("best", "#0072b2", "s"),
    ("last", "#d55e00", "^"),
    ("last n layers", "#0072b2", "o"),
    ("first n layers", "#e69f00", "s"),
    ("label_dependent", "#0072b2", "o"),
    ("label_independent", "#e69f00", "s"),
    ("total", "#cc79a7", "^"),
):
    COLORS[name], MARKERS[name] = color, marker
LABELS = {
    **MEASURES,
    "radius_median": MEASURES["radius"],
    "center_correlation": "center correlation",
    "initial": "untrained",
    "best": "best epoch",
    "last": "last epoch",
    "label_dependent": "label-dependent",
    "label_independent": "label-independent",
    "carried": "batch norm carried",
    "re-estimated": "batch norm re-estimated",
    "absent": "no batch norm",
    "rewound_to": "rewound to epoch",
    "head_scale": "factor on the head's weights",
}
"""What axes, titles and legends call a column or one of its values; others go by their name."""


def use_style() -> None:
    """Set the book's style for this process, whatever a matplotlibrc says, and let notebooks embed SVG."""
    mpl.rcdefaults()
    sns.set_theme(context="notebook", style="ticks", font_scale=0.85, palette=PALETTE)
    mpl.rcParams.update(
        {
            "figure.facecolor": "none",
            "axes.facecolor": "none",
            "savefig.facecolor": "none",
            "legend.frameon": False,
            "axes.spines.top": False,
            "axes.spines.right": False,
            "svg.hashsalt": "mfta",
            "svg.fonttype": "path",
        }
    )
    set_matplotlib_formats("svg", metadata={"Date": None})
