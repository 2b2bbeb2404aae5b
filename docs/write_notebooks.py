"""Writes each notebook of docs/notebooks from the .py file beside it, with jupytext: `make notebooks`."""

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


if __name__ == "__main__":
    for source in sorted(FOLDER.glob("*.py")):
        source.with_suffix(".ipynb").write_text(written(source), encoding="utf-8")
