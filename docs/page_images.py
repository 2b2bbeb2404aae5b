"""Renders docs/images/report.png and web.png from a trained run: its report, and its page without a server.

    attnforge quickstart --out runs/quickstart
    python docs/page_images.py runs/quickstart

Needs Chromium. Run it again when these pages change.
"""

from __future__ import annotations

import io
import shutil
import sys
import tempfile
from pathlib import Path

from PIL import Image
from playwright.sync_api import Page, sync_playwright

from attnforge.cli import run

IMAGES = Path(__file__).parent / "images"
COLORS = 256
NAMES = ("chromium", "chromium-browser", "google-chrome")
CAPTION = "a blue bird with red wings and a yellow belly"
SAMPLE, WORD = 1, "green"
"""The image of the report, and the word at which the mouse points; the page without a server has `red`."""


def save(shot: bytes, path: Path) -> None:
    """Write a screenshot in few colours, a third of the bytes."""
    with Image.open(io.BytesIO(shot)) as image:
        image.convert("RGB").quantize(COLORS).save(path, optimize=True)


def report(page: Page, address: str) -> bytes:
    """The part of a report with words and pixels, while the mouse points at a word."""
    page.set_viewport_size({"width": 1100, "height": 700})
    page.goto(address)
    sample = page.locator(".sample").nth(SAMPLE)
    sample.locator(".word", has_text=WORD).last.hover()
    page.wait_for_timeout(500)
    heading = page.get_by_role("heading", name="Words and pixels")
    heading.evaluate("element => window.scrollTo(0, element.getBoundingClientRect().top + scrollY - 20)")
    sample.locator(".word", has_text=WORD).last.hover()
    page.wait_for_timeout(500)
    return page.screenshot()


def web(page: Page, address: str) -> bytes:
    """The page without a server, while the mouse points at a word."""
    page.set_viewport_size({"width": 1280, "height": 905})
    page.goto(address)
    page.locator("#caption").fill(CAPTION)
    page.locator("#status", has_text="8 images in").wait_for(timeout=120_000)
    page.locator("#words button", has_text="red").first.hover()
    page.wait_for_timeout(500)
    return page.screenshot()


def write(folder: Path) -> None:
    """Write both images of a run."""
    browser = next(filter(None, map(shutil.which, NAMES)), None)
    with tempfile.TemporaryDirectory() as temporary, sync_playwright() as playwright:
        exported = Path(temporary) / "quickstart.html"
        run(["report", str(folder)])
        run(["export", "web", str(folder), "-o", str(exported)])
        page = playwright.chromium.launch(executable_path=browser, args=["--no-sandbox"]).new_page()
        save(report(page, (folder / "report.html").resolve().as_uri()), IMAGES / "report.png")
        save(web(page, exported.as_uri()), IMAGES / "web.png")


if __name__ == "__main__":
    write(Path(sys.argv[1]))
