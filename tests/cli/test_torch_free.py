"""`import attnforge`, and what only looks at recipes and plugins, never import torch, torchvision or timm."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

BLOCKED = """
import sys

class Blocker:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in ("torch", "torchvision", "timm"):
            raise AssertionError(f"{name} is imported")

sys.meta_path.insert(0, Blocker())
import attnforge
assert all(map(callable, (attnforge.train, attnforge.evaluate, attnforge.recipe)))
from attnforge.cli import run
sys.exit(run(sys.argv[1:]))
"""


def blocked(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-c", BLOCKED, *arguments], capture_output=True, text=True)


@pytest.mark.parametrize(
    ("arguments", "shown"),
    [
        (["--help"], "quickstart"),
        (["plugins"], "attngan"),
        (["components"], "attention"),
        (["recipes"], "quickstart"),
        (["show", "quickstart", "training.seed=7"], "seed: 7"),
        (["explain", "unknown-key"], "no such key"),
        (["explain", "step-end"], "attnforge_step_end(phase, step, scalars)"),
    ],
)
def test_a_command_that_looks_works_without_torch(arguments: list[str], shown: str) -> None:
    done = blocked(*arguments)
    assert done.returncode == 0, done.stderr
    assert shown in done.stdout
    assert "is imported" not in done.stdout


def test_a_plugin_is_written_without_torch(tmp_path: Path) -> None:
    done = blocked("plugins", "new", "gated-attention", "--kind", "attention", "--folder", str(tmp_path))
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "gated-attention" / "pyproject.toml").is_file()


def test_the_blocker_blocks() -> None:
    done = blocked("validate", "quickstart")
    assert done.returncode != 0
    assert "torch is imported" in done.stderr
