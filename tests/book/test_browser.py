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

sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")

SITE = Path(__file__).parents[2] / "_build" / "html"
CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
PAGES = sorted(
    path.relative_to(SITE).as_posix()
    for path in SITE.rglob("*.html")
    if not {"_static", "_sources"} & set(path.relative_to(SITE).parts)
)
FIGURE_SECTIONS = ("capacity_theory", "layer_memorization", "rewinding", "double_descent", "gradients")

pytestmark = [
    pytest.mark.skipif(not (SITE / "index.html").exists(), reason="no _build/html: run `make book`"),
    pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this system: apt-get install chromium"),
]


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *args):
        pass


@pytest.fixture(scope="module")
def home():
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=SITE))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/"
    server.shutdown()


@pytest.fixture(scope="module")
def chromium():
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


@contextlib.contextmanager
def visit(chromium, home, theme="light", width=1280):
    """A page, and the list of all that goes wrong on it: failed or foreign requests, console and script errors."""
    context = chromium.new_context(viewport={"width": width, "height": 900}, color_scheme=theme)
    context.set_default_timeout(20_000)
    page, problems = context.new_page(), []
    context.route(lambda url: not url.startswith((home, "data:", "blob:")), lambda route: route.abort())
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


@pytest.mark.slow
@pytest.mark.parametrize("width", [1280, 375])
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_every_page_is_quiet_and_fits_the_screen(chromium, home, theme, width):
    found = []
    with visit(chromium, home, theme, width) as (page, problems):
        for name in PAGES:
            page.goto(home + name, wait_until="load")
            if page.locator(".math").count():
                page.locator("mjx-container").first.wait_for(state="attached")
            here = [f"{name}: {problem}" for problem in problems]
            seen, needed = page.evaluate(
                "[document.documentElement.clientWidth, document.documentElement.scrollWidth]"
            )
            here += [f"{name}: {needed} px wide on {seen} px"] if needed > seen else []
            shown = page.evaluate("document.documentElement.dataset.theme")
            here += [f"{name}: shown {shown}"] if shown != theme and name != "genindex.html" else []
            found += here
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


def test_a_walk_from_the_front_page_to_a_downloaded_table(chromium, home):
    with visit(chromium, home) as (page, problems):
        page.goto(home + "index.html")
        story = page.locator("figure#fig-story img")
        assert story.evaluate("image => image.naturalWidth") > 100
        page.locator("nav.bd-links").get_by_role("link", name="Layer memorization").click()
        figure = page.locator("#fig-geometry img")
        figure.scroll_into_view_if_needed()
        assert figure.evaluate("image => image.naturalWidth") > 100
        assert "Capacity, radius and dimension by depth" in page.locator("#fig-geometry figcaption").inner_text()
        table = download(page, "The whole table")
        assert {"seed", "epoch", "layer", "examples", "capacity"} <= set(table[0])
        page.get_by_role("link", name="Where does a network memorize?").first.click()
        page.get_by_role("link", name="C4", exact=True).click()
        assert page.url.endswith("sections/verdicts.html#verdict-c4")
        sync_api.expect(page.get_by_role("heading", name="C4: Rewinding")).to_be_visible()
        verdicts = download(page, "verdicts.csv")
        assert {row["claim"] for row in verdicts} == {"C1", "C2", "C3", "C4", "C5", "C6"}
    assert problems == []


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
        page.goto(home + "sections/layer_memorization.html")
        switch = page.locator("button.theme-switch-button:visible").first
        for _ in range(3):  # light, dark, as the system says
            if page.evaluate("document.documentElement.dataset.theme") == "dark":
                break
            switch.click()
        assert page.evaluate("document.documentElement.dataset.theme") == "dark"
        ground = page.evaluate("getComputedStyle(document.body).backgroundColor")
        assert sum(map(int, ground.removeprefix("rgb(").removesuffix(")").split(","))) < 200
        figure = page.locator("#fig-accuracy img")
        assert "invert" in figure.evaluate("image => getComputedStyle(image).filter")
        page.reload()
        assert page.evaluate("document.documentElement.dataset.theme") == "dark"
    assert problems == []


QUESTIONS = {
    "What is a manifold’s dimension here?": ("sections/method.html", "Radius and dimension"),
    "Did rewinding work?": ("sections/verdicts.html", "C4"),
    "On which data?": ("rerun.html", "Three presets"),
    "How do I run it on my network?": ("extend.html", "Your own network"),
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


@pytest.mark.parametrize("section", FIGURE_SECTIONS)
def test_a_section_offers_its_table_and_its_notebook(chromium, home, section):
    with visit(chromium, home, width=375) as (page, problems):
        page.goto(f"{home}sections/{section}.html")
        assert download(page, "The whole table")
        with page.expect_download() as waiting:
            page.get_by_role("link", name="the executed notebook").click()
        assert waiting.value.suggested_filename == f"{section}.ipynb"
        assert page.locator("div.cell.tag_parameters").count() == 1
    assert problems == []
