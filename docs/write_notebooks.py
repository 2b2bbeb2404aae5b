"""Writes notebook and page of each .py file of docs/notebooks, with jupytext: `make notebooks`."""

from __future__ import annotations

from pathlib import Path

import jupytext
from nbformat import NotebookNode

FOLDER = Path(__file__).parent / "notebooks"


def notebook_of(source: Path) -> NotebookNode:
    """The notebook of a script with cells, without outputs; cells are identified by their numbers."""
    notebook: NotebookNode = jupytext.read(source)
    for number, cell in enumerate(notebook.cells, start=1):
        cell.id = f"cell-{number}"  # a random one would differ each time
    return notebook


def written(source: Path) -> str:
    """The text of the notebook's file."""
    text: str = jupytext.writes(notebook_of(source), fmt="ipynb")
    return text.rstrip("\n") + "\n"


def page_of(source: Path) -> str:
    """The page that the documentation shows: text and code of all cells, with links to the other pages."""
    parts = [f"<!-- written by `make notebooks` from {source.name} -->"]
    for cell in notebook_of(source).cells:
        code = cell.cell_type == "code"
        parts.append(f"```python\n{cell.source}\n```" if code else cell.source.replace(".ipynb)", ".md)"))
        if len(parts) == 2:  # below the title and what it says
            name = source.with_suffix(".ipynb").name
            parts.append(f"This page is the notebook [`{name}`]({name}), which runs from top to bottom.")
    return "\n\n".join(parts) + "\n"


if __name__ == "__main__":
    for source in sorted(FOLDER.glob("*.py")):
        source.with_suffix(".ipynb").write_text(written(source), encoding="utf-8")
        source.with_suffix(".md").write_text(page_of(source), encoding="utf-8")
