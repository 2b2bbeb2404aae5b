"""`import attnforge`, and what only looks at recipes and plugins, never import torch, torchvision or timm."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

BLOCKED = """
import io, json, sys, traceback
from contextlib import redirect_stderr, redirect_stdout

class Blocker:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in ("torch", "torchvision", "timm"):
            raise AssertionError(f"{name} is imported")

sys.meta_path.insert(0, Blocker())
import attnforge
assert all(map(callable, (attnforge.train, attnforge.evaluate, attnforge.recipe)))
from attnforge.cli import run

results = []
for words in json.loads(sys.argv[1]):
    printed = io.StringIO()
    with redirect_stdout(printed), redirect_stderr(printed):
        try:
            code = run(words)
        except BaseException:
            code = traceback.print_exc()
    results.append((code, printed.getvalue()))
print(json.dumps(results))
"""
LOOKING = (
    (("--help",), "quickstart"),
    (("plugins",), "attngan"),
    (("components",), "attention"),
    (("recipes",), "quickstart"),
    (("show", "quickstart", "training.seed=7"), "seed: 7"),
    (("explain", "unknown-key"), "no such key"),
    (("explain", "step-end"), "attnforge_step_end(phase, step, scalars)"),
    (("plugins", "new", "gated-attention", "--kind", "attention", "--folder", "."), "gated-attention"),
)
"""Commands, with a part of what each prints."""
REFUSED = (("validate", "no-such-recipe"), "error[unknown-recipe]")
BLOCKER = (("validate", "quickstart"), "torch is imported")
"""A command that does need it."""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where all commands run, in one process."""
    return tmp_path_factory.mktemp("without-torch")


@pytest.fixture(scope="module")
def results(folder: Path) -> dict[tuple[str, ...], tuple[int | None, str]]:
    """The exit code of each command, None for a traceback, and what it printed."""
    commands = [words for words, _ in (*LOOKING, REFUSED, BLOCKER)]
    process = [sys.executable, "-c", BLOCKED, json.dumps(commands)]
    done = subprocess.run(process, cwd=folder, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return {words: tuple(one) for words, one in zip(commands, json.loads(done.stdout), strict=True)}


@pytest.mark.parametrize(("words", "shown"), LOOKING)
def test_a_command_that_looks_works_without_torch(
    words: tuple[str, ...], shown: str, results: dict[tuple[str, ...], tuple[int | None, str]]
) -> None:
    code, printed = results[words]
    assert code == 0, printed
    assert shown in printed
    assert "is imported" not in printed


@pytest.mark.usefixtures("results")
def test_a_plugin_is_written_without_torch(folder: Path) -> None:
    assert (folder / "gated-attention" / "pyproject.toml").is_file()


def test_what_is_wrong_before_components_matter_is_refused_without_torch(
    results: dict[tuple[str, ...], tuple[int | None, str]],
) -> None:
    words, shown = REFUSED
    code, printed = results[words]
    assert code == 1
    assert shown in printed


def test_the_blocker_blocks(results: dict[tuple[str, ...], tuple[int | None, str]]) -> None:
    words, shown = BLOCKER
    code, printed = results[words]
    assert code != 0
    assert shown in printed
