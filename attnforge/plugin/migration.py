"""Migrations: how a plugin keeps old recipes and checkpoints working when a component's version increases.

When a recipe was frozen, or a checkpoint saved, with version 1 of a component and version 3 is installed, the
component's migrations to 2 and to 3 are applied to its options and to its state, in this order:

    MIGRATIONS = (
        Migration(to=2, options=lambda options: {**options, "scale": options.get("scale", 1.0) ** 2}),
        Migration(to=3, state=lambda state: {name.replace("proj", "project"): state[name] for name in state}),
    )

    Component("attention", "gated", "my_package.gated:Gated", "...", 3, "my_package.migrations:MIGRATIONS")
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib import import_module
from typing import Any

from attnforge.errors import PluginError, Problem
from attnforge.plugin.component import Component
from attnforge.plugin.declared import describe_error


@dataclass(frozen=True, slots=True, kw_only=True)
class Migration:
    """One step from a component's version to the next.

    Both functions are pure: they get a copy of the dict and return its replacement. None means no change, so
    `Migration(to=2)` declares that old recipes and weights still work. A missing step means that migration is
    impossible, and is an error where it is needed.
    """

    to: int
    """The version it migrates to, from the one before."""
    options: Callable[[dict[str, Any]], Mapping[str, Any]] | None = None
    """Migrates the options as written in a recipe, as plain YAML data; any may be missing."""
    state: Callable[[dict[str, Any]], Mapping[str, Any]] | None = None
    """Migrates weights and buffers by name, or the plain state of a tokenizer."""


def migrate_options(component: Component, options: Mapping[str, Any], *, since: int) -> dict[str, Any]:
    """Options written for version `since`, migrated to the component's version.

    Raises:
        PluginError: `no-migration` or `migration-failed`.
    """
    migrated = dict(options)
    for step in _steps(component, since):
        if step.options is not None:
            migrated = _called(component, step, step.options, migrated)
    return migrated


def migrate_state(component: Component, state: Mapping[str, Any], *, since: int) -> dict[str, Any] | None:
    """A state of version `since`, migrated to the component's version; None when no step changes states.

    Raises:
        PluginError: `no-migration` or `migration-failed`.
    """
    steps = [step for step in _steps(component, since) if step.state is not None]
    migrated = dict(state)
    for step in steps:
        assert step.state is not None  # noqa: S101  (kept above)
        migrated = _called(component, step, step.state, migrated)
    return migrated if steps else None


def _steps(component: Component, since: int) -> list[Migration]:
    """The migrations from version `since` to the component's, in order."""
    known = {step.to: step for step in _declared(component)}
    versions = range(since + 1, component.version + 1)
    missing = next((version for version in versions if version not in known), None)
    if missing is not None:
        message = (
            f"{component.kind} `{component.name}` has version {component.version}, and its plugin has no "
            f"migration from version {missing - 1} to {missing}"
        )
        expected = f"options of version {component.version}, or the package that provided version {since}"
        step = f"attnforge explain {component.kind}/{component.name}"
        raise PluginError(Problem("no-migration", message, None, expected, step))
    return [known[version] for version in versions]


def _declared(component: Component) -> tuple[Migration, ...]:
    if component.migrations is None:
        return ()
    module, _, attribute = component.migrations.partition(":")
    try:
        migrations = tuple(getattr(import_module(module), attribute))
    except Exception as error:
        reason = f"{component.migrations} cannot be loaded: {describe_error(error)}"
        raise PluginError(_failed(component, reason)) from error
    for migration in migrations:
        if not isinstance(migration, Migration):
            reason = f"{component.migrations} contains {migration!r}, which is not a Migration"
            raise PluginError(_failed(component, reason))
    return migrations


def _called(
    component: Component,
    step: Migration,
    function: Callable[[dict[str, Any]], Mapping[str, Any]],
    data: dict[str, Any],
) -> dict[str, Any]:
    try:
        result = function(data)
    except Exception as error:
        reason = f"the migration to version {step.to} raised {describe_error(error)}"
        raise PluginError(_failed(component, reason)) from error
    if not isinstance(result, Mapping):
        reason = f"the migration to version {step.to} returned a {type(result).__name__}, not a dict"
        raise PluginError(_failed(component, reason))
    return dict(result)


def _failed(component: Component, reason: str) -> Problem:
    message = f"{component.kind} `{component.name}` cannot be migrated: {' '.join(reason.split())}"
    return Problem(
        "migration-failed", message, next_step=f"attnforge explain {component.kind}/{component.name}"
    )
