"""`make readme-figures` writes what runs of the quickstart reached, between markers that the README has."""

from __future__ import annotations

import importlib.util
import json
import sys
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from attnforge.recipe import resolve
from attnforge.recipe.seal import seal

METRICS: dict[str, Any] = {
    "captions": 500,
    "attribute accuracy": 0.5,
    "attribute accuracy chance": 0.128,
    **{f"attribute accuracy {part}": 0.25 for part in ("body", "belly", "wing", "crown", "whole caption")},
    "R-precision": 0.876,
    "R-precision chance": 0.01,
    "R-precision (encoders 0eb27b09)": 0.728,
    "R-precision (encoders 0eb27b09) note": "resized",
}


@pytest.fixture(scope="module")
def figures(root: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location("readme_figures", root / "docs" / "readme_figures.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["readme_figures"] = module
    spec.loader.exec_module(module)
    return module


def finished(path: Path, *overrides: str, accuracy: float = 0.5) -> Path:
    """A run folder of the quickstart with the small files that are read."""
    path.mkdir()
    (path / "recipe.lock.yaml").write_text(seal(resolve("quickstart", overrides=overrides).frozen()))
    events = [{"event": "started"}, {"event": "ended", "reason": "finished", "seconds": 509.4}]
    (path / "log.jsonl").write_text("".join(f"{json.dumps(event)}\n" for event in events))
    session = {"processor": {"name": "Example CPU"}, "threads": 1}
    (path / "machine.json").write_text(json.dumps({"sessions": [session]}))
    (path / "result.json").write_text(json.dumps(METRICS | {"attribute accuracy": accuracy}))
    return path


def test_the_readme_has_both_blocks_and_other_text_is_kept(figures: ModuleType, root: Path) -> None:
    readme = (root / "README.md").read_text()
    for name in ("image", "table"):
        changed = figures.replaced(readme, name, "new text\n")
        begin = f"<!-- quickstart {name}, written by a command -->\n"
        assert f"{begin}\nnew text\n\n<!-- end -->" in changed
        assert changed.partition(begin)[0] == readme.partition(begin)[0]
        end = "<!-- end -->"
        assert changed.partition(begin)[2].partition(end)[2] == readme.partition(begin)[2].partition(end)[2]
    with pytest.raises(ValueError, match="marker"):
        figures.replaced(readme, "absent", "")


def test_runs_are_columns_and_the_image_is_of_the_one_in_the_middle(
    figures: ModuleType, tmp_path: Path
) -> None:
    recipe = resolve("quickstart")
    runs = [
        figures.read_run(
            finished(tmp_path / str(seed), f"training.seed={seed}", "training.threads=1", accuracy=accuracy),
            recipe=recipe,
        )
        for seed, accuracy in ((1, 0.9), (2, 0.7), (3, 0.8))
    ]
    assert figures.middle(runs).seed == 3
    assert "with seed 3, the one in the middle of 3 seeds" in " ".join(figures.image_block(runs).split())
    table = figures.table_block(runs, commit="0123abcd", digest=recipe.digest)
    assert "| 90.0% | 70.0% | 80.0% | 12.8% |" in table
    assert "| R-precision by independent encoders | 72.8% | 72.8% | 72.8% | |" in table
    fewer = replace(runs[0], metrics={key: value for key, value in METRICS.items() if "(" not in key})
    assert "independent" not in figures.table_block([*runs, fewer], commit="", digest="")
    assert "| training and evaluation | 8 min 29 s, 1 thread |" in table
    assert f"commit `0123abcd`, from runs of its recipe `quickstart` (digest `{recipe.digest[:8]}`)" in (
        " ".join(table.split())
    )


def test_runs_of_another_recipe_and_unfinished_ones_are_refused(figures: ModuleType, tmp_path: Path) -> None:
    recipe = resolve("quickstart")
    with pytest.raises(SystemExit, match=r"(?s)other values.*generator.channels +16 +-> +\[32, 32, 16\]"):
        figures.read_run(finished(tmp_path / "narrow", "generator.channels=16"), recipe=recipe)
    stopped = finished(tmp_path / "stopped")
    (stopped / "log.jsonl").write_text('{"event": "started"}\n')
    with pytest.raises(SystemExit, match="did not finish"):
        figures.read_run(stopped, recipe=recipe)
