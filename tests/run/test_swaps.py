"""Images of a caption with words swapped: the same noise, and only the words that were named."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import attnforge
from attnforge.api.model import Model
from attnforge.cli import run
from attnforge.errors import AttnforgeError
from attnforge.sampling.caption_files import caption_file, shipped_captions
from attnforge.sampling.swapping import Swaps, swapped_captions
from attnforge.sheets.swaps import changed_words, swap_sheet

BIRD = "a red bird with white wings"


@pytest.fixture(scope="module")
def model(trained: Path) -> Model:
    return attnforge.load(trained, device="cpu")


def problem(model: Model, swaps: Swaps, caption: str = BIRD) -> tuple[str, str]:
    with pytest.raises(AttnforgeError) as caught:
        model.swap(caption, swaps)
    (only,) = caught.value.problems
    return only.code, f"{only.message}; {only.expected}"


@pytest.mark.parametrize(
    ("swaps", "captions"),
    [
        ({"red": "blue", "white": "black"}, ["a blue bird with white wings", "a blue bird with black wings"]),
        ({"red": "white", "white": "red"}, ["a white bird with white wings", "a white bird with red wings"]),
        (
            [("red", "blue"), ("Red", "green")],
            ["a blue bird with white wings", "a green bird with white wings"],
        ),
        ([("a red", "the blue")], ["the blue bird with white wings"]),
    ],
)
def test_each_swap_adds_a_caption(model: Model, swaps: Swaps, captions: list[str]) -> None:
    assert swapped_captions(BIRD, swaps, model.pipeline.parts.tokenizer) == [BIRD, *captions]


def test_a_word_is_swapped_wherever_it_stands_and_nothing_inside_a_word_is(model: Model) -> None:
    caption = "Red wings, a reddish belly and a red crown"
    expected = "blue wings, a reddish belly and a blue crown"
    assert swapped_captions(caption, {"red": "blue"}, model.pipeline.parts.tokenizer)[1] == expected


def test_images_have_the_noise_of_the_original(model: Model) -> None:
    rows = model.swap(BIRD, {"red": "blue"}, n=2, seed=3)
    assert [[image.index for image in row] for row in rows] == [[0, 1]] * 2
    for row, caption in zip(rows, (BIRD, "a blue bird with white wings"), strict=True):
        for image, alone in zip(row, model(caption, n=2, seed=3), strict=True):
            np.testing.assert_array_equal(image.images[-1], alone.images[-1])


def test_swaps_that_cannot_be_made_are_refused_with_what_to_write(model: Model) -> None:
    assert problem(model, {"rad": "blue"})[0] == "swap-word-missing"
    assert "`red`" in problem(model, {"rad": "blue"})[1]
    assert problem(model, {"red": "quixotic"})[0] == "swap-unknown-word"
    assert problem(model, {"teal": "red"}, "a teal bird")[0] == "swap-unknown-word"
    code, text = problem(model, {"red": "very red"})
    assert (code, "from 6 to 7 tokens" in text) == ("swap-length", True)
    assert problem(model, {"red": "red"})[0] == problem(model, {"red": ""})[0] == "bad-swap"
    assert problem(model, {"a red": "the blue", "red bird": "blue body"})[0] == "bad-swap"
    with pytest.raises(AttnforgeError) as caught:
        model.swap(BIRD, {"rad": "blue", "wings": "quixotic"})
    assert len(caught.value.problems) == 2


def test_the_sheet_has_a_column_for_each_noise_and_maps_of_the_changed_words(
    model: Model, tmp_path: Path
) -> None:
    rows = model.swap(BIRD, {"red": "blue", "white": "black"}, n=3)
    assert changed_words(rows) == [1, 4]
    heights = {}
    for name, shown in {
        "maps": rows,
        "plain": [[replace(sample, attention=()) for sample in row] for row in rows],
    }.items():
        with Image.open(swap_sheet(shown, tmp_path / f"{name}.png", side=64)) as sheet:
            assert sheet.width == 3 * (64 + 12) + 12
            heights[name] = sheet.height
    assert heights["maps"] - heights["plain"] > 2 * 3 * 64


def test_the_command_writes_the_sheet_and_prints_its_path(
    trained: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command = ["edit", str(trained), BIRD, "--swap", "red=blue", "-n", "2", "--out", str(tmp_path)]
    assert run(command) == 0
    (path,) = tmp_path.glob("swap-*.png")
    assert capsys.readouterr().out.split() == [str(path)]
    for swap in ("red", "=blue", "red=", "red=blue=green"):
        assert run(["edit", str(trained), BIRD, "--swap", swap]) == 1
        assert "error[bad-swap]" in capsys.readouterr().err
    assert run(["edit", str(trained), BIRD]) == 2


def test_shipped_captions_have_a_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert set(shipped_captions()) == {"held-out-birds", "novel-scenes"}
    assert caption_file(Path("novel-scenes")).is_file()
    assert caption_file(Path("nowhere.txt")) == Path("nowhere.txt")
    Path("novel-scenes").write_text("my own\n")
    assert caption_file(Path("novel-scenes")) == Path("novel-scenes")
