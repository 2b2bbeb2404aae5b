"""Commands import what they need and no more: the networks of others take seconds to import."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

HEAVY = ("torchvision", "timm", "transformers")
LOOK = f"""
import json, sys
from attnforge.cli import run
for arguments in json.loads(sys.argv[1]):
    assert run(arguments) == 0
    print([name for name in {HEAVY!r} if name in sys.modules])
"""


def imported(*commands: Sequence[str]) -> list[list[str]]:
    """Which of the heavy ones are imported after each of several commands in one process."""
    process = [sys.executable, "-c", LOOK, json.dumps(commands)]
    done = subprocess.run(process, capture_output=True, text=True, check=True)
    return [ast.literal_eval(line) for line in done.stdout.splitlines() if line.startswith("[")]


def test_a_command_imports_no_zoo_of_networks_that_it_does_not_use(trained: Path, tmp_path: Path) -> None:
    sample = ["sample", str(trained), "a red bird", "-n", "1", "--out"]
    only_images, a_recipe, with_attention = imported(
        [*sample, str(tmp_path / "images")],
        ["validate", "attngan2-cub"],
        [*sample, str(tmp_path / "attended"), "--attention"],
    )
    assert only_images == []
    assert a_recipe == ["torchvision"]
    assert "timm" in with_attention
