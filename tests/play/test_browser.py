"""The page in a browser: typing, words, swaps, walks, comparison, keyboard, both widths, light and dark."""

from __future__ import annotations

import base64
import io
import json
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import play as benchmark
import pytest
from browsers import CAPTION, IN_A_BROWSER, chromium
from PIL import Image
from play_server import PlayVisit, serving

pytestmark = IN_A_BROWSER


@pytest.fixture(scope="module")
def port(trained: Path) -> Iterator[int]:
    """A page with the run twice, by different names."""
    with serving([trained, trained]) as number:
        yield number


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with chromium() as started:
        yield started


@pytest.fixture
def visit(browser: Any, port: int) -> Iterator[PlayVisit]:
    opened = PlayVisit(browser, port)
    opened.generated()
    yield opened
    refused = "Failed to load resource: the server responded with a status of 422"
    assert [text for text in opened.complaints if not text.startswith(refused)] == []
    opened.context.close()


def brightness(element: Any) -> float:
    with Image.open(io.BytesIO(element.screenshot())) as shot:
        return float(np.asarray(shot.convert("L"), dtype=float).mean())


def test_typing_generates_and_only_the_newest_answer_is_shown(visit: PlayVisit) -> None:
    before = visit.sources()
    visit.requested.clear()
    visit.type("a yellow bird with black wings")
    visit.generated(caption="a yellow bird with black wings")
    assert len(set(visit.sources()) - set(before)) == 8
    assert len([url for url in visit.requested if url.endswith("/api/images")]) == 1
    visit.page.locator("#caption").press("End")
    for letter in " and a red belly":
        visit.page.locator("#caption").press(letter if letter != " " else "Space")
    visit.generated(caption="a yellow bird with black wings and a red belly")
    alts = visit.page.locator("#results .tile img").evaluate_all("all => all.map(img => img.alt)")
    assert set(alts) == {"a yellow bird with black wings and a red belly"}
    assert {url.split("/")[2] for url in visit.requested if not url.startswith(("data:", "blob:"))} == {
        visit.origin.split("/")[2]
    }


def test_pointing_at_a_word_shows_its_map_on_every_image_and_a_click_keeps_it(visit: PlayVisit) -> None:
    frames = visit.page.locator("#results .tile .frame")
    before = [brightness(frames.nth(number)) for number in (0, 7)]
    red = visit.page.locator("#words .word", has_text="red")
    red.hover()
    visit.page.locator("#results canvas.shown").nth(7).wait_for()
    assert all(brightness(frames.nth(number)) < old - 5 for number, old in zip((0, 7), before, strict=True))
    assert "share" in visit.page.locator(".panel").inner_text()
    assert "above even" in visit.page.locator(".panel").inner_text()
    visit.page.mouse.move(0, 0)
    assert visit.page.locator("#results canvas.shown").count() == 0
    red.click()
    visit.page.mouse.move(0, 0)
    assert red.get_attribute("aria-pressed") == "true"
    assert visit.page.locator("#results canvas.shown").count() == 8


def test_a_model_without_maps_asks_nobody_to_point_at_words(visit: PlayVisit) -> None:
    hint = visit.page.locator("#words-help")
    assert "Point at a word" in hint.inner_text()
    assert visit.page.locator(".panel figcaption", has_text="no attention").count() == 1
    visit.page.evaluate(
        "() => { for (const tile of tiles) tile.sample = { ...tile.sample, regions: null,"
        " stages: tile.sample.stages.map((stage) => ({ ...stage, maps: null })) }; renderDetail(); }"
    )
    assert "shows no maps of words" in hint.inner_text()


def test_an_unknown_word_is_replaced_by_the_nearest_with_a_click(visit: PlayVisit) -> None:
    visit.type("a yelow bird")
    unknown = visit.page.locator(".word.unknown")
    unknown.wait_for()
    assert unknown.get_attribute("aria-label") == "yelow: unknown word; replace it with yellow"
    unknown.click()
    assert visit.page.locator("#caption").input_value() == "a yellow bird"
    visit.generated(caption="a yellow bird")


def test_what_cannot_be_generated_is_told_and_the_images_stay(visit: PlayVisit) -> None:
    visit.type("zzz")
    alert = visit.page.locator("[role=alert]")
    alert.locator("text=caption-unknown").wait_for()
    assert visit.page.locator("#results .stale").count() == 8
    visit.type("a blue bird")
    visit.generated(caption="a blue bird")
    assert alert.inner_text() == ""


