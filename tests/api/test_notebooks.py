"""The notebooks run from top to bottom without a trained run, and are what jupytext makes of the scripts."""

from __future__ import annotations

import runpy
from pathlib import Path

import pytest

pytestmark = pytest.mark.long

DOCS = Path(__file__).parents[2] / "docs"
SHOWN = {
    "words": ["a blue bird with black wings: ", 'role="group"'],
    "train": ["error[unknown-key]", "`channels`", "gan 40/40", "| attribute accuracy (%) |", 'role="group"'],
    "component": ["attention/tempered: 24 passed", "padding gets a weight of", "stage 2: 0.", 'role="group"'],
    "compare": ["| metric | with DAMSM | without |", "\\toprule", "gan-0000040", "error[not-comparable]"],
}
"""Some of what each notebook shows."""
MISSING = "the dependency group `notebooks` is not installed"
SECONDS = 900
"""For a cell: several times what it takes where the machine has nothing else to do."""


def test_every_notebook_is_run() -> None:
    assert sorted(path.stem for path in (DOCS / "notebooks").glob("*.py")) == sorted(SHOWN)


@pytest.mark.parametrize("name", SHOWN)
def test_a_notebook_is_what_jupytext_makes_of_its_script(name: str) -> None:
    pytest.importorskip("jupytext", reason=MISSING)
    written = runpy.run_path(str(DOCS / "write_notebooks.py"))["written"]
    script = DOCS / "notebooks" / f"{name}.py"
    assert written(script) == script.with_suffix(".ipynb").read_text()


@pytest.mark.timeout(4 * SECONDS)
@pytest.mark.parametrize("name", SHOWN)
def test_a_notebook_runs_from_top_to_bottom(name: str, tmp_path: Path) -> None:
    nbclient = pytest.importorskip("nbclient", reason=MISSING)
    nbformat = pytest.importorskip("nbformat", reason=MISSING)
    notebook = nbformat.read(DOCS / "notebooks" / f"{name}.ipynb", as_version=4)
    client = nbclient.NotebookClient(
        notebook, timeout=SECONDS, kernel_name="python3", resources={"metadata": {"path": str(tmp_path)}}
    )
    client.execute()
    outputs = [output for cell in notebook.cells if cell.cell_type == "code" for output in cell.outputs]
    texts = [text for output in outputs for text in (output.get("text"), *output.get("data", {}).values())]
    shown = "\n".join(text for text in texts if text)
    assert [text for text in SHOWN[name] if text not in shown] == []
    errors = [output["text"] for output in outputs if output.get("name") == "stderr"]
    assert [text for text in errors if "IProgress not found" not in text] == []  # of tqdm, which timm imports
    left = {path.name for path in tmp_path.iterdir()} - {".hypothesis"}  # a cache of the checks of components
    assert left == set()  # what they write goes to temporary folders
