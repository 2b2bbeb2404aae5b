"""Files that forges, editors and citation managers read: whole, and true of the project."""

from __future__ import annotations

import subprocess
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml
from promised_versions import promised_pythons


def tracked(root: Path, *patterns: str) -> list[Path]:
    names = subprocess.run(
        ["git", "ls-files", "-co", "--exclude-standard", *patterns],
        cwd=root,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.splitlines()
    return [root / name for name in names if (root / name).is_file()]


def read(path: Path) -> Any:
    return yaml.safe_load(path.read_text(encoding="utf-8"))


def test_yaml_files_can_be_read(root: Path) -> None:
    paths = tracked(root, "*.yml", "*.yaml", "*.cff")
    assert len(paths) > 20
    for path in paths:
        if path.name != "mkdocs.yml":
            assert read(path) is not None, path


def test_the_metadata_names_the_promised_pythons(root: Path) -> None:
    project = tomllib.loads((root / "pyproject.toml").read_text())["project"]
    prefix = "Programming Language :: Python :: "
    named = [one.removeprefix(prefix) for one in project["classifiers"] if one.startswith(prefix)]
    promised = promised_pythons(root / "pyproject.toml")
    assert named == promised
    assert (
        read(root / ".github/workflows/ci.yml")["jobs"]["check"]["strategy"]["matrix"]["python"] == promised
    )


def test_the_workflow_and_the_page_for_contributors_run_what_ci_runs(root: Path) -> None:
    steps = read(root / ".github/workflows/ci.yml")["jobs"]["check"]["steps"]
    assert "bash .ci/run" in [step.get("run") for step in steps]
    page = (root / "CONTRIBUTING.md").read_text()
    script = (root / ".ci" / "run").read_text()
    targets = {word for line in script.splitlines() if line.startswith("make ") for word in line.split()}
    for target in ("lint", "site", "test"):
        assert target in targets
        assert f"make {target}" in page


def test_hooks_call_commands_that_the_environment_has(root: Path) -> None:
    (repository,) = read(root / ".pre-commit-config.yaml")["repos"]
    targets = (root / "Makefile").read_text()
    for hook in repository["hooks"]:
        command, *words = hook["entry"].split()
        if command == "make":
            assert f"\n{words[0]}:" in targets
        else:
            assert command.startswith(".venv/bin/")


@pytest.mark.parametrize("key", ["cff-version", "message", "title", "authors", "license"])
def test_the_citation_has_what_its_format_requires(root: Path, key: str) -> None:
    assert read(root / "CITATION.cff")[key]


def test_every_folder_of_the_core_is_on_the_page_for_contributors(root: Path) -> None:
    page = (root / "CONTRIBUTING.md").read_text()
    for folder in (root / "attnforge").iterdir():
        if (folder / "__init__.py").is_file():
            assert f"`attnforge/{folder.name}`" in page
