"""The README's program returns the masks of a trained run."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from small_widths import small

from attnforge.recipe import resolve
from attnforge.run.training import train
from attnforge.train.progress import ConsoleReporter

README = Path(__file__).parents[3] / "plugins/ssa_gan/README.md"


def test_masks_of_a_run(tmp_path: Path) -> None:
    run = tmp_path / "run"
    overrides = [*small("ssa-gan-sketch-birds", tmp_path), "evaluation.metrics={}"]
    train(resolve("ssa-gan-sketch-birds", overrides=overrides), run, resume=False, reporter=ConsoleReporter())
    (program,) = re.findall(r"```python\n(.*?)```", README.read_text(), flags=re.DOTALL)
    names: dict[str, Any] = {}
    exec(program.replace("runs/ssa-gan", str(run)), names)
    assert names["image"].shape == (1, 3, 16, 16)
    assert [tuple(mask.shape) for mask in names["masks"]] == [(1, 4, 4), (1, 8, 8), (1, 16, 16)]
