"""Commands import what they need and no more: the networks of others take seconds to import."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

from tiny_run import train_tiny

HEAVY = ("torchvision", "timm", "transformers")
LOOK = f"""
import sys
from attnforge.cli import run
assert run(sys.argv[1:]) == 0
print([name for name in {HEAVY!r} if name in sys.modules])
"""


def imported(*arguments: str) -> list[str]:
    """Which of the heavy ones a command imports."""
    command = [sys.executable, "-c", LOOK, *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return list(ast.literal_eval(done.stdout.splitlines()[-1]))


def test_validating_a_recipe_imports_no_zoo_of_networks_that_it_does_not_use() -> None:
    assert imported("validate", "attngan2-cub") == ["torchvision"]


def test_generating_imports_no_zoo_of_networks_unless_it_looks_at_images(tmp_path: Path) -> None:
    train_tiny(tmp_path / "run", "phases.gan.sample_every=0", "evaluation.metrics={}")
    assert imported("sample", str(tmp_path / "run"), "a red bird") == []
    assert "timm" in imported("sample", str(tmp_path / "run"), "a red bird", "--attention")
