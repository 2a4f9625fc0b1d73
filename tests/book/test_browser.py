"""The built site in a real browser: quiet, self-contained, within the screen, and good to walk through.

Needs `_build/html`, playwright and a Chromium of the system; no browser is downloaded.
"""

import contextlib
import csv
import shutil
import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from mfta.sections import SECTIONS

sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")

SITE = Path(__file__).parents[2] / "_build" / "html"
CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
PAGES = sorted(
    path.relative_to(SITE).as_posix()
    for path in SITE.rglob("*.html")
    if not {"_static", "_sources"} & set(path.relative_to(SITE).parts)
)

pytestmark = [
    pytest.mark.skipif(not (SITE / "index.html").exists(), reason="no _build/html: run `make book`"),
    pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this system: apt-get install chromium"),
]


class Quiet(SimpleHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *args):
        pass

    def send_response(self, code, message=None):
        super().send_response(code, message)
        if code == 200:  # what all pages share is loaded once
            self.send_header("Cache-Control", "max-age=600")


@pytest.fixture(scope="module")
def home():
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=SITE))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/"
    server.shutdown()


@pytest.fixture(scope="module")
def chromium():
    with sync_api.sync_playwright() as playwright:
        # No other host is found. Routes, which could forbid them too, would switch the cache off.
        alone = "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1"
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", alone])
        yield browser
        browser.close()


@contextlib.contextmanager
def visit(chromium, home, theme="light", width=1280):
    """A page, and the list of all that goes wrong on it: failed or foreign requests, console and script errors."""
    context = chromium.new_context(viewport={"width": width, "height": 900}, color_scheme=theme)
    context.set_default_timeout(20_000)
    page, problems = context.new_page(), []
    page.on("requestfailed", lambda request: problems.append(f"failed: {request.url}") if refused(request) else None)
    page.on(
        "response", lambda answer: problems.append(f"{answer.status}: {answer.url}") if answer.status >= 400 else 0
    )
    page.on("pageerror", lambda error: problems.append(f"script error: {error}"))
    page.on("console", lambda line: problems.append(f"console: {line.text}") if line.type == "error" else None)
    yield page, problems
    context.close()


def refused(request):
    """Whether a request failed by itself: leaving a page aborts what it was still loading."""
    return request.failure != "net::ERR_ABORTED"


HEAVIEST = 1_500_000
"""Bytes of a page with all that it loads."""
MEASURED = """() => ({
    shown: document.documentElement.dataset.theme,
    seen: document.documentElement.clientWidth,
    needed: document.documentElement.scrollWidth,
    cut: [...document.querySelectorAll('article table')].filter(table => {
        const box = table.parentElement;
        return box.scrollWidth > box.clientWidth + 1;
    }).length,
    bytes: performance.getEntries().reduce((sum, entry) => sum + (entry.encodedBodySize || 0), 0),
})"""


@pytest.mark.slow
@pytest.mark.parametrize(("theme", "widths"), [("light", (1280, 375)), ("dark", (375, 1280))])
def test_every_page_is_quiet_and_light_fits_the_screen_and_cuts_no_table(chromium, home, theme, widths):
    """Loaded at one width, and then shown at the other."""
    found = []
    with visit(chromium, home, theme) as (page, problems):
        for name in PAGES:
            page.set_viewport_size({"width": widths[0], "height": 900})
            page.goto(home + name, wait_until="load")
            for width in widths:
                page.set_viewport_size({"width": width, "height": 900})
                here = page.evaluate(MEASURED)
                assert here["bytes"] > 100_000  # the page and what it loads are counted
                found += [f"{name}: {here['needed']} px wide on {here['seen']} px"] * (here["needed"] > here["seen"])
                found += [f"{name}: {here['cut']} tables cut on {width} px"] * (here["cut"] > 0)
            found += [f"{name}: {problem}" for problem in problems]
            found += [f"{name}: shown {here['shown']}"] * (here["shown"] != theme and name != "genindex.html")
            found += [f"{name}: {here['bytes']} bytes"] * (here["bytes"] > HEAVIEST)
            problems.clear()
    assert not found, "\n" + "\n".join(found)


