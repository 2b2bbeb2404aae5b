"""Chromium, and pages open in it, for tests of what people see; without both, such tests are skipped."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
IN_A_BROWSER = [pytest.mark.long, pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on the path")]
"""Marks of a module of such tests."""
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
]
CAPTION = "a red bird with blue wings"
MILLISECONDS = 120_000
"""What anything may take on a busy machine."""


@contextmanager
def chromium() -> Iterator[Any]:
    """A browser, closed at the end."""
    with sync_api.sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield started
        started.close()


class Visit:
    """An open page, with everything that the browser asked for, was answered or complained about.

    Args:
        browser: The browser.
        address: The address of the page.
        options: Of the context, such as the viewport.
    """

    def __init__(self, browser: Any, address: str, **options: Any) -> None:
        self.context = browser.new_context(accept_downloads=True, **options)
        self.context.set_default_timeout(MILLISECONDS)
        self.page = self.context.new_page()
        self.requested: list[str] = []
        self.answered: list[str] = []
        self.complaints: list[str] = []
        self.page.on("request", lambda request: self.requested.append(request.url))
        self.page.on("response", lambda response: self.answered.append(response.url))
        self.page.on("console", lambda message: self.complaints.append(message.text))
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.goto(address)


class GeneratingVisit(Visit):
    """An open page that generates, served by `attnforge play` or written by `attnforge export web`."""

    def generated(self, images: int = 8, caption: str | None = None) -> None:
        """Wait until all images are there, the selected one of a caption."""
        if caption is not None:
            self.page.locator(f".panel .large img[alt^={json.dumps(caption + ',')}]").wait_for()
        self.page.locator("#status", has_text=f"{images} images in").wait_for()
        tiles = self.page.locator("#results .tile:not(.stale):not(.empty)")
        sync_api.expect(tiles).to_have_count(images, timeout=MILLISECONDS)

    def sources(self) -> list[str]:
        """The images as data URIs, in order."""
        sources: list[str] = self.page.locator("#results .tile img").evaluate_all(
            "all => all.map(img => img.src)"
        )
        return sources
