"""Files of captions: one pass checks every line and says which lines are wrong; blocks are read by place."""

from __future__ import annotations

import tracemalloc
from pathlib import Path

import pytest
from attnforge_attngan.tokenizer import WordTokenizer

from attnforge.errors import DataError
from attnforge.sampling.bulk.captions import MAX_PROBLEMS, CaptionReader


def reader(path: Path, text: str | bytes, *, box: bool = False, skip_unknown: bool = False) -> CaptionReader:
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    tokenizer = WordTokenizer()
    tokenizer.fit(["a red blue bird"])
    shapes = {"box": (2,)} if box else {}
    return CaptionReader(path=path, tokenizer=tokenizer, shapes=shapes, skip_unknown=skip_unknown)


def refusal(of: CaptionReader) -> DataError:
    with pytest.raises(DataError) as caught:
        of.check(block_lines=2)
    return caught.value


def test_blocks_have_their_lines(tmp_path: Path) -> None:
    captions = reader(tmp_path / "captions.txt", "\ufeffa red bird\r\na blue bird\na bird\nred\nblue")
    checked = captions.check(block_lines=2)
    assert (checked.lines, checked.blocks, list(checked.usable), checked.skipped) == (5, 3, [2, 2, 1], 0)
    blocks = [
        [(line.number, line.caption, line.tokens) for line in captions.block(checked, number)]
        for number in range(3)
    ]
    assert blocks == [
        [(1, "a red bird", 3), (2, "a blue bird", 3)],
        [(3, "a bird", 2), (4, "red", 1)],
        [(5, "blue", 1)],
    ]


def test_memory_does_not_grow_with_the_captions(tmp_path: Path) -> None:
    peaks = []
    for lines in (200, 2_200):
        captions = reader(tmp_path / "captions.txt", "a red bird\n" * lines)
        tracemalloc.start()
        assert captions.check(block_lines=50).lines == lines
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] - peaks[0] < 20_000  # bytes; 2,000 captions would take 120,000


def test_all_lines_that_cannot_be_used_are_listed_with_their_places(tmp_path: Path) -> None:
    path = tmp_path / "captions.txt"
    error = refusal(reader(path, "a red bird\nzebra\n\na bird\n"))
    assert [(problem.code, problem.place and str(problem.place)) for problem in error.problems] == [
        ("caption-unknown", f"{path}:2:1"),
        ("caption-unknown", f"{path}:3:1"),
    ]
    assert "'zebra'" in error.problems[0].message
    error = refusal(reader(path, "a bird\n" + "zebra\n" * 100))
    assert len(error.problems) == MAX_PROBLEMS + 1
    assert error.problems[-1].message.startswith("80 more lines")


def test_lines_without_a_known_word_are_skipped_on_request(tmp_path: Path) -> None:
    captions = reader(tmp_path / "captions.txt", "zebra\na red bird\n\nblue zebra\n", skip_unknown=True)
    checked = captions.check(block_lines=2)
    assert (checked.lines, checked.skipped, list(checked.usable)) == (4, 2, [1, 1])
    assert checked.unknown.words == {"zebra": 2}
    assert [line.number for line in captions.block(checked, 0)] == [2]


@pytest.mark.parametrize("text", ["", "zebra\n\n"])
def test_a_file_without_captions_is_refused(text: str, tmp_path: Path) -> None:
    error = refusal(reader(tmp_path / "captions.txt", text, skip_unknown=True))
    assert [problem.code for problem in error.problems] == ["captions-empty"]


def test_a_file_that_is_not_there_or_a_folder_is_refused(tmp_path: Path) -> None:
    captions = reader(tmp_path / "captions.txt", "a bird")
    captions.path.unlink()
    assert refusal(captions).problems[0].code == "captions-unreadable"
    captions.path.mkdir()
    assert refusal(captions).problems[0].code == "captions-unreadable"


@pytest.mark.parametrize("text", [b"a bird\n\xff\xfe\n", b"a bird\n" + b"x" * (1 << 20)])
def test_what_is_not_lines_of_text_is_refused(text: bytes, tmp_path: Path) -> None:
    (problem,) = refusal(reader(tmp_path / "captions.txt", text)).problems
    assert problem.code == "caption-lines"
    assert problem.place is not None
    assert problem.place.line == 2


@pytest.mark.parametrize(
    "line",
    ["not json", "[]", "{}", '{"caption": 3}', '{"caption": "a", "text": "a"}', "", "[" * 100_000, "NaN"],
)
def test_what_is_not_an_object_with_a_caption_is_refused(line: str, tmp_path: Path) -> None:
    captions = reader(tmp_path / "captions.jsonl", '{"text": "a bird"}\n' + line + "\n")
    (problem,) = refusal(captions).problems
    assert problem.code == "caption-lines"
    assert problem.place is not None
    assert problem.place.line == 2


def test_lines_have_their_own_extras(tmp_path: Path) -> None:
    text = '{"caption": "a bird", "box": [1, 2], "id": 7}\n{"text": "red", "box": [3, 4]}\n'
    captions = reader(tmp_path / "captions.jsonl", text, box=True)
    block = captions.block(captions.check(block_lines=5), 0)
    assert [line.extras["box"].tolist() for line in block] == [[[1, 2]], [[3, 4]]]


@pytest.mark.parametrize(
    ("box", "code"),
    [("", "missing-extra"), (', "box": [1]', "bad-extra"), (', "box": ["a", "b"]', "bad-extra")],
)
def test_extras_that_are_missing_or_malformed_are_refused(box: str, code: str, tmp_path: Path) -> None:
    text = f'{{"caption": "a bird", "box": [1, 2]}}\n{{"caption": "red"{box}}}\n'
    (problem,) = refusal(reader(tmp_path / "captions.jsonl", text, box=True)).problems
    assert problem.code == code
    assert problem.place is not None
    assert problem.place.line == 2


def test_a_file_that_changes_while_it_is_sampled_is_refused(tmp_path: Path) -> None:
    captions = reader(tmp_path / "captions.txt", "a bird\nred\nblue\n")
    checked = captions.check(block_lines=2)
    captions.path.write_text("a bird\nred\nblue\nbird\n")
    with pytest.raises(DataError) as caught:
        captions.block(checked, 1)
    assert caught.value.problems[0].code == "captions-changed"
