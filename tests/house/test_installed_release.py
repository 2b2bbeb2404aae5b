"""`make wheels`, installed as users install: from an index folder, with dependencies from a registry."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import sysconfig
from collections.abc import Mapping
from pathlib import Path

import pytest

import attnforge

pytestmark = [pytest.mark.long, pytest.mark.timeout(1800)]

UV = str(Path(sysconfig.get_path("scripts")) / "uv")
SEPARATE = sorted(path.parent.name for path in Path(__file__).parents[2].glob("plugins/*/pyproject.toml"))
"""The plugins with a distribution of their own."""


def run(*words: str | Path, cwd: Path, variables: Mapping[str, str] | None = None) -> str:
    """What a command prints; a test fails with its errors if it does."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "ATTNFORGE"))}
    done = subprocess.run(
        list(map(str, words)), cwd=cwd, env={**kept, **(variables or {})}, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-4000:]
    return done.stdout


@pytest.fixture(scope="module")
def index(root: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the wheels and source archives of every distribution."""
    folder = tmp_path_factory.mktemp("index")
    run("make", "wheels", f"DIST={folder}", cwd=root)
    return folder


@pytest.fixture(scope="module")
def commands(index: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The commands of an environment into which every distribution was installed, with extras."""
    home = tmp_path_factory.mktemp("environment")
    run(UV, "venv", "--quiet", "--python", sys.executable, home / "venv", cwd=home)
    python = home / "venv" / "bin" / "python"
    requirements = [f"attnforge[parquet,play]=={attnforge.__version__}"]
    extras = {"imagenet": "[lite0]", "wordvectors": "[wordllama]"}
    requirements += [f"attnforge-{name}{extras.get(name, '')}" for name in SEPARATE]
    run(UV, "pip", "install", "--quiet", "--python", python, "--find-links", index, *requirements, cwd=home)
    run(UV, "pip", "check", "--python", python, cwd=home)
    return python.parent


def test_every_distribution_has_a_wheel_and_a_source_archive(index: Path) -> None:
    names = ["attnforge", *(f"attnforge_{name.replace('-', '_')}" for name in SEPARATE)]
    for name in names:
        assert len(list(index.glob(f"{name}-[0-9]*.whl"))) == 1
        assert len(list(index.glob(f"{name}-[0-9]*.tar.gz"))) == 1


def test_it_knows_its_version_recipes_and_plugins(commands: Path, tmp_path: Path) -> None:
    command = commands / "attnforge"
    place = run(commands / "python", "-c", "import attnforge; print(attnforge.__file__)", cwd=tmp_path)
    assert commands.parent in Path(place.strip()).parents
    assert run(command, "--version", cwd=tmp_path).split()[-1] == attnforge.__version__
    recipes = run(command, "recipes", cwd=tmp_path)
    assert all(name in recipes for name in ("quickstart", "quickstart-wandb", "gated-attention"))
    plugins = json.loads(run(command, "plugins", "--json", cwd=tmp_path))
    assert {plugin["name"]: plugin["reason"] for plugin in plugins if plugin["reason"]} == {}
    assert set(SEPARATE) <= {plugin["name"] for plugin in plugins}
    assert "no such key" in run(command, "explain", "unknown-key", cwd=tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_the_quickstart_can_be_tried_and_leaves_nothing(commands: Path, tmp_path: Path) -> None:
    printed = run(commands / "attnforge", "quickstart", "--smoke", cwd=tmp_path)
    assert "report" in printed
    assert list(tmp_path.iterdir()) == []
