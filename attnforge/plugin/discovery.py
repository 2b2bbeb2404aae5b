"""Discovers plugins and loads each separately, so that a broken one does not affect the others."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import nullcontext, suppress
from dataclasses import replace
from importlib import import_module
from importlib.metadata import EntryPoint, distributions, entry_points
from pathlib import Path
from types import ModuleType
from typing import Any

import pluggy
from packaging.markers import UndefinedComparison, UndefinedEnvironmentName
from packaging.requirements import InvalidRequirement, Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name

import attnforge
from attnforge.plugin import hookspec, selection
from attnforge.plugin.catalogue import PluginCatalogue
from attnforge.plugin.contained import descriptors_kept, streams_kept, waited_for
from attnforge.plugin.declared import (
    PluginDisabledError,
    check_commands,
    check_components,
    check_hooks,
    describe_error,
)
from attnforge.plugin.plugin import Plugin
from attnforge.plugin.registry import Registry
from attnforge.plugin.tracing import traced, tracing
from attnforge.terminal import print_text

GROUP = "attnforge"
OWN = "attnforge"
"""The distribution of attnforge's own plugins, which are imported without containment."""

Source = EntryPoint | str | ModuleType
"""Where a plugin comes from: an entry point of a package, a module's dotted name, or the module itself."""


def load_plugins(
    *, extra: Iterable[tuple[str, str | ModuleType]] = (), installed: bool = True
) -> PluginCatalogue:
    """Load every installed plugin; one that cannot be used is disabled with a reason.

    Plugins of attnforge's own distribution come first, then the others by name, so that conflicts between
    names are always resolved alike; then those of `ATTNFORGE_PLUGINS`, then `extra`.

    Args:
        extra: Further plugins, as a name and a module or its dotted name.
        installed: Whether to load the plugins of the entry-point group `attnforge`, and to apply
            `ATTNFORGE_PLUGINS` and `ATTNFORGE_BLOCK`.

    Raises:
        PluginError: `bad-plugin-list` or `unknown-plugin`: one of the variables is invalid.
    """
    manager = pluggy.PluginManager("attnforge")
    manager.add_hookspecs(hookspec)
    candidates = [*(find_plugins() if installed else ()), *_with_sources(extra)]
    blocked = selection.blocked() if installed else ()
    selection.check_names(blocked, [plugin.name for plugin, _ in candidates], source=selection.BLOCKED)
    plugins: list[Plugin] = []
    for plugin, source in candidates:
        try:
            if plugin.name in blocked:
                raise PluginDisabledError(selection.BLOCKED_REASON)
            plugins.append(_load(plugin, source, manager, plugins))
        except PluginDisabledError as reason:
            plugins.append(replace(plugin, reason=str(reason)))
    registry = Registry(
        (component for plugin in plugins for component in plugin.components),
        disabled=[plugin.name for plugin in plugins if plugin.reason is not None],
    )
    return PluginCatalogue(plugins=tuple(plugins), registry=registry, manager=manager)


def find_plugins() -> Iterator[tuple[Plugin, Source]]:
    """Every plugin that is installed or named in `ATTNFORGE_PLUGINS`, in the order of loading.

    Imports none of them.

    Raises:
        PluginError: `bad-plugin-list`.
    """

    # Reading metadata takes a millisecond, and most points belong to the same package.
    packages: dict[int, tuple[object, str, str]] = {}
    plugins: list[tuple[Plugin, EntryPoint]] = []
    for point in _entry_points():
        package = point.dist
        if id(package) not in packages:  # with the package itself, so that no other gets its identity
            packages[id(package)] = package, _package(point, "name"), _package(point, "version")
        plugins.append((Plugin(point.name, point.value, *packages[id(package)][1:]), point))

    def order(candidate: tuple[Plugin, EntryPoint]) -> tuple[bool, str, str]:
        plugin, _ = candidate
        return plugin.distribution != OWN, plugin.name, plugin.module

    yield from sorted(plugins, key=order)
    yield from _with_sources(selection.added())


