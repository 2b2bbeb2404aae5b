"""The report in a browser: pointing at a word changes the pixels, by mouse, by keyboard and by touch."""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import browsers
import numpy as np
import pytest
from browsers import IN_A_BROWSER, chromium
from PIL import Image

from attnforge.report import write_report
from attnforge.report.images import image_uri
from attnforge.report.noises import NoiseRow, Noises
from attnforge.sampling.generated import GeneratedImage

pytestmark = IN_A_BROWSER


def sample(caption: str = "a red bird") -> GeneratedImage:
    """White images; the word `red` has the upper left corner, `bird` the lower right."""
    images = tuple(np.full((side, side, 3), 255, dtype=np.uint8) for side in (16, 32, 64))
    maps = []
    for side in (16, 32):
        weights = np.full((3, side, side), 0.02, dtype=np.float32)
        weights[1, : side // 2, : side // 2] = 0.96
        weights[2, side // 2 :, side // 2 :] = 0.5
        weights[0] = 1 - weights[1] - weights[2]
        maps.append(weights)
    return GeneratedImage(caption, ("a", "red", "bird"), 1, 0, images, tuple(maps))


def with_regions() -> GeneratedImage:
    """The same, with `bird` in the upper left of four regions and the other words everywhere alike."""
    regions = np.full((3, 2, 2), 0.25, dtype=np.float32)
    regions[2] = [[0.97, 0.01], [0.01, 0.01]]
    return replace(sample(), regions=regions)


def brightness(element: Any) -> tuple[float, float]:
    """Of what the screen shows of an element, near its upper left and its lower right corner."""
    with Image.open(io.BytesIO(element.screenshot())) as shot:
        pixels = np.asarray(shot.convert("L"), dtype=float)
    third = len(pixels) // 3
    return float(np.median(pixels[:third, :third])), float(np.median(pixels[-third:, -third:]))


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with chromium() as started:
        yield started


class Visit(browsers.Visit):
    """An open report."""

    def __init__(self, browser: Any, path: Path, **options: Any) -> None:
        super().__init__(browser, path.as_uri(), **options)

    def word(self, text: str, number: int = 0) -> Any:
        return self.page.locator(".sample").nth(number).locator(".word", has_text=text).last

    def corners(self, stage: int, number: int = 0) -> tuple[float, float]:
        """Brightness near the upper left and the lower right corner of a stage, as the screen shows it."""
        return brightness(self.page.locator(".sample").nth(number).locator(".frame").nth(stage))


@pytest.fixture
def visit(browser: Any, tmp_path: Path) -> Iterator[Visit]:
    opened = Visit(browser, write_report(tmp_path, samples=[sample(), sample("a <b>red</b> bird")]))
    yield opened
    opened.context.close()


def test_pointing_at_a_word_lights_up_its_pixels_at_every_attending_stage(visit: Visit) -> None:
    assert [visit.corners(stage) for stage in range(3)] == [(255, 255)] * 3
    visit.word("red").hover()
    for stage in (1, 2):
        lit, dark = visit.corners(stage)
        assert lit > 245
        assert dark < 100
    visit.word("bird").hover()
    for stage in (1, 2):
        dark, lit = visit.corners(stage)
        assert lit > 245
        assert dark < 100
    assert visit.corners(0) == (255, 255)
    visit.page.mouse.move(0, 0)
    assert visit.corners(2) == (255, 255)


def test_only_the_image_of_the_word_changes(visit: Visit) -> None:
    visit.word("red").hover()
    assert visit.corners(2, number=1) == (255, 255)


def test_words_can_be_walked_by_keyboard(visit: Visit) -> None:
    visit.word("a").focus()
    visit.page.keyboard.press("ArrowRight")
    assert visit.corners(2)[0] > 245 > 100 > visit.corners(2)[1]
    visit.page.keyboard.press("ArrowRight")
    assert visit.corners(2)[0] < 100 < 245 < visit.corners(2)[1]
    visit.page.keyboard.press("Escape")
    assert visit.corners(2) == (255, 255)


def test_a_caption_is_one_stop_of_the_tab_key(visit: Visit) -> None:
    visit.word("a").focus()
    visit.page.keyboard.press("Tab")
    focused = visit.page.evaluate("document.activeElement.closest('.sample').getAttribute('aria-label')")
    assert focused == "image 2"


def test_enter_keeps_a_word(visit: Visit) -> None:
    visit.word("red").focus()
    visit.page.keyboard.press("Enter")
    visit.word("a", number=1).focus()
    assert visit.corners(2)[1] < 100
    assert visit.word("red").get_attribute("aria-pressed") == "true"


def test_the_share_of_a_word_is_shown(visit: Visit) -> None:
    visit.word("red").hover()
    assert "peak 96%" in visit.page.locator(".stage").nth(2).inner_text()
    assert "at most 96%" in visit.page.locator("[role=status]").first.inner_text()


def test_the_common_scale_dims_a_weak_word(visit: Visit) -> None:
    visit.word("bird").click()
    own = visit.corners(2)[1]
    visit.page.get_by_label("the same for all").check()
    visit.page.mouse.move(0, 0)
    assert own > 245
    assert 120 < visit.corners(2)[1] < 200


def test_heat_colours_the_map(visit: Visit) -> None:
    visit.word("red").click()
    visit.page.get_by_label("heat").check()
    frame = visit.page.locator(".frame").nth(2)
    with Image.open(io.BytesIO(frame.screenshot())) as shot:
        red, green, blue = np.asarray(shot.convert("RGB"))[shot.height // 4, shot.width // 4]
    assert red > 200
    assert green > 200
    assert blue < 170


def test_weights_up_to_the_uniform_share_are_dark_when_only_those_above_are_shown(visit: Visit) -> None:
    """`bird` has 0.5 in its corner, above a third, and 0.02 elsewhere; `a` has a third nowhere but 0.96."""
    visit.word("bird").click()
    visit.page.get_by_label("the same for all").check()
    before = visit.corners(2)[0]
    visit.page.get_by_label("above the uniform share").check()
    visit.page.mouse.move(0, 0)
    dark, lit = visit.corners(2)
    assert before > dark
    assert 120 < lit < 200
    assert dark < 50


def test_smooth_maps_fade_where_sharp_ones_end(visit: Visit) -> None:
    visit.word("red").click()
    visit.page.get_by_label("above the uniform share").check()
    canvas = visit.page.locator(".sample canvas").nth(2)
    steps = []
    for choice in ("sharp", "smooth"):
        visit.page.get_by_label(choice).check()
        alpha = canvas.evaluate(
            "c => { const d = c.getContext('2d').getImageData(0, 0, c.width, 1).data;"
            " return Array.from(d).filter((_, i) => i % 4 === 3) }"
        )
        steps.append(max(abs(one - other) for one, other in pairwise(alpha)))
        assert alpha[0] == 0  # full light
        assert alpha[-1] == round(0.84 * 255)
    assert steps[0] == round(0.84 * 255)
    # 160 pixels for 32 cells: a Gaussian edge of 2.5 pixels falls by at most 1 / (2.5 sqrt(2 pi)) a pixel
    assert steps[1] == pytest.approx(0.84 * 255 * 0.16, rel=0.1)


def test_the_strongest_words_stand_in_order_and_light_up_their_pixels(browser: Any, tmp_path: Path) -> None:
    visit = Visit(browser, write_report(tmp_path, samples=[with_regions(), sample("another")]))
    cards = visit.page.locator(".strongest")
    tiles = cards.first.locator(".tile")
    labels = [label.split() for label in tiles.locator("figcaption").all_inner_texts()]
    # half of the pixels attend to `a` with 0.96, a quarter to `red` with 0.96, a quarter to `bird` with 0.5;
    # on average they attend with 0.605, 0.255 and 0.14
    stage = [["0:a", "18%"], ["1:red", "18%"], ["2:bird", "9.0%"]]
    assert labels == [*stage, *stage, ["2:bird", "72%"], ["0:a", "0.0%"], ["1:red", "0.0%"]]
    lit, dark = brightness(tiles.nth(1).locator(".frame"))
    assert lit > 245
    assert dark < 60
    lit, dark = brightness(tiles.nth(6).locator(".frame"))
    assert lit > 180
    assert dark < 60
    assert max(brightness(tiles.nth(7).locator(".frame"))) < 60
    assert cards.nth(1).locator(".tile").count() == 0
    cards.nth(1).locator("summary").click()
    cards.nth(1).locator(".tile").nth(5).wait_for()
    assert cards.nth(1).locator(".tile").count() == 6
    assert visit.complaints == []
    visit.context.close()


def test_the_matching_shows_the_regions_of_a_word(browser: Any, tmp_path: Path) -> None:
    visit = Visit(browser, write_report(tmp_path, samples=[with_regions()]))
    visit.word("bird").click()
    lit, dark = visit.corners(3)
    assert lit > 180
    assert dark < 60
    assert "72% above uniform, peak 97%" in visit.page.locator(".stage").nth(3).inner_text()
    assert "in the matching 72%" in visit.page.locator("[role=status]").first.inner_text()
    visit.context.close()


def test_a_report_of_images_without_maps_has_no_words_that_stand_out(browser: Any, tmp_path: Path) -> None:
    bare = replace(sample(), attention=())
    visit = Visit(browser, write_report(tmp_path, samples=[bare]))
    assert visit.page.locator(".sample").count() == 1
    assert visit.page.locator("#strongest").count() == 0
    assert visit.complaints == []
    visit.context.close()


def test_nothing_but_the_file_is_asked_for_and_nothing_goes_wrong(visit: Visit) -> None:
    visit.word("red").hover()
    assert [url for url in visit.requested if not url.startswith(("file:", "data:"))] == []
    assert visit.complaints == []


def test_a_tap_keeps_a_word_on_a_narrow_screen(browser: Any, tmp_path: Path) -> None:
    size = {"width": 360, "height": 740}
    visit = Visit(browser, write_report(tmp_path, samples=[sample()]), viewport=size, has_touch=True)
    visit.word("red").tap()
    assert visit.corners(2)[0] > 245 > 100 > visit.corners(2)[1]
    assert visit.page.evaluate("document.documentElement.scrollWidth") == 360
    visit.word("red").tap()
    assert visit.corners(2) == (255, 255)
    visit.context.close()


def test_an_empty_run_opens_and_says_what_is_missing(browser: Any, tmp_path: Path) -> None:
    visit = Visit(browser, write_report(tmp_path, samples=[]))
    assert "metrics.jsonl is missing" in visit.page.locator("#notes").inner_text()
    assert visit.complaints == []
    visit.context.close()


def test_curves_answer_to_the_keyboard(browser: Any, tmp_path: Path) -> None:
    lines = [
        f'{{"phase": "gan", "step": {step}, "seconds": {step}, "loss": {step * 10}}}' for step in (1, 2, 3)
    ]
    (tmp_path / "metrics.jsonl").write_text("\n".join(lines) + "\n")
    visit = Visit(browser, write_report(tmp_path, samples=[]))
    curve = visit.page.locator(".curve")
    assert "30" in curve.locator(".legend").inner_text()
    curve.locator("svg").focus()
    visit.page.keyboard.press("ArrowLeft")
    assert "20" in curve.locator(".legend").inner_text()
    assert "step 2, 2 s after the start" in curve.inner_text()
    assert visit.complaints == []
    visit.context.close()


def test_no_script_and_no_request_of_a_section_comes_through(browser: Any, tmp_path: Path) -> None:
    outside = "<img src='http://192.0.2.1/x.png' onerror='window.ran = 1'>"
    body = f"<p>kept</p>{outside}<script>window.ran = 1</script>"
    hostile = "a <img src=x onerror='window.ran = 1'> bird"
    path = write_report(tmp_path, samples=[sample(hostile)], sections=[("Extra", body)])
    visit = Visit(browser, path)
    assert visit.page.locator(".extra").inner_text().strip() == "kept"
    assert visit.page.locator(".caption").first.inner_text() == hostile
    assert visit.page.evaluate("window.ran") is None
    assert any("Content Security Policy" in complaint for complaint in visit.complaints)
    assert [url for url in visit.answered if url.startswith("http")] == []
    visit.context.close()


def test_samples_during_training_play_from_the_first_to_the_last(browser: Any, tmp_path: Path) -> None:
    for step in (10, 20, 30):
        folder = tmp_path / "samples" / f"gan-{step:07d}"
        folder.mkdir(parents=True)
        Image.new("RGB", (16, 16), (step, step, step)).save(folder / "00.png")
    visit = Visit(browser, write_report(tmp_path, samples=[sample()]))
    player = visit.page.locator(".player")
    step, image = player.locator("output"), player.locator("img")
    assert step.inner_text() == "step 30"
    last = image.get_attribute("src")
    player.get_by_role("button", name="Play").click()
    assert step.inner_text() == "step 10"
    assert image.get_attribute("src") != last
    player.get_by_role("button", name="Play").wait_for()  # it has stopped by itself
    assert step.inner_text() == "step 30"
    player.get_by_role("slider").press("ArrowLeft")
    assert step.inner_text() == "step 20"
    assert visit.complaints == []
    visit.context.close()


def test_parts_that_attend_little_turn_pale(visit: Visit) -> None:
    visit.page.get_by_label("on pale").check()
    visit.word("red").click()
    assert min(visit.corners(2)) > 240


def test_other_noises_stand_beside_the_real_image_and_the_nearest(browser: Any, tmp_path: Path) -> None:
    uri = image_uri(Image.new("RGB", (8, 8), (200, 10, 10)), lossless=False)
    row = NoiseRow(caption="a red bird", real=uri, images=[uri] * 3, nearest=None)
    noises = Noises(rows=[row], within=1.5, between=None, training_images=0)
    visit = Visit(browser, write_report(tmp_path, samples=[sample()], noises=noises))
    table = visit.page.locator("#noises table")
    titles = table.locator("thead th").all_inner_texts()
    assert titles == ["caption", "real", "noise 0", "noise 1", "noise 2"]
    assert table.locator("img").count() == 4
    assert "differ by 1.5 of 255 grey levels" in visit.page.locator("#noises").inner_text()
    assert visit.complaints == []
    visit.context.close()
