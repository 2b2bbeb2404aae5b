"""The code of the page "From Python" runs, block after block."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from tiny_run import tiny

DOCS = Path(__file__).parents[2] / "docs"
PAGE = DOCS / "how-to" / "from-python.md"
SMALLER = {
    '"extends": "quickstart"': '"extends": "tiny.yaml"',
    "channels=24": "channels=4",
    '"phases.gan.steps": 800': '"phases.gan.steps": 2',
    '"evaluation.captions": 200': '"evaluation.captions": 4',
    '"captions": 100': '"captions": 4',
}
"""What a test trains and measures instead, to take seconds."""


def blocks() -> list[str]:
    return re.findall(r"```python\n(.*?)```", PAGE.read_text(), flags=re.DOTALL)


def run_blocks(folder: Path, trained: Path, monkeypatch: pytest.MonkeyPatch, *, count: int) -> dict[str, Any]:
    monkeypatch.chdir(folder)
    (folder / "runs").mkdir()
    (folder / "runs" / "birds").symlink_to(trained)
    (folder / "tiny.yaml").write_text(tiny().composed.text())
    page = ModuleType("from_python")
    monkeypatch.setitem(sys.modules, page.__name__, page)  # where the class of the page is looked up
    for block in blocks()[:count]:
        for text, smaller in SMALLER.items():
            block = block.replace(text, smaller)
        exec(block, vars(page))  # the code of this repository's own page
    return vars(page)


def test_the_blocks_that_generate_and_resolve(
    trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = run_blocks(tmp_path, trained, monkeypatch, count=4)
    assert len(names["images"]) == 4
    assert names["rows"].captions[-1] == "a blue bird with black wings"
    assert names["recipe"].get("generator.channels") == 4
    assert names["own"].component("generator.stages.1.attention").name == "my-words"
    assert {path.name for path in tmp_path.iterdir()} >= {
        "birds", "birds.png", "birds.html", "swapped.png", "walk.gif"
    }  # fmt: skip


@pytest.mark.long
def test_every_block(trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert all(any(text in block for block in blocks()) for text in SMALLER)
    names = run_blocks(tmp_path, trained, monkeypatch, count=len(blocks()))
    assert names["outcome"].finished
    assert names["measurement"].metrics["captions"] == 4
    assert names["comparison"].systems == ["birds", "mine"]
