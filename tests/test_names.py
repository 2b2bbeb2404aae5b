"""Names that become parts of paths."""

from __future__ import annotations

import unicodedata
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from attnforge.errors import RunError
from attnforge.names import (
    caption_name,
    is_file_name,
    is_safe,
    path_below,
    read_step_name,
    safe_spelling,
    step_name,
)

HOSTILE = (
    *("", ".", "..", "../x", "a/b", "/etc", "a\\b", "gan.v2", "matching v2", ".hidden", "-gan", "a\nb"),
    *("a\0b", "x" * 65, "é", "e\N{COMBINING ACUTE ACCENT}", "*", "gan[1]", "\N{RIGHT-TO-LEFT OVERRIDE}x"),
)


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_name_becomes_no_path(name: str, tmp_path: Path) -> None:
    assert not is_safe(name)
    for make in (lambda: path_below(tmp_path, name), lambda: step_name(name, 1)):
        with pytest.raises(RunError) as error:
            make()
        assert [problem.code for problem in error.value.problems] == ["unsafe-name"]


@pytest.mark.parametrize("name", ["gan", "generator-average", "discriminator-64", "a", "2", "x" * 64, "A_b"])
def test_a_plain_name_becomes_a_path_just_below(name: str, tmp_path: Path) -> None:
    assert path_below(tmp_path, name, ending=".pt") == tmp_path / f"{name}.pt"
    assert read_step_name(step_name(name, 12)) == (name, 12)


def test_a_phase_that_ends_like_a_step_is_read_back() -> None:
    assert read_step_name(step_name("gan-0000001", 5)) == ("gan-0000001", 5)


@pytest.mark.parametrize(("name", "spelling"), [("gan.v2", "gan-v2"), ("../../x", "x"), ("!?", "")])
def test_the_nearest_safe_spelling(name: str, spelling: str) -> None:
    assert safe_spelling(name) == spelling


@given(st.text())
def test_a_spelling_that_is_offered_is_safe(name: str) -> None:
    spelling = safe_spelling(name)
    assert spelling == "" or is_safe(spelling)


@pytest.mark.parametrize("text", ["../x", "a/b", "a\\b", "a\nb", "", "c:x", "\x1b[2J"])
def test_a_recipe_s_name_that_leads_elsewhere(text: str) -> None:
    assert not is_file_name(text)


SAME_BEGINNING = "a bird with " + "very " * 30


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (SAME_BEGINNING + "red wings", SAME_BEGINNING + "blue wings"),
        ("a red bird", "A red bird"),
        ("a red bird", "a red bird!"),
        ("a red bird", "a red  bird"),
        (unicodedata.normalize("NFC", "é"), unicodedata.normalize("NFD", "é")),
        ("🐦", "🐤"),
    ],
)
def test_captions_that_differ_have_names_that_differ_on_every_file_system(first: str, second: str) -> None:
    names = [unicodedata.normalize("NFC", caption_name(caption)).lower() for caption in (first, second)]
    assert names[0] != names[1]


@given(st.text(max_size=400))
def test_a_caption_s_name_is_one_that_every_file_system_takes(caption: str) -> None:
    name = caption_name(caption)
    assert len(name.encode()) <= 100
    assert "/" not in name
    assert not name.startswith(".")
    assert name == caption_name(caption)


def test_a_long_caption_of_wide_letters_is_cut_by_bytes() -> None:
    assert len(caption_name("鳥" * 500).encode()) <= 100
    assert caption_name("鳥" * 500).startswith("鳥鳥鳥")
