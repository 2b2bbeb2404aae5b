"""`make test-versions` runs what pyproject.toml promises, the lowest versions included."""

from __future__ import annotations

import re
import subprocess
import tomllib
from pathlib import Path

import promised_versions
import pytest
from packaging.requirements import Requirement


def test_every_promised_python_is_run(tmp_path: Path) -> None:
    project = tmp_path / "pyproject.toml"
    project.write_text('[project]\nrequires-python = ">=3.9,!=3.10.*,<3.13"\n')
    assert promised_versions.promised_pythons(project) == ["3.9", "3.11", "3.12"]


def test_every_direct_dependency_has_a_lowest_version(root: Path) -> None:
    declared = tomllib.loads((root / "pyproject.toml").read_text())
    groups = [
        *declared["project"]["optional-dependencies"].values(),
        *declared["dependency-groups"].values(),
        declared["project"]["dependencies"],
    ]
    lines = [line for group in groups for line in group if isinstance(line, str)]
    bounds = {">=", "=="}  # a pin is a bound: weights in a package are checked by their digest
    unbounded = [
        line for line in lines if not bounds & {part.operator for part in Requirement(line).specifier}
    ]
    assert lines
    assert unbounded == []


def test_the_lowest_versions_are_within_the_promise(root: Path) -> None:
    declared = tomllib.loads((root / "pyproject.toml").read_text())["project"]["dependencies"]
    lowest = {
        one.name: next(part.version for part in one.specifier if part.operator == ">=")
        for one in map(Requirement, declared)
    }
    held = [
        Requirement(line)
        for line in (root / "requirements" / "lowest.txt").read_text().splitlines()
        if line and not line.startswith("#")
    ]
    assert held
    assert all(one.specifier.contains(lowest[one.name]) for one in held)


def test_what_was_run_is_told_and_a_missing_python_is_named(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def tested(python: str, base: Path, versions: str, arguments: list[str]) -> tuple[bool, str]:
        if versions == "lowest":
            raise subprocess.CalledProcessError(1, "uv", stderr="no solution\n")
        return True, f"3 passed on {base} with {arguments}"

    monkeypatch.setattr(
        promised_versions, "interpreter", lambda python: None if python == "3.11" else Path("here")
    )
    monkeypatch.setattr(promised_versions, "tested", tested)
    results = list(promised_versions.outcomes(["3.11", "3.12"], ["lowest", "newest"], ["-x"]))
    assert results == [False, True]
    printed = capsys.readouterr().out
    assert re.findall(r"^Python (.*)$", printed, flags=re.MULTILINE) == [
        "3.11: not on the search path, left out",
        "3.12, lowest versions: cannot be installed: no solution",
        "3.12, newest versions: 3 passed on here with ['-x']",
    ]
