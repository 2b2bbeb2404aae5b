"""Generates the reference pages that come from the code: run it after changing an option.

    python docs/generate.py

A test compares the pages with its output, so they cannot drift from the code.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator
from pathlib import Path

import click
from generate_kinds import kind_pages

from attnforge.cli.group import group
from attnforge.interfaces import INTERFACES
from attnforge.plugin import KINDS, PluginCatalogue, hookspec, load_plugins
from attnforge.recipe.options import MISSING, Option, argument_lines, options_of
from attnforge.recipe.schema import Recipe
from attnforge.recipe.shapes import EitherShape, ListShape, OptionalShape, SectionShape, SlotShape, TableShape
from attnforge.recipe.wording import default_in_words, type_in_words

REFERENCE = Path(__file__).parent / "reference"


def pages() -> dict[str, str]:
    """The text of every generated page, by file name."""
    plugins = load_plugins()
    return {
        "recipe.md": recipe_page(),
        "components.md": components_page(plugins),
        "commands.md": commands_page(group),
        "hooks.md": hooks_page(),
        **kind_pages(),
    }


def recipe_page() -> str:
    """The sections of a recipe, beginning with the root."""
    parts = [
        "# Recipe\n",
        "The keys of each section. A *kind* is a slot for a component: its name, or a map with `use:` and",
        "its options, which are listed under [components](components.md). `extends` names a parent recipe;",
        "[write a recipe](../how-to/write-a-recipe.md) describes how the two are merged. `requires` lists",
        "packages that must be installed, and `lock` is added by `attnforge show --frozen`.\n",
    ]
    for section in _sections(Recipe):
        parts += [f"## {section.__name__}\n", _prose(section) + "\n", _table(section)]
    return "\n".join(parts)


def components_page(plugins: PluginCatalogue) -> str:
    """Every shipped component, by kind, with its options and the sections among them."""
    parts = ["# Components\n", "The shipped components; `attnforge components` lists the installed ones.\n"]
    described: set[type] = set()
    for kind in KINDS:
        parts += [f"## {kind}\n", _prose(INTERFACES[kind]) + "\n"]
        for name in plugins.registry.names(kind):
            component = plugins.registry.get(kind, name)
            if plugins.owner(component).distribution != "attnforge":
                continue
            target = plugins.registry.load(component)
            parts += [f"### {kind} `{name}`\n", _prose(target) + "\n", _table(target)]
            for section in _sections(target):
                if section not in {target, *described}:
                    described.add(section)
                    parts += [f"#### {section.__name__}\n", _prose(section) + "\n", _table(section)]
    return "\n".join(parts)


def commands_page(top: click.Group) -> str:
    """Every command of attnforge itself, with its arguments and options."""
    parts = ["# Commands\n", "`attnforge COMMAND --help` prints the same. Errors end with exit code 1.\n"]
    parts += [
        "[First images](../tutorial/first-images.md) installs attnforge, and names the size of PyTorch.\n"
    ]
    for path, command, context in _commands(top, click.Context(top, info_name="attnforge")):
        if isinstance(command, click.Group) and not command.invoke_without_command and command is not top:
            continue
        usage = " ".join([path, *command.collect_usage_pieces(context)])
        parts += [f"## `{path}`\n", f"```text\n{usage}\n```\n", _unwrapped(command.help or "") + "\n"]
        records = (parameter.get_help_record(context) for parameter in command.get_params(context))
        if rows := [row for row in records if row and row[1] and "--help" not in row[0]]:
            parts += ["| Option | Meaning |", "|---|---|"]
            parts += [f"| `{_cell(name)}` | {_cell(text)} |" for name, text in rows]
            parts += [""]
    return "\n".join(parts)


def hooks_page() -> str:
    """Every hook, with the docstring of its specification."""
    parts = ["# Hooks\n", (inspect.getdoc(hookspec) or "") + "\n"]
    for name, hook in vars(hookspec).items():
        if name.startswith("attnforge_"):
            parameters = inspect.signature(hook).parameters.values()
            arguments = ", ".join(parameter.name for parameter in parameters)
            parts += [f"## `{name}({arguments})`\n", _prose(hook) + "\n"]
            meanings = argument_lines(hook.__doc__)
            if parameters:
                parts += ["| Argument | Type | Meaning |", "|---|---|---|"]
                parts += [
                    f"| `{name}` | `{_cell(kind)}` | {_cell(meanings[name])} |"
                    for name, kind in ((parameter.name, parameter.annotation) for parameter in parameters)
                ]
                parts += [""]
    return "\n".join(parts)


def _sections(root: type) -> Iterator[type]:
    """A section and all below it, each once."""
    queue, seen = [root], {root}
    while queue:
        section = queue.pop(0)
        yield section
        for option in options_of(section).values():
            shape = option.shape
            while isinstance(shape, TableShape | OptionalShape | ListShape | EitherShape):
                shape = shape.item
            if isinstance(shape, SectionShape) and shape.target not in seen:
                seen.add(shape.target)
                queue.append(shape.target)


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
        f"| `{name}` | {' | '.join(_cell(text) for text in _columns(option))} |"
        for name, option in options.items()
    ]
    return "\n".join([*rows, ""])


def _columns(option: Option) -> tuple[str, str, str]:
    return type_in_words(option.shape, _linked), _default(option), option.summary


def _linked(shape: SlotShape | SectionShape) -> str:
    if isinstance(shape, SlotShape):
        return f"[{shape.kind}](components.md#{shape.kind})"
    return f"[{shape.target.__name__}](#{shape.target.__name__.lower()})"


def _default(option: Option) -> str:
    if option.default is MISSING:
        return "*required*"
    words = default_in_words(option)
    return f"`{words}`" if words else ""


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
