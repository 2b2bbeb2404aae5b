"""Checks Python and packages: what is installed, and what attnforge requires."""

from __future__ import annotations

import platform
import sys
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, metadata
from pathlib import Path

from packaging.specifiers import SpecifierSet

import attnforge
from attnforge.doctor.finding import OK, PROBLEM, WARNING, Finding
from attnforge.run.environment import conflicts, packages

AREA = "environment"


def look() -> Iterator[Finding]:
    """Check Python, the system, attnforge itself, and the packages it requires with their requirements."""
    version = platform.python_version()
    required = _python_range()
    fits = SpecifierSet(required).contains(version, prereleases=True)
    note = f" (required: {required})" if required else ""
    step = "" if fits else "python3.13 -m venv .venv"
    yield Finding(AREA, "python", OK if fits else PROBLEM, f"{version}{note}, {sys.executable}", step)
    yield Finding(AREA, "system", OK, platform.platform())
    yield Finding(
        AREA, "attnforge", OK, f"{attnforge.__version__}, {Path(attnforge.__file__).resolve().parent}"
    )
    requirements = packages()
    if not requirements:
        text = "attnforge is not installed as a package, so its requirements are unknown"
        yield Finding(AREA, "packages", WARNING, text, "pip install --editable .")
    for package in requirements:
        install = f'pip install "{package.name}{package.required}"'
        note = f" (required: {package.required})" if package.required else ""
        if package.installed is None:
            yield Finding(AREA, package.name, PROBLEM, f"missing{note}", install)
        elif not package.fits:
            yield Finding(AREA, package.name, PROBLEM, f"{package.installed}{note}", install)
        elif unmet := conflicts(package.name):
            text = "; ".join(
                f"it needs {other.required}, and {other.installed} is installed" for other in unmet
            )
            names = " ".join([package.name, *(other.name for other in unmet)])
            step = f"pip install --upgrade {names}"
            yield Finding(AREA, package.name, PROBLEM, f"{package.installed}, but {text}", step)
        else:
            yield Finding(AREA, package.name, OK, f"{package.installed}{note}")


def _python_range() -> str:
    try:
        package = metadata("attnforge")
    except PackageNotFoundError:
        return ""
    # PackageMetadata has no `get` in the types of Python 3.11.
    return package["Requires-Python"] if "Requires-Python" in package else ""  # noqa: SIM401
