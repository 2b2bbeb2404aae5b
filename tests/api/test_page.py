"""The code of the page "From Python" and of the notebooks runs, block after block."""

from __future__ import annotations

import ast
import re
from pathlib import Path
from typing import Any

import pytest
from tiny_run import tiny

DOCS = Path(__file__).parents[2] / "docs"
PAGE = DOCS / "how-to" / "from-python.md"
NOTEBOOKS = DOCS / "notebooks"
SMALLER = {
    '"extends": "quickstart"': '"extends": "tiny.yaml"',
    "channels=24": "channels=4",
    '"phases.gan.steps": 800': '"phases.gan.steps": 2',
    '"evaluation.captions": 200': '"evaluation.captions": 4',
}
"""What a test trains and measures instead, to take seconds."""


def blocks() -> list[str]:
    return re.findall(r"```python\n(.*?)```", PAGE.read_text(), flags=re.DOTALL)


def run_blocks(folder: Path, trained: Path, count: int) -> dict[str, Any]:
    (folder / "runs").mkdir()
    (folder / "runs" / "birds").symlink_to(trained)
    (folder / "tiny.yaml").write_text(tiny().composed.text())
    names: dict[str, Any] = {}
    for block in blocks()[:count]:
        for text, smaller in SMALLER.items():
            block = block.replace(text, smaller)
        exec(block, names)  # the code of this repository's own page
    return names


def test_the_blocks_that_generate_and_resolve(
    trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    names = run_blocks(tmp_path, trained, 3)
    assert len(names["images"]) == 4
    assert names["rows"].captions[-1] == "a blue bird with black wings"
    assert names["recipe"].get("generator.channels") == 4
    assert {path.name for path in tmp_path.iterdir()} >= {
        "birds", "birds.png", "birds.html", "swapped.png", "walk.gif"
    }  # fmt: skip


@pytest.mark.long
def test_every_block(trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert all(any(text in block for block in blocks()) for text in SMALLER)
    names = run_blocks(tmp_path, trained, len(blocks()))
    assert names["outcome"].finished
    assert names["measurement"].metrics["captions"] == 4


@pytest.mark.long
@pytest.mark.parametrize("notebook", sorted(NOTEBOOKS.glob("*.py")), ids=lambda path: path.stem)
def test_the_cells_of_a_notebook_run_and_show_something(
    notebook: Path, trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "runs").mkdir()
    (tmp_path / "runs" / "birds").symlink_to(trained)
    monkeypatch.chdir(tmp_path)
    names: dict[str, Any] = {}
    cells = notebook.read_text().split("\n# %%\n")[1:]
    shown = []
    for cell in cells:
        statements = ast.parse(cell.split("\n# %% [markdown]")[0]).body
        last = statements.pop() if isinstance(statements[-1], ast.Expr) else None
        exec(compile(ast.Module(statements, []), str(notebook), "exec"), names)  # this repository's own
        if last is not None:
            shown.append(eval(compile(ast.Expression(last.value), str(notebook), "eval"), names))
    assert sum('role="group"' in part._repr_html_() for part in shown if hasattr(part, "_repr_html_")) >= 4
