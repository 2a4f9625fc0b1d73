"""Finish the pages that Sphinx makes: figures for dark pages, tables for narrow ones, and what the footer says.

Every drawing gets a second version for dark pages, its size, and links to its file and the page's data. Tables get
captions, scopes, and the labels by which a narrow page shows a row as a card. A page says what it is about
and names the commit that it was made from.
"""

import json
import re
import subprocess
from html import escape, unescape
from pathlib import Path
from typing import Any

import without_torch
from bs4 import BeautifulSoup, Tag
from bs4.element import Script
from dark import dark
from sphinx.application import Sphinx
from sphinx.config import Config

HERE = Path(__file__).parent
ICONS = re.compile(
    r'\s*<!-- So that users can add custom icons -->\s*<script defer src="[^"]*fontawesome\.js[^"]*"></script>'
)
"""The icons come as a font; the script that draws them once more weighs more than all else together."""
ARTICLE = re.compile(r'<article class="bd-article"[^>]*>(.*?)</article>', re.DOTALL)
SCRIPT_OR_TAG = re.compile(r"<script.*?</script>|<style.*?</style>|<[^>]*>", re.DOTALL)
DESCRIPTION = 200
SHORT = 18
"""Characters of a value with its column's name of which two fit beside each other in a narrow card."""


def prepare(app: Sphinx, config: Config) -> None:
    """Show the links to the repository where one is set, and rank pages before names of the reference."""
    for button in ("use_repository_button", "use_issues_button", "use_edit_page_button"):
        config.html_theme_options[button] = bool(config.html_theme_options.get("repository_url"))
    config.html_search_scorer = str(HERE / "scorer.js")


def finish(app: Sphinx, page: str, template: str, context: dict[str, Any], doctree: Any) -> None:
    """Finish one page before it is written."""
    if app.builder.format != "html":
        return
    context["theme_extra_footer"] += footer(context)
    if not context.get("body"):
        return
    soup = BeautifulSoup(context["body"], "html.parser")
    data = soup.select_one('a.reference.download[href$=".csv"]')
    drawings = {
        f"{context['pathto']('_images', 1)}/{name}": Path(app.srcdir, path)
        for path, name in app.builder.images.items()
    }
    for image in soup.select('img[src$=".svg"]'):
        if str(image["src"]) in drawings:
            finish_figure(soup, image, drawings[str(image["src"])], data)
    for table in soup.find_all("table"):
        finish_table(soup, table)
    for cell in soup.select("div.cell.tag_static"):  # what stands in for a script is not loaded beside it
        cell.wrap(soup.new_tag("noscript"))
    explored = soup.select_one("#explore-network")
    if explored:
        from explorer import text  # once there are stand-ins where PyTorch is not installed

        data_of = soup.new_tag("script", attrs={"type": "application/json", "id": "explorer-data"})
        data_of.append(Script(text()))  # as it is, without escapes
        explored.insert_before(data_of)
    context["body"] = str(soup)
    context["metatags"] = context.get("metatags", "") + meta(app, page, context, soup)
    if not explored:
        context["script_files"] = [script for script in context["script_files"] if "explorer.js" not in named(script)]


def finish_figure(soup: BeautifulSoup, image: Tag, path: Path, data: Tag | None) -> None:
    """Pair a drawing with its dark version, fix its size, and offer its file and data."""
    width = re.search(r'<svg[^>]*?\swidth="([\d.]+)(pt|px)?"', path.read_text(encoding="utf-8"), re.DOTALL)
    if width:
        image["style"] = f"--width: {float(width[1]) * (4 / 3 if width[2] == 'pt' else 1):.0f}px"
    image["loading"] = "lazy"
    classes = image.get_attribute_list("class")
    twin = BeautifulSoup(str(image), "html.parser").img
    assert twin is not None
    image["class"] = [*filter(None, classes), "only-light"]
    twin["class"] = [*filter(None, classes), "only-dark"]
    twin["src"] = str(image["src"]).removesuffix(".svg") + ".dark.svg"
    figure = image.find_parent("figure")
    outer = image.parent if image.parent is not None and image.parent.name == "a" else image
    frame = soup.new_tag("div", attrs={"class": "drawing"})
    outer.wrap(frame)
    image.insert_after(twin)
    links = f'<p class="offers"><a href="{image["src"]}" download>drawing (SVG)</a>'
    if data is not None:
        links += f' <a href="{data["href"]}" download>data (CSV)</a>'
    if figure is not None:
        figure.append(BeautifulSoup(links + "</p>", "html.parser"))


