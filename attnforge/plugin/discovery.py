"""Finding plugins and loading them one by one, so that a broken one leaves every other at work."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import replace
from importlib import import_module
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from types import ModuleType
from typing import Any

import pluggy
from packaging.requirements import InvalidRequirement, Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name

import attnforge
from attnforge.plugin import hookspec, selection
from attnforge.plugin.catalogue import Plugin, PluginCatalogue
from attnforge.plugin.declared import SetAsideError, check_commands, check_components, check_hooks, said
from attnforge.plugin.registry import Registry
from attnforge.plugin.tracing import traced, tracing

GROUP = "attnforge"

Source = EntryPoint | str | ModuleType
"""Where a plugin is: what a package installed, a module's dotted name, or the module itself."""


def load_plugins(
    *, extra: Iterable[tuple[str, str | ModuleType]] = (), installed: bool = True
) -> PluginCatalogue:
    """Load every installed plugin; one that cannot be used is set aside with its reason.

    Plugins of attnforge's own distribution come first, then the others by name, so that the later of two
    owners of a name is always the same one; then those of `ATTNFORGE_PLUGINS`, then `extra`.

    Args:
        extra: Further plugins, as a name and a module or its dotted name.
        installed: Whether to load the plugins of the entry-point group `attnforge`, and to heed
            `ATTNFORGE_PLUGINS` and `ATTNFORGE_BLOCK`.

    Raises:
        PluginError: `bad-plugin-list` or `unknown-plugin`: one of the variables is misspelled.
    """
    manager = pluggy.PluginManager("attnforge")
    manager.add_hookspecs(hookspec)
    found = [*(find_plugins() if installed else ()), *_given(extra)]
    blocked = selection.blocked() if installed else ()
    selection.check_names(blocked, [plugin.name for plugin, _ in found], source=selection.BLOCKED)
    plugins: list[Plugin] = []
    for plugin, source in found:
        try:
            if plugin.name in blocked:
                raise SetAsideError(selection.BLOCKED_REASON)
            plugins.append(_load(plugin, source, manager, plugins))
        except SetAsideError as reason:
            plugins.append(replace(plugin, reason=str(reason)))
    registry = Registry(
        (component for plugin in plugins for component in plugin.components),
        set_aside=[plugin.name for plugin in plugins if plugin.reason is not None],
    )
    return PluginCatalogue(plugins=tuple(plugins), registry=registry, manager=manager)


def find_plugins() -> Iterator[tuple[Plugin, Source]]:
    """Every plugin that is installed or that `ATTNFORGE_PLUGINS` names, in the order of loading.

    None is imported.

    Raises:
        PluginError: `bad-plugin-list`.
    """

    def order(point: EntryPoint) -> tuple[bool, str, str]:
        return point.dist is None or point.dist.name != "attnforge", point.name, point.value

    for point in sorted(entry_points(group=GROUP), key=order):
        # Metadata that is damaged gives None for either.
        distribution = (point.dist and point.dist.name) or "unknown"
        version = (point.dist and point.dist.version) or "unknown"
        yield Plugin(point.name, point.value, distribution, version), point
    yield from _given(selection.added())


def _given(extra: Iterable[tuple[str, str | ModuleType]]) -> Iterator[tuple[Plugin, str | ModuleType]]:
    for name, module in extra:
        yield Plugin(name, module if isinstance(module, str) else module.__name__, name, "unknown"), module


def _load(plugin: Plugin, source: Source, manager: pluggy.PluginManager, earlier: Sequence[Plugin]) -> Plugin:
    if isinstance(source, EntryPoint):
        _check_requirement(source)
    if manager.has_plugin(plugin.name):
        raise SetAsideError(f"another plugin is already called {plugin.name}")
    torch_free = "torch" not in sys.modules  # otherwise nobody can tell who imports it
    try:
        module = source if isinstance(source, ModuleType) else import_module(plugin.module)
    except (Exception, SystemExit) as error:
        hint = ""
        if isinstance(error, ModuleNotFoundError) and not isinstance(source, EntryPoint):
            hint = "; is its folder on PYTHONPATH?"
        raise SetAsideError(f"importing {plugin.module} failed: {said(error)}{hint}") from error
    check_hooks(vars(module))
    try:
        manager.register(module, plugin.name)
        loaded = replace(
            plugin,
            components=tuple(_called(manager, module, "attnforge_components")),
            recipes=tuple(Path(folder) for folder in _called(manager, module, "attnforge_recipes")),
            commands=dict(_called(manager, module, "attnforge_commands")),
        )
        check_components(loaded, earlier)
        check_commands(loaded, earlier)
        if torch_free and "torch" in sys.modules:
            raise SetAsideError(
                f"{plugin.module} imports torch, for which every command would wait; "
                "import it in the modules of components"
            )
    except (Exception, SystemExit) as error:
        if manager.has_plugin(plugin.name):
            manager.unregister(name=plugin.name)
        raise SetAsideError(str(error) if isinstance(error, SetAsideError) else said(error)) from error
    return loaded


def attnforge_range(point: EntryPoint) -> SpecifierSet | None:
    """The versions of attnforge that a plugin's package asks for, from its metadata; None without any."""
    for line in (point.dist.requires or ()) if point.dist else ():
        try:
            requirement = Requirement(line)
        except InvalidRequirement:
            continue
        wanted = requirement.marker is None or requirement.marker.evaluate({"extra": ""})
        if canonicalize_name(requirement.name) == "attnforge" and wanted:
            return requirement.specifier
    return None


def _check_requirement(point: EntryPoint) -> None:
    wanted = attnforge_range(point)
    if wanted is not None and not wanted.contains(attnforge.__version__, prereleases=True):
        raise SetAsideError(f"it needs attnforge {wanted}; this is attnforge {attnforge.__version__}")


def _called(manager: pluggy.PluginManager, module: ModuleType, hook: str) -> Iterator[Any]:
    """What one plugin's implementations of a hook return, one after the other."""
    for implementation in getattr(manager.hook, hook).get_hookimpls():
        if implementation.plugin is module:
            with traced(implementation.plugin_name, hook, {}) if tracing() else nullcontext():
                result = implementation.function()
                items = list(result.items() if isinstance(result, Mapping) else result)
            yield from items
