"""Draw the README's picture: the front page as a browser shows it. Run `make picture` after `make book`."""

import io
import shutil
from pathlib import Path

from PIL import Image
from playwright.sync_api import sync_playwright

ROOT = Path(__file__).parents[2]
FRONT = ROOT / "_build" / "html" / "index.html"
PICTURE = ROOT / "book" / "_static" / "front-page.png"
SIZE = {"width": 1200, "height": 860}
COLORS = 64


def main() -> None:
    """Write the picture; raises SystemExit where there is no built book or no Chromium."""
    browsers = filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome")))
    browser = next(browsers, None)
    if not FRONT.exists() or browser is None:
        raise SystemExit("the picture needs the built book (make book) and a Chromium of the system")
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=browser, args=["--no-sandbox"])
        page = chromium.new_page(viewport=SIZE, color_scheme="light")
        page.goto(FRONT.as_uri(), wait_until="load")
        shot = page.screenshot()
        chromium.close()
    Image.open(io.BytesIO(shot)).convert("RGB").quantize(COLORS).save(PICTURE, optimize=True)


if __name__ == "__main__":
    main()