def test_a_request_to_another_host_would_be_seen(chromium, home):
    """The log that the tests rely on is not deaf."""
    with visit(chromium, home) as (page, problems):
        page.goto(home + "index.html")
        page.evaluate("fetch('http://elsewhere.invalid/x').catch(() => 0)")
        page.evaluate("console.error('loud'); fetch('nothing-here.txt')")
        page.wait_for_timeout(300)
    text = "\n".join(problems)
    assert "failed: http://elsewhere.invalid/x" in text
    assert "console: loud" in text
    assert "404" in text


def test_a_walk_from_the_front_page_through_the_verdicts_to_the_explorer(chromium, home):
    with visit(chromium, home) as (page, problems):
        page.goto(home + "index.html")
        story = page.locator("figure#fig-story img.only-light")
        story.evaluate("image => { image.scrollIntoView(); return image.decode(); }")  # it is loaded when it is near
        assert story.evaluate("image => image.naturalWidth") > 100
        page.locator("article").get_by_role("link", name="C4", exact=True).click()
        assert page.url.endswith("sections/verdicts.html#verdict-c4")
        verdicts = download(page, "verdicts.csv")
        assert "C4" in {row["claim"] for row in verdicts} <= {f"C{number}" for number in range(1, 7)}
        page.locator("nav.bd-links a[href='explorer.html']").click()
        slider, said = page.locator("input[data-testid=epoch]"), page.locator("#explore-depth .readout")
        assert "last epoch" in said.inner_text()
        slider.focus()
        page.keyboard.press("Home")
        assert "untrained (0)" in said.inner_text()
        assert slider.get_attribute("aria-valuetext") == "untrained (0)"
        turn_dark(page)
        page.set_viewport_size({"width": 375, "height": 800})
        slider.focus()
        page.keyboard.press("End")
        assert "last epoch" in said.inner_text()
        assert page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth")
    assert problems == []


def test_the_explorer_draws_what_its_controls_say(chromium, home):
    with visit(chromium, home) as (page, problems):
        page.goto(home + "sections/explorer.html")
        assert not page.locator("div.cell.tag_static:visible").count()
        lines = page.locator("#explore-depth .plot").first.locator(".line:not(.paper)")
        before = lines.first.get_attribute("d")
        page.get_by_label("radius R").check()
        assert lines.count() == 4
        assert lines.first.get_attribute("d") != before
        said = page.locator("#explore-rewinding .readout")
        before = said.inner_text()
        page.locator("input[data-testid=layers]").focus()
        page.keyboard.press("ArrowRight")
        assert said.inner_text() != before
        page.get_by_label("the first layers").check()
        assert "With the first" in said.inner_text()
    assert problems == []


def test_without_script_the_explorer_shows_its_figures(chromium, home):
    context = chromium.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(home + "sections/explorer.html")
    assert page.locator("div.cell.tag_static img.only-light").count() == 3
    assert page.locator("div.cell.tag_static").first.is_visible()
    context.close()


def test_a_search_without_a_server_has_excerpts(chromium):
    place = SITE.as_uri() + "/"
    with visit(chromium, place) as (page, problems):
        page.goto(place + "search.html?q=rewinding")
        page.locator("ul.search li p.context").first.wait_for()
        assert "rewind" in page.locator("ul.search").inner_text().lower()
    assert problems == []


@pytest.mark.slow
def test_every_page_is_quiet_as_a_file(chromium):
    place, found = SITE.as_uri() + "/", []
    with visit(chromium, place) as (page, problems):
        for name in PAGES:
            page.goto(place + name, wait_until="load")
            found += [f"{name}: {problem}" for problem in problems]
            problems.clear()
    assert not found, "\n" + "\n".join(found)


