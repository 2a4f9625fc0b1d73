"""The built site by itself: links, assets, alternative texts, no failed cell. Needs `_build/html`."""

import re
from functools import cache
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest

SITE = Path(__file__).parents[2] / "_build" / "html"
ASSET_TAGS = {"script", "link", "img", "iframe", "source", "video", "audio", "embed", "object", "image"}
ERROR_CLASSES = {"traceback", "tag_papermill-error-cell-tag"}

pytestmark = pytest.mark.skipif(not (SITE / "index.html").exists(), reason="no _build/html: run `make book`")


class Page(HTMLParser):
    """What a page defines (ids), points to (links), loads (assets), shows (images) and reports (errors)."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.path = path
        self.ids: set[str] = set()
        self.links: list[str] = []
        self.assets: list[str] = []
        self.images: list[dict[str, str]] = []
        self.errors: list[str] = []
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        attributes = {name: value or "" for name, value in attrs}
        self.ids.update(attributes[name] for name in ("id", "name") if name in attributes)
        if tag == "a" and "href" in attributes:
            self.links.append(attributes["href"])
        if tag in ASSET_TAGS:
            self.assets += [attributes[k] for k in ("src", "href", "data", "poster") if attributes.get(k)]
            candidates = attributes.get("srcset", "").split(",")
            self.assets += [c.split()[0] for c in candidates if c.strip()]
        if tag == "img":
            self.images.append(attributes)
        classes = set(attributes.get("class", "").split())
        marks = {attributes.get("id"), attributes.get("href", "").removeprefix("#")}
        if ERROR_CLASSES & classes or "papermill-error-cell" in marks:
            self.errors.append(self.get_starttag_text() or tag)


@cache
def page(path: Path) -> Page:
    return Page(path)


def pages() -> list[Page]:
    found = [p for p in SITE.rglob("*.html") if not {"_static", "_sources"} & set(p.relative_to(SITE).parts)]
    return [page(p) for p in sorted(found)]


def report(problems: list[str]) -> None:
    assert not problems, "\n" + "\n".join(problems)


def where(p: Page) -> str:
    return p.path.relative_to(SITE).as_posix()


def broken(p: Page, reference: str) -> str | None:
    """Why a reference within the site leads nowhere, or None."""
    parts = urlsplit(reference)
    target = (p.path.parent / unquote(parts.path)).resolve() if parts.path else p.path
    if not target.is_relative_to(SITE.resolve()):
        return "leaves the site"
    if not target.is_file():
        return "no such file"
    if parts.fragment and target.suffix == ".html" and unquote(parts.fragment) not in page(target).ids:
        return "no such anchor"
    return None


def external(reference: str) -> bool:
    parts = urlsplit(reference)
    return bool(parts.netloc) or parts.scheme not in ("", "data")


def test_there_are_pages() -> None:
    assert len(pages()) > 2


def test_links_and_anchors_resolve() -> None:
    report(
        [
            f"{where(p)}: {link}: {reason}"
            for p in pages()
            for link in p.links
            if not external(link) and not link.startswith("data:") and (reason := broken(p, link))
        ]
    )


def test_assets_resolve() -> None:
    report(
        [
            f"{where(p)}: {asset}: {reason}"
            for p in pages()
            for asset in p.assets
            if not external(asset) and not asset.startswith("data:") and (reason := broken(p, asset))
        ]
    )


def test_nothing_is_loaded_from_another_host() -> None:
    problems = [f"{where(p)}: {asset}" for p in pages() for asset in p.assets if external(asset)]
    loads = re.compile(r"""(?:url\(|@import)\s*['"]?((?:https?:)?//[^'")\s]+)""")
    for sheet in SITE.rglob("*.css"):
        text = sheet.read_text(encoding="utf-8", errors="replace")
        problems += [f"{sheet.relative_to(SITE)}: {url}" for url in loads.findall(text)]
    report(problems)


def test_images_have_alternative_text() -> None:
    def poor(alt: str) -> bool:
        return not alt.strip() or bool(re.search(r"\.(svg|png|jpe?g|gif|webp)$", alt.strip(), re.IGNORECASE))

    report(
        [
            f"{where(p)}: {image.get('src', '')[:80]}: alt={image.get('alt')!r}"
            for p in pages()
            for image in p.images
            if poor(image.get("alt", ""))
        ]
    )


def test_no_cell_failed() -> None:
    report([f"{where(p)}: {error}" for p in pages() for error in p.errors])
