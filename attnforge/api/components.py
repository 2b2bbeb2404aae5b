"""Components that are written in Python, such as in the cell of a notebook, with no plugin around them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial
from types import ModuleType
from typing import TypeVar

from attnforge.errors import PluginError, Problem
from attnforge.plugin import Component, Plugin, PluginCatalogue, hookimpl, load_plugins
from attnforge.plugin.declared import PluginDisabledError, check_components
from attnforge.plugin.plugin import IN_PYTHON

Class = TypeVar("Class", bound=type)

_MARK = "_attnforge_declared"


def component(kind: str, name: str, *, version: int = 1) -> Callable[[Class], Class]:
    """Declare a class as a component, so that recipes in Python can use it.

    `@attnforge.component("attention", "gated")` above a class, which is then a value of a recipe:
    `{"use": "refine", "attention": Gated}`, or `functools.partial(Gated, bias=2.0)`. Nothing is registered:
    what loads the run is passed the class, as in `attnforge.load("runs/gated", components=[Gated])`. To train
    and load it without Python, move the class into a plugin, as `attnforge plugins new` writes one.

    Args:
        kind: One of `attnforge.plugin.KINDS`.
        name: Its name in runs, which no installed component has: lower-case words joined by hyphens.
        version: To be increased when the same recipe would build something else.

    Raises:
        PluginError: `bad-declaration`: kind, name or version is malformed, or the class is inside a function.
    """

    def declare(target: Class) -> Class:
        summary = (target.__doc__ or "").strip().partition("\n")[0]
        place = f"{target.__module__}:{target.__qualname__}"
        if "<locals>" in place:
            message = f"the class {target.__qualname__} is inside a function, where nothing can import it"
            expected = "a class of a module, or of a notebook's cell"
            raise PluginError(Problem("bad-declaration", message, None, expected))
        try:
            record = Component(kind, name, place, summary, version)
            plugin = Plugin(IN_PYTHON, target.__module__, IN_PYTHON, "unknown", components=(record,))
            check_components(plugin, ())
        except (ValueError, PluginDisabledError) as error:
            raise _bad_declaration(str(error)) from error
        setattr(target, _MARK, record)
        return target

    return declare


def declaration(target: type) -> Component:
    """What `component` declared of a class.

    Raises:
        PluginError: `bad-declaration`: it was not declared.
    """
    record = vars(target).get(_MARK)  # a class does not inherit the name of another
    if isinstance(record, Component):
        return record
    message = f"the class {target.__qualname__} is not declared as a component"
    expected = f"@attnforge.component(KIND, NAME) above `class {target.__name__}`"
    raise PluginError(Problem("bad-declaration", message, None, expected))


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
        case type() if _MARK in vars(value):
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
        raise _bad_declaration(reason)
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


def _bad_declaration(message: str) -> PluginError:
    expected = "a kind, and a name of lower-case words joined by hyphens that no other component has"
    return PluginError(Problem("bad-declaration", message, None, expected, "attnforge components"))