def test_hostile_captions_are_text(visit: PlayVisit) -> None:
    visit.page.locator("#caption").fill(
        "<img src=x onerror='window.ran=1'> red </textarea><script>window.ran=1</script>"
    )
    visit.page.locator(".panel .caption", has_text="<script>").wait_for()
    assert visit.page.evaluate("() => window.ran") is None
    visit.page.locator("#caption").fill("red " * 2_500)
    visit.page.locator("#status", has_text="at most 1000").wait_for()
    assert len(visit.page.locator("#caption").input_value()) == 1_000
    visit.page.locator("#status", has_text="images in").wait_for()
    assert "at most 1000" in visit.page.locator("#status").inner_text(), "still, where it can be read"
    visit.page.locator("#caption").fill("a red bird")
    visit.generated(caption="a red bird")
    assert "at most" not in visit.page.locator("#status").inner_text()


def test_new_noises_leave_the_pinned_ones(visit: PlayVisit) -> None:
    before = visit.sources()
    visit.page.get_by_label("Pin noise 3").click()
    visit.page.get_by_role("button", name="New noises").click()
    visit.generated()
    after = visit.sources()
    assert [old == new for old, new in zip(before, after, strict=True)] == [
        number == 2 for number in range(8)
    ]


def test_swapped_words_keep_the_noise_and_show_what_changed(visit: PlayVisit) -> None:
    first = visit.sources()[:4]
    visit.page.get_by_role("tab", name="Swap words").click()
    visit.page.locator("#words .word", has_text="red").click()
    visit.page.keyboard.type("yellow")
    visit.page.keyboard.press("Enter")
    visit.generated(8)
    sources = visit.sources()
    assert sources[:4] == first
    assert not set(sources[4:]) & set(first)
    visit.page.mouse.move(0, 0)
    visit.page.locator("#words .word", has_text="red").click()
    visit.page.get_by_label("Show what changed").check()
    visit.page.locator("#results canvas.shown").nth(3).wait_for()
    assert visit.page.locator("#results canvas.shown").count() == 4


def test_a_walk_can_be_stepped_animated_and_saved(visit: PlayVisit) -> None:
    visit.page.get_by_role("tab", name="Walk").click()
    visit.page.get_by_label("To the caption").fill("a yellow bird")
    visit.page.get_by_label("Noise at end").fill("7")
    visit.generated(12)
    visit.page.locator("#results .tile img[alt='a yellow bird']").wait_for()
    slider = visit.page.get_by_label("Step of the walk")
    slider.focus()
    visit.page.keyboard.press("End")
    assert visit.page.locator(".panel .caption").inner_text() == "a yellow bird"
    visit.page.get_by_role("button", name="Animate").click()
    visit.page.get_by_role("button", name="Pause").click()
    with visit.page.expect_download() as download:
        visit.page.get_by_role("button", name="Save as GIF").click()
    with Image.open(download.value.path()) as animation:
        assert (animation.format, animation.n_frames) == ("GIF", 22)


def test_images_are_saved_as_they_were_generated(visit: PlayVisit) -> None:
    with visit.page.expect_download() as download:
        visit.page.get_by_role("button", name="Save PNG").click()
    assert download.value.suggested_filename == "a-red-bird-with-blue-wings-noise1.png"
    shown = base64.b64decode(visit.sources()[0].partition(",")[2])
    with Image.open(download.value.path()) as saved, Image.open(io.BytesIO(shown)) as expected:
        np.testing.assert_array_equal(np.asarray(saved), np.asarray(expected))
    with visit.page.expect_download() as download:
        visit.page.get_by_role("button", name="Save all").click()
    with Image.open(download.value.path()) as sheet:
        assert sheet.size == (4 * 136 + 8, 2 * 136 + 8)


def test_two_models_stand_side_by_side_and_the_link_brings_all_back(browser: Any, visit: PlayVisit) -> None:
    visit.page.get_by_role("button", name="Compare").click()
    visit.generated(16)
    assert visit.page.locator("#results .block").count() == 2
    visit.page.get_by_role("button", name="noise 5").first.click()
    assert visit.page.locator(".panel").count() == 2
    address, sources = visit.page.url, visit.sources()
    again = PlayVisit(browser, int(visit.origin.split(":")[2].strip("/")), address.partition("#")[2])
    again.generated(16)
    assert again.sources() == sources
    assert again.page.locator(".pick[aria-pressed=true]").count() == 2
    again.context.close()


