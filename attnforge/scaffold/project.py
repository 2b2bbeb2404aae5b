"""The files of a new plugin: templates, filled in with the plugin's names."""

from __future__ import annotations

import re
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path
from string import Template

import attnforge
from attnforge.errors import PluginError, Problem
from attnforge.plugin import KINDS
from attnforge.scaffold.names import Names, PartNames
from attnforge.scaffold.several import kinds_listed, lists_of_parts, merged_recipe
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
OF_SEVERAL = {"README.md": "README-of-several.md", "${package}/plugin.py": "plugin-of-several.py"}
"""The templates of those files for a plugin of several components."""
RECIPE = "${package}/recipes/${plugin}.yaml"

SHARED_DEPENDENCIES = {"jaxtyping", "pydantic", "torch"}
"""Packages that attnforge itself requires, and whose versions it sets."""
_IMPORT = re.compile(r"^(?:from|import) (\w+)", re.MULTILINE)


def project_files(names: Names) -> dict[str, str]:
    """The text of every file of the plugin, by its path in the plugin's folder."""
    templates = files("attnforge.scaffold") / "templates"
    folders = [templates / "kinds" / part.module for part in names.parts]
    several = len(folders) > 1
    modules = [_template(folder, "component.py") for folder in folders]
    recipes = [_template(folder, "recipe.yaml") for folder in folders]
    values = _values(names, imported={name for text in modules for name in _IMPORT.findall(text)})
    project = PROJECT | OF_SEVERAL if several else PROJECT
    texts = {
        path: Template(_template(templates / "project", name)).substitute(values)
        for path, name in project.items()
    }
    recipe = merged_recipe(recipes) if several else recipes[0]
    # within recipes, all components of a plugin have the same name
    texts[RECIPE] = Template(recipe).substitute(values, component=names.parts[0].recipe_name)
    for part, folder, module in zip(names.parts, folders, modules, strict=True):
        own = values | _values_of(part)
        texts["${package}/" + f"{part.module}.py"] = Template(module).substitute(own)
        test = part.module if several else "${plugin_module}"
        texts[f"tests/test_{test}.py"] = Template(_template(folder, "test.py")).substitute(own)
    return {Template(path).substitute(values): text for path, text in texts.items()}


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


def _template(folder: Traversable, name: str) -> str:
    return (folder / f"{name}.template").read_text(encoding="utf-8")


def _values(names: Names, *, imported: set[str]) -> dict[str, str]:
    """What all templates of the plugin take; what differs by component is that of the first."""
    versions = _versions(attnforge.__version__)
    dependencies = [f"attnforge{versions}", *sorted(imported & SHARED_DEPENDENCIES)]
    first = names.parts[0]
    description = f"The {kinds_listed(names)} `{first.recipe_name}` for attnforge."
    if len(names.parts) == 1:
        description = f"The {first.kind} `{first.component}` for attnforge: {SUMMARIES[first.kind]}."
    return {
        **_values_of(first),
        **lists_of_parts(names),
        "plugin": names.plugin,
        "plugin_module": names.plugin.replace("-", "_"),
        "distribution": names.distribution,
        "package": names.package,
        "description": description,
        "versions": versions,
        "dependencies": ", ".join(f'"{dependency}"' for dependency in dependencies),
    }


def _values_of(part: PartNames) -> dict[str, str]:
    """What the templates of a component take."""
    return {
        "kind": part.kind,
        "kind_meaning": KINDS[part.kind].summary,
        "component": part.component,
        "recipe_name": part.recipe_name,
        "class_name": part.class_name,
        "module": part.module,
        "summary": SUMMARIES[part.kind],
    }


def _versions(version: str) -> str:
    """The range of versions that a new plugin works with: below the next one that may break it."""
    major, minor, *_ = version.split(".")
    upper = f"{int(major) + 1}" if int(major) else f"0.{int(minor) + 1}"
    return f">={major}.{minor},<{upper}"
