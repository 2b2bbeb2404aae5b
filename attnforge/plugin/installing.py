"""The command that installs a package: by name, or from attnforge's own repository where that is at hand."""

from __future__ import annotations

import os
from pathlib import Path

from packaging.requirements import InvalidRequirement, Requirement

OWN = "attnforge-"
"""Begins the names of packages that attnforge's repository has in `plugins/`."""


def install_command(*requirements: str) -> str:
    """The command that installs packages.

    In a checkout of attnforge, whose plugins with dependencies of their own are packages in `plugins/`, these
    are installed from there, since no registry need have them.

    Args:
        requirements: Names with extras and versions, as pip reads them.
    """
    return "pip install " + " ".join(f'"{_source(requirement)}"' for requirement in requirements)


def _source(text: str) -> str:
    try:
        requirement = Requirement(text)
    except InvalidRequirement:
        return text
    folder = _plugins() / requirement.name.removeprefix(OWN)
    if not requirement.name.startswith(OWN) or not (folder / "pyproject.toml").is_file():
        return text
    extras = f"[{','.join(sorted(requirement.extras))}]" if requirement.extras else ""
    return f"{_written(folder)}{extras}"


def _plugins() -> Path:
    return Path(__file__).parents[2] / "plugins"


def _written(folder: Path) -> str:
    """A folder with a slash, by which pip tells it from a package; shorter where it is below this one."""
    current = Path.cwd()
    return f".{os.sep}{folder.relative_to(current)}" if folder.is_relative_to(current) else os.fspath(folder)