def test_everything_can_be_reached_by_keyboard(visit: PlayVisit) -> None:
    visit.page.locator("#caption").focus()
    visit.page.keyboard.press("Tab")
    visit.page.keyboard.press("ArrowRight")
    visit.page.locator("#results canvas.shown").nth(7).wait_for()
    visit.page.keyboard.press("Enter")
    assert visit.page.locator(".word[aria-pressed=true]").inner_text() == "red"
    visit.page.keyboard.press("Escape")
    assert visit.page.locator("#results canvas.shown").count() == 0
    visit.page.keyboard.press("Tab")
    assert visit.page.evaluate("() => document.activeElement.dataset.mode") == "images"
    visit.page.keyboard.press("ArrowRight")
    assert visit.page.get_by_role("tab", name="Swap words").get_attribute("aria-selected") == "true"
    visit.page.keyboard.press("ArrowLeft")
    visit.generated()
    visit.page.locator(".pick").first.focus()
    visit.page.keyboard.press("ArrowDown")
    assert visit.page.locator(".pick[aria-pressed=true]").get_attribute("aria-label") == "noise 5"


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 1280])
@pytest.mark.parametrize("mode", ["images", "swap", "walk"])
def test_nothing_is_cut_off_and_text_has_contrast(
    browser: Any, port: int, mode: str, width: int, scheme: str
) -> None:
    fragment = f"caption={CAPTION}&mode={mode}&swap=red=yellow&to=a yellow bird"
    visit = PlayVisit(
        browser, port, fragment, viewport={"width": width, "height": 844}, color_scheme=scheme, has_touch=True
    )
    visit.generated(12 if mode == "walk" else 8)
    assert visit.page.evaluate("() => document.documentElement.scrollWidth") == width
    visit.page.locator("#words .word", has_text="bird").tap()
    contrasts = visit.page.evaluate(CONTRASTS)
    assert len(contrasts) > 10
    assert [entry for entry in contrasts if entry[1] < 4.5] == []
    assert visit.complaints == []
    visit.context.close()


CONTRASTS = """() => {
  const rgb = (text) => text.match(/[\\d.]+/g).map(Number);
  const light = (channels) => channels.slice(0, 3).map((value) => value / 255)
    .map((value) => (value <= 0.03928 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4))
    .reduce((sum, value, place) => sum + value * [0.2126, 0.7152, 0.0722][place], 0);
  const behind = (element) => {
    for (let at = element; at; at = at.parentElement) {
      const colour = rgb(getComputedStyle(at).backgroundColor);
      if (colour.length < 4 || colour[3] === 1) return colour;
    }
    return [255, 255, 255];
  };
  return [...document.querySelectorAll('.live *')]
    .filter((element) => element.checkVisibility())
    .filter((element) => [...element.childNodes].some((node) => node.nodeType === 3 && node.data.trim()))
    .map((element) => {
      const colours = [rgb(getComputedStyle(element).color), behind(element)];
      const [a, b] = colours.map(light).sort((x, y) => y - x);
      return [element.textContent.trim().slice(0, 40), (a + 0.05) / (b + 0.05)];
    });
}"""


def test_a_screen_reader_finds_names_for_all(visit: PlayVisit) -> None:
    tree = visit.page.locator("body").aria_snapshot()
    for line in (
        '- heading "attnforge play" [level=1]',
        '- textbox "Caption"',
        '- toolbar "Words of the caption"',
        '- button "red"',
        '- tab "Images" [selected]',
        '- button "noise 1" [pressed]',
        '- button "Pin noise 1"',
        '- complementary "Selected image"',
        "- status: ",
    ):
        assert line in tree, tree
    unnamed = visit.page.evaluate(
        "() => [...document.querySelectorAll('button, input, select, textarea, a')].filter((element) =>"
        " !(element.textContent.trim() || element.ariaLabel || element.labels?.length)).length"
    )
    assert unnamed == 0
    assert visit.page.locator("#results img:not([alt])").count() == 0


def test_a_closed_tab_leaves_the_server_to_others(browser: Any, port: int) -> None:
    for _ in range(5):
        visit = PlayVisit(browser, port, f"caption={CAPTION}&mode=walk&steps=48&to=a yellow bird")
        visit.page.locator(".tile:not(.empty)").first.wait_for()
        visit.context.close()
    start = time.monotonic()
    visit = PlayVisit(browser, port)
    visit.generated()
    assert time.monotonic() - start < 30
    visit.context.close()


def test_a_stopped_server_is_told(browser: Any, port: int) -> None:
    visit = PlayVisit(browser, port)
    visit.generated()
    visit.context.set_offline(True)
    visit.page.locator("#caption").fill("a blue bird")
    visit.page.locator("[role=alert]", has_text="does not answer").wait_for()
    visit.context.set_offline(False)
    visit.page.locator("#caption").fill("a blue bird with")
    visit.generated(caption="a blue bird with")
    assert visit.page.locator("[role=alert]").inner_text() == ""
    visit.context.close()


def test_of_200_requests_at_8_at_a_time_none_is_lost(port: int) -> None:
    with ThreadPoolExecutor(8) as threads:
        answers = list(threads.map(lambda number: benchmark.ask(port, number, noises=2), range(200)))
    assert [answer.images for answer in answers] == [2] * 200


def test_the_benchmark_measures(trained: Path) -> None:
    load = benchmark.measure(trained, requests=6, at_a_time=3, noises=1, device="cpu")
    assert (load.lost, load.requests) == (0, 6)
    assert 0 < load.first_image_p50 <= load.p50 <= load.p95 <= load.slowest
    assert 0 < load.memory_before_mib <= load.memory_peak_mib
    assert json.dumps(load.p50)
