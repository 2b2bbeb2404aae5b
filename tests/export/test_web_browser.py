"""The page in a browser, opened from the disk: what it computes, shows and refuses, by mouse and keyboard."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from browsers import CAPTION, IN_A_BROWSER, GeneratingVisit, chromium, sync_api
from javascript import script_in
from PIL import Image
from web_parity import as_arrays, computing, image_of, parity_cases

from attnforge.sampling.pipeline import Pipeline

pytestmark = IN_A_BROWSER


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with chromium() as started:
        yield started


class Visit(GeneratingVisit):
    """The open page of a file."""

    def __init__(self, browser: Any, file: Path, **options: Any) -> None:
        super().__init__(browser, f"{file.as_uri()}#caption={CAPTION}", **options)

    def type(self, caption: str) -> None:
        self.page.locator("#caption").fill(caption)

    def problem(self, code: str) -> str:
        """The text of the problem of a code, as soon as it is shown."""
        shown = self.page.locator("#problem .problem", has_text=code)
        shown.wait_for()
        return str(shown.inner_text())


@pytest.fixture
def visit(browser: Any, page: Path) -> Iterator[Visit]:
    opened = Visit(browser, page)
    opened.generated()
    yield opened
    opened.page.evaluate("checkOnce()")
    assert opened.page.locator("#main > .note").all_inner_texts() == []
    assert opened.complaints == []
    assert {url.split(":")[0] for url in opened.requested} <= {"file", "blob", "data"}
    assert len([url for url in opened.requested if url.startswith("file:")]) == 1
    opened.context.close()


def shown_pixels(visit: Visit, tile: int) -> np.ndarray:
    source = visit.page.locator("#results .tile img").nth(tile).get_attribute("src")
    data = visit.page.evaluate(
        "(source) => Array.from(atob(source.split(',')[1]), (c) => c.charCodeAt(0))", source
    )
    with Image.open(io.BytesIO(bytes(data))) as image:
        return np.asarray(image.convert("RGB"), dtype=int)


def test_twenty_captions_of_all_lengths_are_computed_as_torch_does(
    visit: Visit, page: Path, stored: Pipeline
) -> None:
    most = json.loads(script_in(page, "data"))["words"]
    cases = parity_cases(stored, lengths=[1, 5, most] * 6 + [2, most - 1])
    assert len(cases) == 20
    script = computing(page, [image_of(case.ids, seeds=[case.seed, case.seed]) for case in cases])
    values = visit.page.evaluate(f"() => new Promise((result) => {{ {script} }})")
    for case, own in zip(cases, as_arrays(values), strict=True):
        case.compare(own, tolerance=1e-3)


def test_images_are_those_of_the_command_line_with_the_same_noise(visit: Visit, stored: Pipeline) -> None:
    for seed in (1, 7):
        (own,) = stored.generate([CAPTION], seed=seed)
        assert np.abs(shown_pixels(visit, seed - 1) - own.images[-1]).max() <= 1


def test_words_show_their_maps_by_mouse_tap_and_keyboard(visit: Visit) -> None:
    red = visit.page.locator("#words .word", has_text="red")
    red.hover()
    visit.page.locator("#results canvas.shown").nth(7).wait_for()
    sync_api.expect(visit.page.locator(".panel canvas.shown")).not_to_have_count(0)
    visit.page.mouse.move(0, 0)
    sync_api.expect(visit.page.locator("canvas.shown")).to_have_count(0)
    visit.page.locator("#caption").focus()
    visit.page.keyboard.press("Tab")
    visit.page.keyboard.press("ArrowRight")
    sync_api.expect(red).to_be_focused()
    visit.page.locator("#results canvas.shown").nth(7).wait_for()
    visit.page.keyboard.press("Enter")
    sync_api.expect(red).to_have_attribute("aria-pressed", "true")
    visit.page.keyboard.press("Escape")
    sync_api.expect(visit.page.locator("canvas.shown")).to_have_count(0)


def test_unknown_words_are_marked_and_replaced(visit: Visit) -> None:
    visit.type("a rid bird with xylophonic wings")
    unknown = visit.page.locator("#words .unknown")
    sync_api.expect(unknown).to_have_count(2)
    assert unknown.first.get_attribute("aria-label") == "rid: unknown word; replace it with red"
    unknown.first.click()
    visit.generated(caption="a red bird with xylophonic wings")


def test_swaps_keep_the_noise_and_walks_reach_the_other_caption(visit: Visit, stored: Pipeline) -> None:
    visit.page.get_by_role("tab", name="Swap words").click()
    visit.page.get_by_label("Replace").fill("red")
    visit.page.get_by_label("with", exact=True).fill("green")
    visit.page.get_by_role("button", name="Add").click()
    visit.generated(8)
    (own,) = stored.generate(["a green bird with blue wings"], seed=1)
    assert np.abs(shown_pixels(visit, 4) - own.images[-1]).max() <= 1
    visit.page.get_by_label("Replace").fill("tail")
    visit.page.get_by_label("with", exact=True).fill("green")
    visit.page.get_by_role("button", name="Add").click()
    assert "has no word “tail”" in visit.problem("swap-word-missing")
    visit.page.get_by_role("button", name="Remove the swap of tail for green").click()
    visit.page.get_by_role("tab", name="Walk").click()
    visit.page.get_by_label("To the caption").fill("a yellow bird")
    visit.generated(12)
    (own,) = stored.generate(["a yellow bird"], seed=1)
    sync_api.expect(visit.page.locator("#results .tile img").nth(11)).to_have_attribute(
        "alt", "a yellow bird"
    )
    assert np.abs(shown_pixels(visit, 11) - own.images[-1]).max() <= 1
    assert visit.page.get_by_role("button", name="Save as GIF").count() == 0


def test_hostile_captions_are_text(visit: Visit) -> None:
    visit.type('a red <img src=x onerror="window.broken=1"> bird <script>window.broken=1</script>')
    visit.page.locator("#words .unknown", has_text="<script>").wait_for()
    visit.page.wait_for_timeout(500)
    assert visit.page.evaluate("window.broken") is None
    visit.type("qqqq zzzz")
    assert "knows no word of the caption" in visit.problem("caption-unknown")
    visit.type("red " * 2500)
    assert "of which this page reads up to" in visit.problem("caption-too-long")
    assert visit.page.locator("#caption").input_value() == ("red " * 250)
    visit.type("")
    sync_api.expect(visit.page.locator("#results .tile")).to_have_count(0)
    visit.page.locator("#examples .example").first.click()
    visit.generated()


def test_a_changed_page_says_that_its_images_are_not_to_be_trusted(
    browser: Any, page: Path, tmp_path: Path
) -> None:
    text = page.read_text()
    other = text.replace('"every":', '"every":1,"was":', 1)
    assert other != text
    changed = tmp_path / "changed.html"
    changed.write_text(other)
    visit = Visit(browser, changed)
    visit.page.locator("#main > .note", has_text="do not trust its images").wait_for()
    visit.context.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 1280])
def test_narrow_and_wide_light_and_dark(browser: Any, page: Path, width: int, scheme: str) -> None:
    visit = Visit(browser, page, viewport={"width": width, "height": 844}, color_scheme=scheme)
    visit.generated()
    assert visit.page.evaluate("document.documentElement.scrollWidth") <= width
    with Image.open(io.BytesIO(visit.page.screenshot())) as shot:
        corner = np.asarray(shot.convert("L"))[2, 2]
    assert (corner > 128) == (scheme == "light")
    tree = visit.page.locator("body").aria_snapshot()
    for part in (
        'textbox "Caption"',
        'button "red"',
        'tab "Images" [selected]',
        'button "noise 1"',
        "heading",
    ):
        assert part in tree
    visit.context.close()
