"""The files of a new plugin: templates, filled in with the plugin's names."""

from __future__ import annotations

import re
from importlib.resources import files
from pathlib import Path
from string import Template

import attnforge
from attnforge.errors import PluginError, Problem
from attnforge.plugin import KINDS
from attnforge.scaffold.names import Names
from attnforge.scaffold.summaries import SUMMARIES

PROJECT = {
    ".github/workflows/test.yml": "workflow.yml",
    ".gitignore": "gitignore",
    "LICENSE": "LICENSE",
    "README.md": "README.md",
    "pyproject.toml": "pyproject.toml",
    "${package}/__init__.py": "init.py",
    "${package}/plugin.py": "plugin.py",
    "${package}/py.typed": "py.typed",
}
"""The template of each file of every plugin; the suffix `.template` keeps tools from reading it as code."""
OF_KIND = {
    "${package}/${module}.py": "component.py",
    "${package}/recipes/${plugin}.yaml": "recipe.yaml",
    "tests/test_${plugin_module}.py": "test.py",
}
"""The template of each file that depends on the kind."""

SHARED_DEPENDENCIES = {"jaxtyping", "pydantic", "torch"}
"""Packages that attnforge itself requires, and whose versions it sets."""
_IMPORT = re.compile(r"^(?:from|import) (\w+)", re.MULTILINE)


def project_files(names: Names) -> dict[str, str]:
    """The text of every file of the plugin, by its path in the plugin's folder."""
    templates = files("attnforge.scaffold") / "templates"
    sources = {path: templates / "project" / f"{name}.template" for path, name in PROJECT.items()}
    of_kind = templates / "kinds" / names.module
    sources |= {path: of_kind / f"{name}.template" for path, name in OF_KIND.items()}
    component = (of_kind / "component.py.template").read_text(encoding="utf-8")
    values = _values(names, imported=set(_IMPORT.findall(component)))
    return {
        Template(path).substitute(values): Template(source.read_text(encoding="utf-8")).substitute(values)
        for path, source in sources.items()
    }


def write_project(names: Names, folder: Path) -> Path:
    """Write the plugin into a new folder with its name in `folder`; existing files are never changed.

    Raises:
        PluginError: `folder-taken` when the folder exists, `plugin-not-written` when the files cannot be
            written.
    """
    target = folder / names.plugin
    try:
        folder.mkdir(parents=True, exist_ok=True)
        target.mkdir()
        for path, text in project_files(names).items():
            file = target / path
            file.parent.mkdir(parents=True, exist_ok=True)
            with file.open("x", encoding="utf-8", newline="\n") as stream:
                stream.write(text)
    except FileExistsError as error:
        message = f"{error.filename or target} exists already and was not changed"
        expected = "another name, or another folder with --folder"
        raise PluginError(Problem("folder-taken", message, None, expected)) from error
    except OSError as error:
        message = f"cannot write the plugin to {target}: {error.strerror or error}"
        expected = "a writable folder, with --folder"
        raise PluginError(Problem("plugin-not-written", message, None, expected)) from error
    return target


def _values(names: Names, *, imported: set[str]) -> dict[str, str]:
    versions = _versions(attnforge.__version__)
    dependencies = [f"attnforge{versions}", *sorted(imported & SHARED_DEPENDENCIES)]
    return {
        "plugin": names.plugin,
        "plugin_module": names.plugin.replace("-", "_"),
        "kind": names.kind,
        "kind_meaning": KINDS[names.kind].summary,
        "component": names.component,
        "recipe_name": names.recipe_name,
        "class_name": names.class_name,
        "distribution": names.distribution,
        "package": names.package,
        "module": names.module,
        "summary": SUMMARIES[names.kind],
        "versions": versions,
        "dependencies": ", ".join(f'"{dependency}"' for dependency in dependencies),
    }


def _versions(version: str) -> str:
    """The range of versions that a new plugin works with: below the next one that may break it."""
    major, minor, *_ = version.split(".")
    upper = f"{int(major) + 1}" if int(major) else f"0.{int(minor) + 1}"
    return f">={major}.{minor},<{upper}"