def _entry_points() -> list[EntryPoint]:
    """The entry points of all packages; a package with damaged metadata does not hide the others."""
    try:
        return list(entry_points(group=GROUP))
    except Exception:
        points: list[EntryPoint] = []
        names = set()
        for distribution in distributions():
            with suppress(Exception):
                name = distribution.name
                if name not in names:  # the first on the path is imported
                    points += distribution.entry_points.select(group=GROUP)
                    names.add(name)
        return points


def _package(point: EntryPoint, field: str) -> str:
    """A metadata field of an entry point's package; `unknown` if the metadata is damaged."""
    try:
        return str(getattr(point.dist, field) or "unknown")
    except Exception:
        return "unknown"


def _with_sources(extra: Iterable[tuple[str, str | ModuleType]]) -> Iterator[tuple[Plugin, str | ModuleType]]:
    for name, module in extra:
        yield Plugin(name, module if isinstance(module, str) else module.__name__, name, "unknown"), module


def _load(plugin: Plugin, source: Source, manager: pluggy.PluginManager, earlier: Sequence[Plugin]) -> Plugin:
    if isinstance(source, EntryPoint) and plugin.distribution != OWN:
        _check_requirement(source)
    if manager.has_plugin(plugin.name):
        raise PluginDisabledError(f"another plugin is already called {plugin.name}")
    torch_free = "torch" not in sys.modules  # otherwise it is unknown who imported it
    try:
        module = source if isinstance(source, ModuleType) else _imported(plugin)
    except KeyboardInterrupt:  # Ctrl-C stops the command
        raise
    except BaseException as error:
        hint = ""
        if isinstance(error, ModuleNotFoundError) and not isinstance(source, EntryPoint):
            hint = "; is its folder on PYTHONPATH?"
        raise PluginDisabledError(
            f"importing {plugin.module} failed: {describe_error(error)}{hint}"
        ) from error
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
            raise PluginDisabledError(
                f"{plugin.module} imports torch, which would slow down every command; "
                "import it in the modules of components"
            )
    except KeyboardInterrupt:
        raise
    except BaseException as error:
        if manager.has_plugin(plugin.name):
            manager.unregister(name=plugin.name)
        raise PluginDisabledError(
            str(error) if isinstance(error, PluginDisabledError) else describe_error(error)
        ) from error
    return loaded


def _imported(plugin: Plugin) -> ModuleType:
    if plugin.distribution == OWN:
        return import_module(plugin.module)
    if tracing():  # before the import, which may end the process
        print_text(f"import {plugin.name}: {plugin.module}", err=True)
    with descriptors_kept(), waited_for(plugin.name, "the import", set()):
        return import_module(plugin.module)


def attnforge_range(point: EntryPoint) -> SpecifierSet | None:
    """The versions of attnforge that a plugin's package requires, from its metadata; None without any."""
    try:
        lines = (point.dist.requires or ()) if point.dist else ()
    except Exception:  # damaged metadata
        return None
    for line in lines:
        try:
            requirement = Requirement(line)
            applies = requirement.marker is None or requirement.marker.evaluate({"extra": ""})
        except (InvalidRequirement, UndefinedEnvironmentName, UndefinedComparison):
            continue
        if canonicalize_name(requirement.name) == "attnforge" and applies:
            return requirement.specifier
    return None


def _check_requirement(point: EntryPoint) -> None:
    versions = attnforge_range(point)
    if versions is not None and not versions.contains(attnforge.__version__, prereleases=True):
        raise PluginDisabledError(f"it needs attnforge {versions}; this is attnforge {attnforge.__version__}")


def _called(manager: pluggy.PluginManager, module: ModuleType, hook: str) -> Iterator[Any]:
    """The items that one plugin's implementations of a hook return."""
    for implementation in getattr(manager.hook, hook).get_hookimpls():
        if implementation.plugin is module:
            with (
                streams_kept(),
                waited_for(str(implementation.plugin_name), hook, set()),
                traced(implementation.plugin_name, hook, {}) if tracing() else nullcontext(),
            ):
                result = implementation.function()
                items = list(result.items() if isinstance(result, Mapping) else result)
            yield from items
