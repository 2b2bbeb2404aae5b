"""Writes the parts of the reference that the code already says: run it after changing an option.

    python docs/generate.py

A test compares the pages with what this would write, so they cannot drift from the code.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator
from dataclasses import is_dataclass
from pathlib import Path
from typing import Any

import click

from attnforge.cli.group import group
from attnforge.interfaces import INTERFACES
from attnforge.plugin import KINDS, PluginCatalogue, hookspec, load_plugins
from attnforge.recipe.options import MISSING, Option, options_of
from attnforge.recipe.schema import Recipe
from attnforge.recipe.shapes import ListShape, OptionalShape, SectionShape, Shape, SlotShape, TableShape

REFERENCE = Path(__file__).parent / "reference"


def pages() -> dict[str, str]:
    """The text of every generated page, by file name."""
    plugins = load_plugins()
    return {
        "recipe.md": recipe_page(),
        "components.md": components_page(plugins),
        "commands.md": commands_page(group),
        "hooks.md": hooks_page(),
    }


def recipe_page() -> str:
    """The sections of a recipe, the whole of it first."""
    parts = [
        "# Recipe\n",
        "The keys of each section. A *kind* stands for a component: its name, or a map with `use:` and its",
        "options, which are listed under [components](components.md). `extends` names a parent recipe; how",
        "the two become one is told in [write a recipe](../how-to/write-a-recipe.md).\n",
    ]
    for section in _sections(Recipe):
        parts += [f"## {section.__name__}\n", _prose(section) + "\n", _table(section)]
    return "\n".join(parts)


def components_page(plugins: PluginCatalogue) -> str:
    """Every component that attnforge ships, by kind, with its options."""
    parts = ["# Components\n", "What ships with attnforge; `attnforge components` lists what is installed.\n"]
    for kind in KINDS:
        parts += [f"## {kind}\n", _prose(INTERFACES[kind]) + "\n"]
        for name in plugins.registry.names(kind):
            component = plugins.registry.get(kind, name)
            if plugins.owner(component).distribution != "attnforge":
                continue
            target = plugins.registry.load(component)
            parts += [f"### {kind} `{name}`\n", _prose(target) + "\n", _table(target)]
    return "\n".join(parts)


def commands_page(top: click.Group) -> str:
    """Every command of attnforge itself, with its arguments and options."""
    parts = ["# Commands\n", "`attnforge COMMAND --help` says the same. Errors end with exit code 1.\n"]
    for path, command, context in _commands(top, click.Context(top, info_name="attnforge")):
        if isinstance(command, click.Group) and not command.invoke_without_command:
            continue
        usage = " ".join([path, *command.collect_usage_pieces(context)])
        parts += [f"## `{path}`\n", f"```text\n{usage}\n```\n", _unwrapped(command.help or "") + "\n"]
        records = (one.get_help_record(context) for one in command.get_params(context))
        if rows := [row for row in records if row and row[1] and "--help" not in row[0]]:
            parts += ["| Option | Meaning |", "|---|---|"]
            parts += [f"| `{_cell(name)}` | {_cell(text)} |" for name, text in rows]
            parts += [""]
    return "\n".join(parts)


def hooks_page() -> str:
    """Every hook, as its specification says it."""
    parts = ["# Hooks\n", (inspect.getdoc(hookspec) or "") + "\n"]
    for name, hook in vars(hookspec).items():
        if name.startswith("attnforge_"):
            arguments = ", ".join(inspect.signature(hook).parameters)
            parts += [f"## `{name}({arguments})`\n", (inspect.getdoc(hook) or "") + "\n"]
    return "\n".join(parts)


def _sections(root: type) -> Iterator[type]:
    """A section and all below it, each once."""
    waiting, seen = [root], {root}
    while waiting:
        section = waiting.pop(0)
        yield section
        for option in options_of(section).values():
            shape = option.shape
            while isinstance(shape, TableShape | OptionalShape | ListShape):
                shape = shape.item
            if isinstance(shape, SectionShape) and shape.target not in seen:
                seen.add(shape.target)
                waiting.append(shape.target)


def _commands(
    command: click.Command, context: click.Context
) -> Iterator[tuple[str, click.Command, click.Context]]:
    yield context.command_path, command, context
    if isinstance(command, click.Group):
        for name in command.list_commands(context):
            if (child := command.get_command(context, name)) is not None:
                yield from _commands(child, click.Context(child, info_name=name, parent=context))


def _table(target: type) -> str:
    """The options of a component or section."""
    options = options_of(target)
    if not options:
        return "No options.\n"
    rows = ["| Key | Type | Default | Meaning |", "|---|---|---|---|"]
    rows += [
        f"| `{name}` | {_cell(_kind(option.shape))} | {_cell(_default(option))} | {_cell(option.summary)} |"
        for name, option in options.items()
    ]
    return "\n".join([*rows, ""])


def _kind(shape: Shape) -> str:
    match shape:
        case SlotShape():
            return f"[{shape.kind}](components.md#{shape.kind})"
        case SectionShape():
            return f"[{shape.target.__name__}](#{shape.target.__name__.lower()})"
        case ListShape():
            return f"list of {_kind(shape.item)}"
        case TableShape():
            return f"names, each a {_kind(shape.item)}"
        case OptionalShape():
            return f"{_kind(shape.item)} or null"
        case _:
            return _words(shape.adapter.json_schema())


def _words(schema: dict[str, Any]) -> str:
    """A JSON schema of a single value in words."""
    if "anyOf" in schema:
        return " or ".join(_words(one) for one in schema["anyOf"])
    if "enum" in schema or "const" in schema:
        return ", ".join(f"`{value}`" for value in schema.get("enum", [schema.get("const")]))
    items = schema.get("items")
    if schema.get("type") == "array":
        members = schema.get("prefixItems", [items] if items else [])
        return f"list of {' and '.join(dict.fromkeys(_words(one) for one in members)) or 'values'}"
    bounds = {"minimum": "at least", "exclusiveMinimum": "above"}
    bounds |= {"maximum": "at most", "exclusiveMaximum": "below"}
    limits = [f"{word} {schema[key]:g}" for key, word in bounds.items() if key in schema]
    names = {"object": "map", "string": "text", "boolean": "true or false"}
    kind = str(schema.get("type", "any value"))
    return ", ".join([names.get(kind, kind), *limits])


def _default(option: Option) -> str:
    value = option.default
    if value is MISSING:
        return "*needed*"
    if is_dataclass(value) or value in ((), {}, ""):
        return ""
    return f"`{_yaml(value)}`"


def _yaml(value: object) -> str:
    """A default as a recipe would say it."""
    if isinstance(value, tuple | list):
        return f"[{', '.join(_yaml(one) for one in value)}]"
    return str(value).lower() if isinstance(value, bool) else "null" if value is None else str(value)


def _prose(documented: object) -> str:
    """A docstring up to its first `Args:` or `Raises:`."""
    text = inspect.getdoc(documented) or ""
    return re.split(r"^(?:Args|Raises|Returns):$", text, flags=re.MULTILINE)[0].strip()


def _unwrapped(text: str) -> str:
    return inspect.cleandoc(text).replace("\b\n", "").strip()


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")


if __name__ == "__main__":
    for name, text in pages().items():
        (REFERENCE / name).write_text(text)
