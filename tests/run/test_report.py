"""The report holds everything that the run folder has, says what is missing, and refers to nothing else."""

from __future__ import annotations

import base64
import io
import json
import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from examples import examples
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from attnforge.errors import RunError
from attnforge.report import write_report
from attnforge.sampling.generated import GeneratedImage
from attnforge.sheets.figure import figure_rows

HOSTILE = "a </script><script>alert(1)</script> <!-- <img src=x onerror=alert(2)> & \u2028 %style% bird"


def sample(caption: str = "a red bird", words: tuple[str, ...] = ("a", "red", "bird")) -> GeneratedImage:
    random = np.random.default_rng(7)
    images = tuple(random.integers(0, 256, (side, side, 3), dtype=np.uint8) for side in (16, 32, 64))
    maps = []
    for side in (16, 32):
        weights = random.random((len(words), side, side), dtype=np.float32)
        maps.append(weights / weights.sum(axis=0))
    return GeneratedImage(caption=caption, words=words, seed=3, index=1, images=images, attention=tuple(maps))


def with_regions() -> GeneratedImage:
    weights = np.random.default_rng(8).random((3, 4, 4), dtype=np.float32) ** 4
    return replace(sample(), regions=weights / weights.sum(axis=(1, 2), keepdims=True))


class Page(HTMLParser):
    """The elements of a report, and the data inside it."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.inside = ""
        self.title = ""
        self.blob = ""
        self.feed(path.read_text(encoding="utf-8"))
        self.data: Any = json.loads(self.blob)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = dict(attrs)
        self.tags.append((tag, values))
        self.inside = values.get("id") or tag

    def handle_endtag(self, tag: str) -> None:
        self.inside = ""

    def handle_data(self, data: str) -> None:
        if self.inside == "data":
            self.blob += data
        if self.inside == "title":
            self.title += data


def decoded(uri: str) -> np.ndarray:
    kind, text = uri.split(",", 1)
    assert kind == "data:image/png;base64"
    with Image.open(io.BytesIO(base64.b64decode(text))) as image:
        return np.asarray(image)


def full_run(folder: Path) -> Path:
    lock = {"lock": {"recipe": "birds"}, "summary": "Birds in three stages."}
    (folder / "recipe.lock.yaml").write_text(json.dumps(lock))
    metrics = {"attribute accuracy": 0.75, "attribute accuracy chance": 0.125, "evaluation seed": 1}
    (folder / "result.json").write_text(json.dumps(metrics))
    lines = [{"phase": "gan", "step": step, "seconds": step / 2, "G damsm": 1 / step} for step in (1, 2, 3)]
    (folder / "metrics.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    (folder / "samples").mkdir()
    (folder / "samples" / "captions.json").write_text(json.dumps([{"caption": HOSTILE, "index": 0}]))
    for step, shade in ((10, 20), (20, 200)):
        (folder / "samples" / f"gan-{step:07d}").mkdir()
        Image.new("RGB", (16, 16), (shade, 0, 0)).save(folder / "samples" / f"gan-{step:07d}" / "00.png")
    return folder


def test_everything_of_a_run_is_in_its_report(tmp_path: Path) -> None:
    sections = [("Palette", "<b>red</b>")]
    path = write_report(full_run(tmp_path), samples=[sample()], sections=sections, digest="1f3a9c20ffee")
    assert path == tmp_path / "report.html"
    page = Page(path)
    assert page.title.startswith("birds")
    assert (page.data["name"], page.data["digest"]) == ("birds", "1f3a9c20ffee")
    assert page.data["summary"] == "Birds in three stages."
    assert page.data["metrics"][0]["value"] == "75.0%"
    assert page.data["phases"][0]["charts"][0]["series"][0]["values"] == pytest.approx(
        [1, 1 / 2, 1 / 3], 1e-4
    )
    assert page.data["history"][0]["steps"] == [10, 20]
    shades = [decoded(uri)[0, 0, 0] for uri in page.data["history"][0]["images"][0]]
    assert shades == [20, 200]
    assert page.data["samples"][0]["words"] == ["a", "red", "bird"]
    assert page.data["sections"] == [{"title": "Palette", "html": "<b>red</b>"}]
    assert page.data["notes"] == []


def test_images_are_stored_without_loss(tmp_path: Path) -> None:
    original = sample()
    stages = Page(write_report(tmp_path, samples=[original])).data["samples"][0]["stages"]
    for image, stage in zip(original.images, stages, strict=True):
        assert np.array_equal(decoded(stage["image"]), image)


def test_maps_can_be_restored_from_their_bytes_and_maxima(tmp_path: Path) -> None:
    original = sample()
    stages = Page(write_report(tmp_path, samples=[original])).data["samples"][0]["stages"]
    assert stages[0]["maps"] is None
    for weights, stage in zip(original.attention, stages[1:], strict=True):
        maps = stage["maps"]
        sprite = decoded(maps["sprite"]).reshape(len(weights), maps["height"], maps["width"])
        strongest = np.array(maps["peak"])[:, None, None]
        assert np.allclose(sprite / 255 * strongest, weights, atol=0.003)
        assert sum(maps["share"]) == pytest.approx(1, abs=1e-3)
        assert np.allclose(maps["share"], weights.mean(axis=(1, 2)), atol=1e-4)


def test_the_strongest_words_are_those_of_the_figure(tmp_path: Path) -> None:
    original = with_regions()
    shown = Page(write_report(tmp_path, samples=[original])).data["samples"][0]
    rows = figure_rows(original)
    for row, maps in zip(
        rows, [shown["stages"][1]["maps"], shown["stages"][2]["maps"], shown["regions"]], strict=True
    ):
        assert maps["top"] == row.strongest()
        np.testing.assert_allclose(maps["contrast"], row.contrasts, rtol=1e-5)
        sprite = decoded(maps["sprite"]).reshape(3, maps["height"], maps["width"])
        weights = sprite / 255 * np.array(maps["peak"])[:, None, None]
        kept = np.where(weights > maps["uniform"], weights - maps["offset"], 0)
        near = np.abs(weights - maps["uniform"]) < 0.004
        np.testing.assert_allclose(kept[~near], row.maps[~near], atol=0.004)
    assert [shown["stages"][1]["maps"]["uniform"], shown["regions"]["uniform"]] == pytest.approx(
        [1 / 3, 1 / 16]
    )
    assert sum(shown["regions"]["share"]) == pytest.approx(1, abs=1e-4)


def test_a_sample_without_regions_has_none(tmp_path: Path) -> None:
    assert Page(write_report(tmp_path, samples=[sample()])).data["samples"][0]["regions"] is None


def test_nothing_outside_the_file_is_referred_to(tmp_path: Path) -> None:
    page = Page(write_report(full_run(tmp_path), samples=[sample()]))
    assert not [values for _, values in page.tags if "src" in values or "href" in values]
    assert not [tag for tag, _ in page.tags if tag in ("link", "base", "iframe", "object", "form", "img")]
    [policy] = [values["content"] for _, values in page.tags if "http-equiv" in values]
    assert policy is not None
    assert policy.startswith("default-src 'none';")
    assert "unsafe" not in policy
    assert "http" not in policy


def test_a_caption_stays_text(tmp_path: Path) -> None:
    path = write_report(full_run(tmp_path), samples=[sample(HOSTILE, ("<b>", "</script>"))])
    page = Page(path)
    assert page.data["samples"][0]["caption"] == HOSTILE
    assert page.data["history"][0]["captions"] == [HOSTILE]
    assert [tag for tag, _ in page.tags].count("script") == 2
    assert "alert(1)</script>" not in path.read_text(encoding="utf-8")


def test_the_name_of_a_recipe_stays_text(tmp_path: Path) -> None:
    name = "</title><script>alert(1)</script>%data%"
    (tmp_path / "recipe.lock.yaml").write_text(json.dumps({"lock": {"recipe": name}}))
    page = Page(write_report(tmp_path, samples=[]))
    assert page.title.startswith(name)


def test_an_empty_folder_gets_a_report_that_says_what_is_missing(tmp_path: Path) -> None:
    notes = " ".join(Page(write_report(tmp_path, samples=[])).data["notes"])
    for missing in ("recipe", "metrics.jsonl", "result.json", "captions.json", "attention maps", "samples"):
        assert missing in notes


def test_damaged_files_become_notes(tmp_path: Path) -> None:
    full_run(tmp_path)
    (tmp_path / "recipe.lock.yaml").write_text("a: [")
    (tmp_path / "result.json").write_text("{")
    with (tmp_path / "metrics.jsonl").open("a") as stream:
        stream.write('{"phase": "gan", "st')
    (tmp_path / "samples" / "gan-0000020" / "00.png").write_bytes(b"\x89PNG\r\n\x1a\n cut off")
    data = Page(write_report(tmp_path, samples=[])).data
    notes = " ".join(data["notes"])
    assert "recipe.lock.yaml is not valid YAML" in notes
    assert "result.json is not valid JSON" in notes
    assert "metrics.jsonl has 1 line" in notes
    assert data["history"][0]["images"][0][1] is None
    assert len(data["phases"][0]["charts"]) == 1


@settings(max_examples=examples(60), suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(text=st.binary(max_size=80))
def test_no_content_of_a_run_folder_stops_the_report(tmp_path: Path, text: bytes) -> None:
    (tmp_path / "samples" / "gan-0000001").mkdir(parents=True, exist_ok=True)
    for name in ("recipe.lock.yaml", "result.json", "metrics.jsonl", "samples/captions.json"):
        (tmp_path / name).write_bytes(text)
    (tmp_path / "samples" / "gan-0000001" / "00.png").write_bytes(text)
    Page(write_report(tmp_path, samples=[]))


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["phase", "step", "seconds", "lock", "caption", "a b"]), inner, max_size=4
        )
    ),
    max_leaves=8,
)


@settings(max_examples=examples(150), suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(value=JSON)
def test_no_json_of_a_run_folder_stops_the_report(tmp_path: Path, value: object) -> None:
    (tmp_path / "samples").mkdir(exist_ok=True)
    for name in ("recipe.lock.yaml", "result.json", "metrics.jsonl", "samples/captions.json"):
        (tmp_path / name).write_text(json.dumps(value))
    Page(write_report(tmp_path, samples=[]))


def test_a_second_report_replaces_the_first_and_leaves_nothing_beside_it(tmp_path: Path) -> None:
    write_report(tmp_path, samples=[])
    write_report(tmp_path, samples=[sample()])
    assert [entry.name for entry in tmp_path.iterdir()] == ["report.html"]
    assert len(Page(tmp_path / "report.html").data["samples"]) == 1


def test_a_folder_that_cannot_be_written_is_an_error_with_the_next_command(tmp_path: Path) -> None:
    (tmp_path / "report.html").mkdir()
    (tmp_path / "report.html" / "in the way").touch()
    with pytest.raises(RunError) as caught:
        write_report(tmp_path, samples=[])
    [problem] = caught.value.problems
    assert problem.code == "report-not-written"
    assert problem.next_step == f"attnforge report {tmp_path}"


def test_maps_without_any_weight_are_dark_and_not_an_error(tmp_path: Path) -> None:
    image = np.zeros((8, 8, 3), dtype=np.uint8)
    for weights in (np.zeros((2, 4, 4)), np.full((2, 4, 4), np.nan), np.zeros((0, 4, 4))):
        one = GeneratedImage("a", ("a", "b")[: len(weights)], 1, 0, (image,), (weights.astype(np.float32),))
        [stage] = Page(write_report(tmp_path, samples=[one])).data["samples"][0]["stages"]
        assert stage["maps"]["share"] == [0.0] * len(weights)


def test_the_page_stays_small(tmp_path: Path) -> None:
    """Eight samples of three stages, six phases of curves: less than a large photograph."""
    lines = [{"phase": f"p{i % 6}", "step": i, "seconds": i, "loss": i * 0.37} for i in range(12_000)]
    (tmp_path / "metrics.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    path = write_report(tmp_path, samples=[sample(words=tuple("abcdefghijklmno"))] * 8)
    assert path.stat().st_size < 1_500_000
    assert not re.search(r"\d\.\d{10}", path.read_text(encoding="utf-8"))
