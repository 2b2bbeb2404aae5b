"""The files of a new plugin: templates with the plugin's names filled in."""

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
"""The template of each file that a plugin of any kind has; its ending keeps tools from reading it as code."""
OF_KIND = {
    "${package}/${module}.py": "component.py",
    "${package}/recipes/${plugin}.yaml": "recipe.yaml",
    "tests/test_${plugin_module}.py": "test.py",
}
"""The template of each file that depends on the kind."""

BROUGHT = {"jaxtyping", "pydantic", "torch"}
"""What components may import because attnforge needs it, too; their versions are left to attnforge."""
_IMPORTED = re.compile(r"^(?:from|import) (\w+)", re.MULTILINE)


def project_files(names: Names) -> dict[str, str]:
    """The text of every file of the plugin, by its path below the plugin's folder."""
    templates = files("attnforge.scaffold") / "templates"
    sources = {path: templates / "project" / f"{name}.template" for path, name in PROJECT.items()}
    of_kind = templates / "kinds" / names.module
    sources |= {path: of_kind / f"{name}.template" for path, name in OF_KIND.items()}
    component = (of_kind / "component.py.template").read_text(encoding="utf-8")
    values = _values(names, imported=set(_IMPORTED.findall(component)))
    return {
        Template(path).substitute(values): Template(source.read_text(encoding="utf-8")).substitute(values)
        for path, source in sources.items()
    }


def write_project(names: Names, folder: Path) -> Path:
    """Write the plugin into a new folder of its name below `folder`; what is there is never touched.

    Raises:
        PluginError: `folder-taken` when there is something of that name, `plugin-not-written` when the
            files cannot be written.
    """
    home = folder / names.plugin
    try:
        folder.mkdir(parents=True, exist_ok=True)
        home.mkdir()
        for path, text in project_files(names).items():
            file = home / path
            file.parent.mkdir(parents=True, exist_ok=True)
            with file.open("x", encoding="utf-8", newline="\n") as stream:
                stream.write(text)
    except FileExistsError as error:
        message = f"there is something at {error.filename or home} already, which is left as it is"
        expected = "another name, or another folder with --folder"
        raise PluginError(Problem("folder-taken", message, None, expected)) from error
    except OSError as error:
        message = f"the plugin cannot be written to {home}: {error.strerror or error}"
        expected = "a folder that can be written to, with --folder"
        raise PluginError(Problem("plugin-not-written", message, None, expected)) from error
    return home


def _values(names: Names, *, imported: set[str]) -> dict[str, str]:
    versions = _versions(attnforge.__version__)
    needed = [f"attnforge{versions}", *sorted(imported & BROUGHT)]
    return {
        "plugin": names.plugin,
        "plugin_module": names.plugin.replace("-", "_"),
        "kind": names.kind,
        "kind_meaning": KINDS[names.kind],
        "component": names.component,
        "recipe_name": names.recipe_name,
        "class_name": names.class_name,
        "distribution": names.distribution,
        "package": names.package,
        "module": names.module,
        "summary": SUMMARIES[names.kind],
        "versions": versions,
        "dependencies": ", ".join(f'"{one}"' for one in needed),
    }


def _versions(version: str) -> str:
    """The versions that plugins written for this one may be used with: up to the next that may break them."""
    major, minor, *_ = version.split(".")
    upper = f"{int(major) + 1}" if int(major) else f"0.{int(minor) + 1}"
    return f">={major}.{minor},<{upper}"