def finish_table(soup: BeautifulSoup, table: Tag) -> None:
    """Give a table a caption and scopes, and every cell the name of its column."""
    head, body = table.find("thead"), table.find("tbody") or table
    for cell in head.find_all("th") if head else ():
        cell["scope"] = "col"
    heads = [[cell.get_text(" ", strip=True) for cell in row(["th", "td"])] for row in head("tr")] if head else []
    names = heads[-1] if heads else []
    if len(heads) == 2 and len(heads[0]) == len(names):  # pandas names the columns above, and the index below
        names = [low or up for up, low in zip(*heads, strict=True)]
    for row in body.find_all("tr"):
        cells = row.find_all(["th", "td"], recursive=False)
        for cell, name in zip(reversed(cells), reversed(names), strict=False):  # spanned cells are missing in front
            if name:
                cell["data-label"] = name
            if len(name) + len(cell.get_text(strip=True)) <= SHORT:
                cell["data-short"] = ""
        for cell in row.find_all("th"):
            cell["scope"] = "row"
    if names and any(names):
        table["class"] = [*filter(None, table.get_attribute_list("class")), "cards"]
    if not table.find("caption"):
        heading = table.find_previous(["h1", "h2", "h3"])
        caption = soup.new_tag("caption", attrs={"class": "visually-hidden"})
        caption.string = heading.get_text().rstrip("#").strip() if heading else "Table"
        table.insert(0, caption)


def meta(app: Sphinx, page: str, context: dict[str, Any], soup: BeautifulSoup) -> str:
    """What search engines and cards show of a page: its title, its first sentences, the front page's picture."""
    first = next((p.get_text(" ", strip=True) for p in soup.select("section > p") if len(p.get_text()) > 60), "")
    text = re.sub(r"\s+", " ", first)
    text = text if len(text) <= DESCRIPTION else text[:DESCRIPTION].rsplit(" ", 1)[0] + " …"
    title = re.sub(r"<[^>]*>", "", str(context.get("title", "")))
    base = app.config.html_baseurl.rstrip("/")
    tags = {"og:type": "article", "og:title": title, "og:description": text, "og:site_name": app.config.html_title}
    if base:  # both must be whole addresses
        tags |= {"og:url": f"{base}/{page}.html", "og:image": f"{base}/_static/front-page.png"}
    lines = [f'<meta name="description" content="{escape(text)}" />'] if text else []
    lines += [f'<meta property="{name}" content="{escape(str(value))}" />' for name, value in tags.items() if value]
    return "\n" + "\n".join(lines) + "\n"


def footer(context: dict[str, Any]) -> str:
    """How to cite, and the commit and date of what the page was made from."""
    words = [f'<a href="{context["pathto"]("references").removesuffix("#")}#how-to-cite">Cite (BibTeX)</a>']
    if context.get("theme_repository_url"):
        words.append(f'<a href="{context["theme_repository_url"]}">Repository</a>')
    command = ["git", "log", "-1", "--format=commit %h of %cs"]
    answer = subprocess.run(command, cwd=HERE, capture_output=True, text=True, check=False)
    if answer.returncode == 0:
        words.append(f"Made from {answer.stdout.strip()}")
    return f"<p>{' · '.join(words)}</p>"


def named(script: Any) -> str:
    """A script's file, or the script itself where it stands in the page, in small letters."""
    return f"{getattr(script, 'filename', script)} {getattr(script, 'attributes', {}).get('body', '')}".lower()


def write(app: Sphinx, error: Exception | None) -> None:
    """Draw the figures for dark pages, leave out the script of icons, and write what offline search reads."""
    if error is not None or app.builder.format != "html":
        return
    out = Path(app.outdir)
    for path in (out / "_images").glob("*.svg"):
        if not path.name.endswith(".dark.svg"):
            path.with_suffix(".dark.svg").write_text(dark(path.read_text(encoding="utf-8")), encoding="utf-8")
    texts = {}
    for path in (path for path in out.rglob("*.html") if "_static" not in path.parts):
        page = path.read_text(encoding="utf-8")
        if (short := ICONS.sub("", page)) != page:
            path.write_text(short, encoding="utf-8")
        article = ARTICLE.search(short)
        if article:
            words = SCRIPT_OR_TAG.sub(" ", article[1])
            texts[path.relative_to(out).with_suffix("").as_posix()] = unescape(re.sub(r"\s+", " ", words))
    for name in ("fontawesome.js", "fontawesome.js.map"):
        (out / "_static" / "scripts" / name).unlink(missing_ok=True)
    script = f"window.pageTexts = {json.dumps(texts, ensure_ascii=False)};\n"
    (out / "_static" / "texts.js").write_text(script, encoding="utf-8")


def setup(app: Sphinx) -> dict[str, bool]:
    """Register with Sphinx; after all others, so that pages are finished last."""
    without_torch.begin()  # the reference is made from the package, which can be read without it
    app.connect("config-inited", prepare)
    app.connect("html-page-context", finish, priority=900)
    app.connect("build-finished", write)
    return {"parallel_read_safe": True, "parallel_write_safe": False}