def test_formulas_are_drawn_in_the_font_that_comes_along_and_wide_ones_scroll(chromium, home):
    with visit(chromium, home, width=375) as (page, problems):
        page.goto(home + "sections/gradients.html", wait_until="networkidle")
        root = page.locator("math msqrt").first.bounding_box()
        assert root["width"] > 8 and root["height"] > 8
        assert page.evaluate("[...document.fonts].some(f => f.family.includes('STIX') && f.status == 'loaded')")
        wide = "[...document.querySelectorAll('.formula')].filter(box => box.scrollWidth > box.clientWidth)"
        assert page.evaluate(f"{wide}.length")
        assert page.evaluate(f"{wide}.every(box => getComputedStyle(box).overflowX == 'auto')")
    assert problems == []


def turn_dark(page):
    """Press the switch, which goes through light, dark, and as the system says."""
    switch = page.locator("button.theme-switch-button:visible").first
    for _ in range(3):
        if page.evaluate("document.documentElement.dataset.theme") == "dark":
            break
        switch.click()
    assert page.evaluate("document.documentElement.dataset.theme") == "dark"


def download(page, name):
    with page.expect_download() as waiting:
        page.get_by_role("link", name=name).click()
    with Path(waiting.value.path()).open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert rows
    return rows


def test_the_search_finds_a_page(chromium, home):
    with visit(chromium, home) as (page, problems):
        page.goto(home + "index.html")
        page.keyboard.press("Control+k")
        page.locator("input[type=search]:visible").first.fill("rewinding")
        page.keyboard.press("Enter")
        found = page.locator("ul.search li a")
        found.first.wait_for()
        assert any("rewinding" in (link.get_attribute("href") or "") for link in found.all())
    assert problems == []


def test_the_switch_turns_the_page_dark_and_keeps_figures_readable(chromium, home):
    with visit(chromium, home) as (page, problems):
        page.goto(home + "index.html")
        turn_dark(page)
        ground = page.evaluate("getComputedStyle(document.body).backgroundColor")
        assert sum(map(int, ground.removeprefix("rgb(").removesuffix(")").split(","))) < 200
        drawn = page.locator("article .drawing img.only-dark").first
        drawn.evaluate("image => image.scrollIntoView()")  # it is loaded when it is near
        drawn.wait_for(state="visible")
        assert not page.locator("article .drawing img.only-light:visible").count()
        page.reload()
        assert page.evaluate("document.documentElement.dataset.theme") == "dark"
    assert problems == []


QUESTIONS = {
    "What is a manifold’s dimension here?": ("sections/method.html", "Radius and dimension"),
    "Did rewinding work?": ("sections/verdicts.html", "C4"),
    "On which data?": ("rerun.html", "Four presets"),
    "How do I run it on my network?": ("sections/own_network.html", "Your own network"),
    "How sure is it?": ("sections/verdicts.html", "How it is decided"),
}


@pytest.mark.parametrize("question", QUESTIONS)
def test_a_newcomers_question_is_one_click_from_the_front_page(chromium, home, question):
    target, heading = QUESTIONS[question]
    with visit(chromium, home) as (page, problems):
        page.goto(home + "index.html")
        answer = page.locator("dt", has_text=question).locator("+ dd")
        answer.get_by_role("link").first.click()
        assert page.url.split("#")[0] == home + target
        sync_api.expect(page.get_by_role("heading", name=heading).first).to_be_visible()
    assert problems == []


@pytest.mark.parametrize("section", SECTIONS)
def test_a_section_offers_its_table_and_its_notebook(chromium, home, section):
    with visit(chromium, home, width=375) as (page, problems):
        page.goto(f"{home}sections/{section}.html")
        assert download(page, "The whole table")
        with page.expect_download() as waiting:
            page.get_by_role("link", name="the executed notebook").click()
        assert waiting.value.suggested_filename == f"{section}.ipynb"
        assert page.locator("div.cell.tag_parameters").count() == 1
    assert problems == []
