"""What a release consists of agrees with itself: versions, the changelog, licenses, the citation."""

from __future__ import annotations

import re
import tomllib
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import notice
import pytest
import yaml
from packaging.requirements import Requirement

import attnforge
from attnforge.recipe.elsewhere import PACKAGES

EXAMPLE = "gated-attention"
"""A plugin as its author would write it, with a version of its own."""
PLUGINS = sorted(
    path.parent.name
    for path in Path(__file__).parents[2].glob("plugins/*/pyproject.toml")
    if path.parent.name != EXAMPLE
)
PROJECTS = [".", *(f"plugins/{name}" for name in PLUGINS)]
"""The folders of the distributions that are released together."""


@pytest.mark.parametrize("folder", PROJECTS)
def test_distributions_have_one_version_and_carry_their_license(root: Path, folder: str) -> None:
    project = tomllib.loads((root / folder / "pyproject.toml").read_text())
    module = root / folder / project["tool"]["hatch"]["version"]["path"]
    assert f'__version__ = "{attnforge.__version__}"' in module.read_text()
    assert "LICENSE" in project["project"]["license-files"]
    assert (root / folder / "LICENSE").read_text() == (root / "LICENSE").read_text()
    major, minor, _ = attnforge.__version__.split(".")
    if folder != ".":
        assert f"attnforge>={major}.{minor},<{major}.{int(minor) + 1}" in project["project"]["dependencies"]


def test_recipes_of_separate_plugins_name_their_package(root: Path) -> None:
    found = {path.stem: path.parts[-4] for path in root.glob("plugins/*/attnforge_*/recipes/*.yaml")}
    separate = {name: plugin for name, plugin in found.items() if plugin in PLUGINS}
    assert separate.keys() == PACKAGES.keys()
    for name, plugin in separate.items():
        requirements = [Requirement(package) for package in PACKAGES[name]]
        assert f"attnforge-{plugin}" in [requirement.name for requirement in requirements]
        for requirement in requirements:
            folder = root / "plugins" / requirement.name.removeprefix("attnforge-")
            project = tomllib.loads((folder / "pyproject.toml").read_text())["project"]
            assert requirement.extras <= project.get("optional-dependencies", {}).keys()


def test_the_changelog_and_the_citation_name_the_version(root: Path) -> None:
    headings = re.findall(r"^## (.+)$", (root / "CHANGELOG.md").read_text(), flags=re.MULTILINE)
    assert headings[0] == "[Unreleased]"
    number, date = re.fullmatch(r"\[(.+)\] - (\d{4}-\d\d-\d\d)", headings[1]).groups()  # type: ignore[union-attr]
    citation = yaml.safe_load((root / "CITATION.cff").read_text())
    assert number == citation["version"] == attnforge.__version__
    assert date == str(citation["date-released"])


def test_the_notice_has_every_package_with_the_license_that_its_metadata_states(root: Path) -> None:
    pins = (root / "requirements" / "dev.txt").read_text() + (
        root / "requirements" / "runtime.txt"
    ).read_text()
    entries = re.findall(r"^  (\S+)(?: (\S+))? +(.+)$", notice.NOTICE.read_text(), flags=re.MULTILINE)
    names = [name for names in notice.declared().values() for name in names] + notice.brought()
    assert [name for name, _, _ in entries] == names, "write it again: make notice"
    for name, written, license_name in entries:
        if written:
            assert f"\n{name}=={written}" in pins, "write it again: make notice"
        if written and written == _installed(name):
            assert notice.entry(name).license == license_name, "write it again: make notice"


def _installed(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None
