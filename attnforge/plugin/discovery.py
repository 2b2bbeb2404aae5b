"""Finding plugins and loading them one by one, so that a broken one leaves every other at work."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from importlib import import_module
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from types import ModuleType
from typing import Any

import pluggy
from packaging.requirements import InvalidRequirement, Requirement

import attnforge
from attnforge.errors import nearest
from attnforge.plugin import hookspec
from attnforge.plugin.catalogue import Plugin, PluginCatalogue
from attnforge.plugin.component import KINDS, Component
from attnforge.plugin.registry import Registry

GROUP = "attnforge"
_NAME = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
_COMMAND = re.compile(rf"((import|export) )?{_NAME.pattern}")
_TARGET = re.compile(r"[A-Za-z_][\w.]*:[A-Za-z_][\w.]*")


class _SetAsideError(Exception):
    """Why a plugin is set aside."""


def load_plugins(
    *, extra: Iterable[tuple[str, str | ModuleType]] = (), installed: bool = True
) -> PluginCatalogue:
    """Load every installed plugin; one that cannot be used is set aside with its reason.

    Plugins of attnforge's own distribution come first, then the others by name, so that the later of two
    owners of a name is always the same one.

    Args:
        extra: Further plugins, as a name and a module or its dotted name.
        installed: Whether to load the plugins of the entry-point group `attnforge`.
    """
    manager = pluggy.PluginManager("attnforge")
    manager.add_hookspecs(hookspec)
    plugins: list[Plugin] = []
    for plugin, module in [*(_installed() if installed else ()), *_given(extra)]:
        try:
            plugins.append(_load(plugin, module, manager, plugins))
        except _SetAsideError as reason:
            plugins.append(replace(plugin, reason=str(reason)))
    registry = Registry(component for plugin in plugins for component in plugin.components)
    return PluginCatalogue(plugins=tuple(plugins), registry=registry, manager=manager)


def _installed() -> Iterator[tuple[Plugin, EntryPoint]]:
    def order(point: EntryPoint) -> tuple[bool, str, str]:
        return point.dist is None or point.dist.name != "attnforge", point.name, point.value

    for point in sorted(entry_points(group=GROUP), key=order):
        distribution = point.dist.name if point.dist else "unknown"
        version = point.dist.version if point.dist else "unknown"
        yield Plugin(point.name, point.value, distribution, version), point


def _given(extra: Iterable[tuple[str, str | ModuleType]]) -> Iterator[tuple[Plugin, str | ModuleType]]:
    for name, module in extra:
        yield Plugin(name, module if isinstance(module, str) else module.__name__, name, "unknown"), module


def _load(
    plugin: Plugin,
    source: EntryPoint | str | ModuleType,
    manager: pluggy.PluginManager,
    earlier: Sequence[Plugin],
) -> Plugin:
    if isinstance(source, EntryPoint):
        _check_requirement(source)
    try:
        module = source if isinstance(source, ModuleType) else import_module(plugin.module)
    except (Exception, SystemExit) as error:
        raise _SetAsideError(f"importing {plugin.module} failed: {_said(error)}") from error
    _check_hooks(module, manager)
    if manager.has_plugin(plugin.name):
        raise _SetAsideError(f"another plugin is already called {plugin.name}")
    try:
        manager.register(module, plugin.name)
        loaded = replace(
            plugin,
            components=tuple(_called(manager, module, "attnforge_components")),
            recipes=tuple(Path(folder) for folder in _called(manager, module, "attnforge_recipes")),
            commands=dict(_called(manager, module, "attnforge_commands")),
        )
        _check_components(loaded, earlier)
        _check_commands(loaded, earlier)
    except Exception as error:
        if manager.has_plugin(plugin.name):
            manager.unregister(name=plugin.name)
        reason = str(error) if isinstance(error, _SetAsideError) else _said(error)
        raise _SetAsideError(reason) from error
    return loaded


def _check_requirement(point: EntryPoint) -> None:
    for line in (point.dist.requires or ()) if point.dist else ():
        try:
            requirement = Requirement(line)
        except InvalidRequirement:
            continue
        if requirement.name == "attnforge" and not requirement.specifier.contains(
            attnforge.__version__, prereleases=True
        ):
            raise _SetAsideError(
                f"it needs attnforge {requirement.specifier}; this is attnforge {attnforge.__version__}"
            )


def _check_hooks(module: ModuleType, manager: pluggy.PluginManager) -> None:
    known = [name for name in vars(hookspec) if name.startswith("attnforge_")]
    for name, value in vars(module).items():
        marked = getattr(value, "attnforge_impl", None)
        if not (marked or (name.startswith("attnforge_") and callable(value))):
            continue
        hook = (marked or {}).get("specname") or name
        if hook not in known:
            close = nearest(hook, known)
            raise _SetAsideError(f"{hook} is no hook" + (f"; did you mean {close}?" if close else ""))
        if not marked:
            raise _SetAsideError(f"{name} is not marked with @hookimpl")


def _called(manager: pluggy.PluginManager, module: ModuleType, hook: str) -> Iterator[Any]:
    """What one plugin's implementations of a hook return, one after the other."""
    for implementation in getattr(manager.hook, hook).get_hookimpls():
        if implementation.plugin is module:
            result = implementation.function()
            yield from result.items() if isinstance(result, dict) else result


def _check_components(plugin: Plugin, earlier: Sequence[Plugin]) -> None:
    owners = {(part.kind, part.name): other for other in earlier for part in other.components}
    for part in plugin.components:
        if not isinstance(part, Component):
            raise _SetAsideError(f"attnforge_components returned {part!r}, which is no Component")
        if part.kind not in KINDS:
            close = nearest(part.kind, list(KINDS))
            raise _SetAsideError(f"{part.kind} is no kind" + (f"; did you mean {close}?" if close else ""))
        if not _NAME.fullmatch(part.name) or not _TARGET.fullmatch(part.target):
            raise _SetAsideError(
                f"{part!r} needs a name of lower-case words joined by hyphens and a target `module:Class`"
            )
        if (part.kind, part.name) in owners:
            other = owners[part.kind, part.name]
            raise _SetAsideError(
                f"{part.kind} `{part.name}` is declared by {plugin.name} ({plugin.distribution}) "
                f"and already by {other.name} ({other.distribution})"
            )
        owners[part.kind, part.name] = plugin


def _check_commands(plugin: Plugin, earlier: Sequence[Plugin]) -> None:
    owners = {name: other for other in earlier for name in other.commands}
    for name, target in plugin.commands.items():
        if not _COMMAND.fullmatch(str(name)) or not _TARGET.fullmatch(str(target)):
            raise _SetAsideError(
                f"command {name!r} needs a lower-case name and a target `module:command`, not {target!r}"
            )
        if name in owners:
            raise _SetAsideError(
                f"command `{name}` is declared by {plugin.name} and already by {owners[name].name}"
            )


def _said(error: BaseException) -> str:
    return " ".join(f"{type(error).__name__}: {error}".split())
