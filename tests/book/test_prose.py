"""Numbers in prose come from tables, but for those listed here with a reason; titles say what the judge has found."""

import re
from pathlib import Path

import pytest

from mfta import claims

ROOT = Path(__file__).parents[2]
PAGES = sorted([*(ROOT / "book").glob("*.md"), *(ROOT / "notebooks").glob("*.md")])
NUMBER = re.compile(r"(?<![\w.])[−-]?\d*\.\d+(?![\w.])")
ALLOWED = {
    "departures.md": {"0.9": "the momentum, a parameter and no result"},
    "rerun.md": {"7.5": "the memory that NeuroLibre's question names", "3.11": "the version of Python"},
    "gradients.md": {"−0.5": "the exponent of the derived law"},
    "capacity_theory.md": {
        "0.2": "the capacity below which the simulation is out of reach, set in the section",
        "0.7": "the radius of the balls in a figure, set in the section",
    },
}


def prose(text):
    """The page without front matter, code, directives' options, formulas, roles' content and link targets."""
    text = re.sub(r"\A---\n.*?\n---\n", "", text, flags=re.DOTALL)
    text = re.sub(r"^(`{3,}|~{3,})\{math\}.*?^\1", "", text, flags=re.DOTALL | re.MULTILINE)
    text = re.sub(
        r"^(`{3,})(\{code-\w+\}|\{eval-rst\}|\{bibliography\}|\w).*?^\1",
        "",
        text,
        flags=re.DOTALL | re.M,
    )
    text = re.sub(r"^:[\w-]+:(?! .*caption).*$", "", text, flags=re.MULTILINE)
    text = re.sub(r"\$\$.*?\$\$|\$[^$]*\$", "", text, flags=re.DOTALL)
    text = re.sub(r"\{[\w:]+\}`[^`]*`|`[^`]*`", "", text)
    return re.sub(r"\]\([^)]*\)", "]", text)


def captions(text):
    """Captions and alternative texts, which stand in the options of code cells."""
    return " ".join(re.findall(r'(?:caption|alt): "([^"]*)"', text))


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.name)
def test_no_decimal_number_is_typed(path):
    text = path.read_text(encoding="utf-8")
    typed = set(NUMBER.findall(prose(text) + captions(text)))
    assert typed == set(ALLOWED.get(path.name, {}))


def test_the_search_would_see_a_typed_number():
    page = "---\na: 1.5\n---\nIt is 0.87 and −.3, not {glue:text}`x:.2f` or $0.1$ or `2.5`.\n```shell\nx 1.25\n```\n"
    page += '```{code-cell} ipython3\n:mystnb: {figure: {caption: "About 3.14 of it."}}\ny = 0.4\n```\n'
    page += "See [x](v1.0) and Fig. 1.\n"
    assert NUMBER.findall(prose(page) + captions(page)) == ["0.87", "−.3", "3.14"]


@pytest.mark.parametrize(
    ("page", "keys"),
    [
        ("layer_memorization", ["C1", "C2", "C3"]),
        ("rewinding", ["C4"]),
        ("double_descent", ["C5"]),
        ("gradients", ["C6"]),
    ],
)
def test_a_title_asks_or_says_what_is_reproduced_on_cifar(page, keys, monkeypatch):
    monkeypatch.setenv("MFTA_RESULTS", str(ROOT / "results"))
    title = next(
        line for line in (ROOT / "notebooks" / f"{page}.md").read_text().splitlines() if line.startswith("# ")
    )
    judged = claims.judged(presets=["small", "full", "paper"])
    words = {verdict.word for key in keys for verdict in judged[key].values()} - {"undecided", "not tested here"}
    assert "?" in title or words == {"reproduced"}
