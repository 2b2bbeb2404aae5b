"""Boxes are drawn and key points typed in a browser, and images show them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from browsers import IN_A_BROWSER, chromium, sync_api
from play_server import PlayVisit, serving
from small_widths import small

import attnforge

pytestmark = IN_A_BROWSER
NAMES = ("gawwn-sketch-birds", "gawwn-keypoints-sketch-birds")


@pytest.fixture(scope="module")
def port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """A page with a small GAWWN of boxes and one of key points."""
    folder = tmp_path_factory.mktemp("gawwn")
    for name in NAMES:
        attnforge.train(name, overrides=small(name, folder), out=folder / name, quiet=True)
    with serving([folder / name for name in NAMES]) as number:
        yield number


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with chromium() as started:
        yield started


class ExtrasVisit(PlayVisit):
    """The page of one of the runs, with the extras of everything that it asked for."""

    def __init__(self, browser: Any, port: int, fragment: str) -> None:
        super().__init__(browser, port, fragment)
        self.extras: list[dict[str, list[float]]] = []
        self.page.on("request", self._keep)
        self.generated()

    def _keep(self, request: Any) -> None:
        if request.url.endswith("/api/images"):
            self.extras.append(request.post_data_json["extras"])

    def until_changed(self, before: list[str]) -> list[str]:
        """The images, once none is one of those before."""
        self.page.wait_for_function(
            """(before) => {
              const shown = [...document.querySelectorAll("#results .tile:not(.stale):not(.empty) img")];
              return shown.length === 8 && shown.every((image) => !before.includes(image.src));
            }""",
            arg=before,
        )
        return self.sources()

    def mark(self) -> list[float]:
        """Left, top, width and height of the drawn box, as shares of its square."""
        pad, mark = (self.page.locator(name).bounding_box() for name in (".box-pad", ".mark-box"))
        return [
            (mark["x"] - pad["x"]) / pad["width"],
            (mark["y"] - pad["y"]) / pad["height"],
            mark["width"] / pad["width"],
            mark["height"] / pad["height"],
        ]


def test_a_box_is_drawn_with_the_mouse_or_typed_and_images_follow(browser: Any, port: int) -> None:
    visit = ExtrasVisit(browser, port, f"caption=a red bird&run={NAMES[0]}")
    first = visit.sources()
    assert visit.mark() == pytest.approx([0.2, 0.2, 0.6, 0.6], abs=0.03)
    visit.page.locator(".box-pad").scroll_into_view_if_needed()
    pad = visit.page.locator(".box-pad").bounding_box()
    place = lambda x, y: (pad["x"] + x * pad["width"], pad["y"] + y * pad["height"])  # noqa: E731
    visit.page.mouse.move(*place(0.8, 0.9))
    visit.page.mouse.down()
    visit.page.mouse.move(*place(0.5, 0.6), steps=4)
    visit.page.mouse.move(*place(0.4, 0.5), steps=4)
    visit.page.mouse.up()
    visit.page.mouse.move(*place(0.1, 0.1))
    drawn = visit.until_changed(first)
    assert visit.extras[-1]["box"] == pytest.approx([0.4, 0.5, 0.4, 0.4], abs=0.02)
    assert visit.mark() == pytest.approx(visit.extras[-1]["box"], abs=0.03)
    numbers = visit.page.locator(".box input")
    shown = [float(numbers.nth(place).input_value()) for place in range(4)]
    assert shown == pytest.approx(visit.extras[-1]["box"], abs=0.01)
    numbers.nth(0).fill("0.9")
    typed = visit.until_changed([*first, *drawn])
    left, top, width, height = visit.extras[-1]["box"]
    assert (left, width) == (0.9, pytest.approx(0.1)), "a box stays inside its image"
    assert [top, height] == pytest.approx([0.5, 0.4], abs=0.02)
    again = ExtrasVisit(browser, port, visit.page.url.partition("#")[2])
    assert again.sources() == typed
    assert again.mark() == pytest.approx([left, top, width, height], abs=0.03)
    assert visit.complaints == again.complaints == []
    visit.context.close()
    again.context.close()


def test_a_box_beside_its_square_ends_at_the_edge(browser: Any, port: int) -> None:
    visit = ExtrasVisit(browser, port, f"caption=a red bird&run={NAMES[0]}")
    first = visit.sources()
    visit.page.locator(".box-pad").scroll_into_view_if_needed()
    pad = visit.page.locator(".box-pad").bounding_box()
    visit.page.mouse.move(pad["x"] + pad["width"] / 2, pad["y"] + pad["height"] / 2)
    visit.page.mouse.down()
    visit.page.mouse.move(pad["x"] + 3 * pad["width"], pad["y"] - pad["height"], steps=4)
    visit.page.mouse.up()
    visit.until_changed(first)
    assert visit.extras[-1]["box"] == pytest.approx([0.5, 0, 0.5, 0.5], abs=0.02)
    visit.context.close()


def test_key_points_are_typed_refused_and_left_to_the_model(browser: Any, port: int) -> None:
    visit = ExtrasVisit(browser, port, f"caption=a red bird&run={NAMES[1]}")
    first = visit.sources()
    field = visit.page.get_by_label("keypoints (optional)")
    count = int(field.get_attribute("placeholder").split()[0])
    assert count % 3 == 0
    field.fill("0.5, 0.5, 1")
    alert = visit.page.locator("[role=alert]")
    sync_api.expect(alert).to_contain_text("keypoints")
    assert visit.page.locator("#results .stale").count() == 8
    field.fill(", ".join(["0.5", "0.25", "1"] * (count // 3)))
    typed = visit.until_changed(first)
    sync_api.expect(alert).to_have_text("")
    assert visit.extras[-1]["keypoints"] == [0.5, 0.25, 1] * (count // 3)
    field.fill(", ".join(["1.5", "0.25", "1"] * (count // 3)))
    sync_api.expect(alert).to_contain_text("bad-place")
    field.fill("")
    assert visit.until_changed(typed) == first
    assert visit.extras[-1] == {}
    visit.context.close()
