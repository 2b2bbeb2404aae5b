"""Classes that `attnforge.component` has declared: finding them in recipes, and plugins that know them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import partial
from types import ModuleType

from attnforge.api import arguments
from attnforge.errors import PluginError, Problem
from attnforge.plugin import Component, PluginCatalogue, hookimpl, load_plugins
from attnforge.plugin.plugin import IN_PYTHON

MARK = "_attnforge_declared"
"""The attribute of a declared class that holds its component."""


def declaration(target: type) -> Component:
    """What `component` declared of a class.

    Raises:
        PluginError: `bad-declaration`: it was not declared.
    """
    record = vars(target).get(MARK)  # a class does not inherit the name of another
    if isinstance(record, Component):
        return record
    message = f"the class {target.__qualname__} is not declared as a component"
    expected = f"@attnforge.component(KIND, NAME) above `class {target.__name__}`"
    raise PluginError(Problem("bad-declaration", message, None, expected))


def declarations_of(components: Sequence[type]) -> list[Component]:
    """What `component` declared of each of several classes.

    Raises:
        AttnforgeError: `bad-argument`: one is not a class.
        PluginError: `bad-declaration`: one was not declared.
    """
    expected = "a list of classes that `attnforge.component` declares"
    classes = arguments.several("components", components, expected=expected)
    for number, part in enumerate(classes):
        if not isinstance(part, type):
            raise arguments.refused(
                f"components[{number}]", part, "a class that `attnforge.component` declares"
            )
    return [declaration(part) for part in components]


def declarations(value: object) -> Iterator[Component]:
    """The declared classes in a value of a recipe, at any depth."""
    match value:
        case Mapping():
            for item in value.values():
                yield from declarations(item)
        case list() | tuple():
            for item in value:
                yield from declarations(item)
        case partial():
            yield from declarations(value.func)
            yield from declarations(value.keywords)
        case type() if MARK in vars(value):
            yield declaration(value)


def declared_in(plugins: PluginCatalogue) -> tuple[Component, ...]:
    """The declared classes that `plugins_with` added to these plugins."""
    return tuple(part for plugin in plugins.plugins if plugin.name == IN_PYTHON for part in plugin.components)


def plugins_with(components: Iterable[Component]) -> PluginCatalogue:
    """The installed plugins, and one more for declared classes, if there are any.

    Raises:
        PluginError: `bad-declaration`: an installed component, or another class, has the same name.
    """
    records = list(dict.fromkeys(components))
    if not records:
        return load_plugins()
    plugins = load_plugins(extra=[(IN_PYTHON, _Declared(records))])
    reason = plugins.plugins[-1].reason
    if reason is not None:
        raise bad_declaration(reason)
    return plugins


class _Declared(ModuleType):
    """A plugin's module that exists in memory alone.

    Args:
        records: What it declares.
    """

    def __init__(self, records: list[Component]) -> None:
        super().__init__(IN_PYTHON)

        @hookimpl
        def attnforge_components() -> list[Component]:
            return records

        self.attnforge_components = attnforge_components


def bad_declaration(message: str) -> PluginError:
    """The error of a class that cannot be declared so."""
    expected = "a kind, and a name of lower-case words joined by hyphens that no other component has"
    return PluginError(Problem("bad-declaration", message, None, expected, "attnforge components"))
