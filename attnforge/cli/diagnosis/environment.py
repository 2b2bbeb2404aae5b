"""Python and packages: what is installed, and what attnforge asks for."""

from __future__ import annotations

import platform
import sys
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, metadata
from pathlib import Path

from packaging.specifiers import SpecifierSet

import attnforge
from attnforge.cli.diagnosis.finding import OK, PROBLEM, WARNING, Finding
from attnforge.run.environment import conflicts, packages

AREA = "environment"


def look() -> Iterator[Finding]:
    """Python, the system, attnforge itself, and each package that it asks for, with what that asks for."""
    version = platform.python_version()
    wanted = _python_range()
    fits = SpecifierSet(wanted).contains(version, prereleases=True)
    asked = f" (asked for: {wanted})" if wanted else ""
    step = "" if fits else "python3.13 -m venv .venv"
    yield Finding(AREA, "python", OK if fits else PROBLEM, f"{version}{asked}, {sys.executable}", step)
    yield Finding(AREA, "system", OK, platform.platform())
    yield Finding(
        AREA, "attnforge", OK, f"{attnforge.__version__}, {Path(attnforge.__file__).resolve().parent}"
    )
    asked_for = packages()
    if not asked_for:
        text = "attnforge is not installed as a package, so what it asks for is not known"
        yield Finding(AREA, "packages", WARNING, text, "pip install --editable .")
    for one in asked_for:
        line = f"{one.name}{one.required}"
        said = f" (asked for: {one.required})" if one.required else ""
        if one.installed is None:
            yield Finding(AREA, one.name, PROBLEM, f"missing{said}", f'pip install "{line}"')
        elif not one.fits:
            yield Finding(AREA, one.name, PROBLEM, f"{one.installed}{said}", f'pip install "{line}"')
        elif unmet := conflicts(one.name):
            text = "; ".join(f"it needs {one.required}, and {one.installed} is installed" for one in unmet)
            names = " ".join([one.name, *(other.name for other in unmet)])
            yield Finding(
                AREA, one.name, PROBLEM, f"{one.installed}, but {text}", f"pip install --upgrade {names}"
            )
        else:
            yield Finding(AREA, one.name, OK, f"{one.installed}{said}")


def _python_range() -> str:
    try:
        known = metadata("attnforge")
    except PackageNotFoundError:
        return ""
    # PackageMetadata has no `get` in the types of Python 3.11.
    return known["Requires-Python"] if "Requires-Python" in known else ""  # noqa: SIM401
