"""Which component a slot has, however the recipe writes it."""

from __future__ import annotations

from pathlib import Path

import pytest

from attnforge.recipe import resolve


@pytest.mark.parametrize("written", ["word", "word@1", "{use: word}", "{use: word, kernel: reference}"])
def test_a_component_is_found_however_it_is_written(tmp_path: Path, written: str) -> None:
    path = tmp_path / "birds.yaml"
    path.write_text(
        "extends: quickstart\ngenerator:\n  stages:\n    - initial\n"
        f"    - {{use: refine, attention: {written}}}\n"
    )
    found = resolve(str(path)).component("generator.stages.1.attention")
    assert found is not None
    assert (found.kind, found.name) == ("attention", "word")


def test_a_default_is_found_too() -> None:
    found = resolve("quickstart").component("generator.conditioner")
    assert found is not None
    assert found.kind == "conditioner"


@pytest.mark.parametrize("path", ["training.seed", "generator.stages.9", "nowhere"])
def test_there_is_none_where_there_is_no_slot(path: str) -> None:
    assert resolve("quickstart").component(path) is None
