"""Each notebook is its script, without outputs, and its links lead somewhere; tests/api runs them."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

FOLDER = Path(__file__).parents[2] / "docs" / "notebooks"
LINK = re.compile(r"\[[^\]]*\]\(([^)\s#]+)[^)\s]*\)")
SCRIPTS = sorted(FOLDER.glob("*.py"))


def cells_of(script: Path) -> list[tuple[str, str]]:
    """Kind and text of each cell of a script in the percent format."""
    _, *parts = re.split(r"^# %%(.*)\n", script.read_text(), flags=re.MULTILINE)
    cells = []
    for title, body in zip(parts[::2], parts[1::2], strict=True):
        lines = body.strip("\n").split("\n")
        if title == " [markdown]":
            cells.append(("markdown", "\n".join(re.sub("^# ?", "", line) for line in lines)))
        else:
            cells.append(("code", "\n".join(lines)))
    return cells


def notebook_of(script: Path) -> dict[str, Any]:
    notebook: dict[str, Any] = json.loads(script.with_suffix(".ipynb").read_text())
    return notebook


def test_every_notebook_has_its_script() -> None:
    assert len(SCRIPTS) >= 4
    assert sorted(FOLDER.glob("*.ipynb")) == [script.with_suffix(".ipynb") for script in SCRIPTS]


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.stem)
def test_a_notebook_is_its_script_without_outputs(script: Path) -> None:
    cells = notebook_of(script)["cells"]
    written = [(cell["cell_type"], "".join(cell["source"])) for cell in cells]
    assert written == cells_of(script), "write it with: make notebooks"
    code = [cell for cell in cells if cell["cell_type"] == "code"]
    assert [(cell["outputs"], cell["execution_count"]) for cell in code] == len(code) * [([], None)]


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.stem)
def test_the_documentation_shows_every_cell(script: Path) -> None:
    page = script.with_suffix(".md").read_text()
    cells = [
        f"```python\n{text}\n```" if kind == "code" else text.replace(".ipynb)", ".md)")
        for kind, text in cells_of(script)
    ]
    before, *between = re.split("|".join(map(re.escape, cells)), page)
    assert [text.strip() for text in between[1:]] == [""] * (len(cells) - 1), "write it with: make notebooks"
    assert before.startswith("<!-- written")
    assert f"[`{script.stem}.ipynb`]({script.stem}.ipynb)" in page


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.stem)
def test_a_notebook_begins_with_a_title_and_ends_with_what_is_next(script: Path) -> None:
    texts = [text for kind, text in cells_of(script) if kind == "markdown"]
    assert texts[0].startswith("# ")
    assert texts[-1].startswith("## Next\n")
    links = [link for text in texts for link in LINK.findall(text)]
    assert [link for link in links if not (FOLDER / link).is_file()] == []
    assert any(link.endswith(".ipynb") for link in links)
