"""Migrations: what a plugin gives along when a component's version rises, so that what is old goes on.

A recipe that was frozen, or a checkpoint that was saved, with version 1 of a component meets version 3. The
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

    Both functions are pure: they are given a dict that is theirs and return what takes its place. None
    leaves things as they are, so `Migration(to=2)` says that old recipes and weights need nothing. A step
    that is left out says that there is no way, and is an error for who needs it.
    """

    to: int
    """The version that it leads to, from the one before."""
    options: Callable[[dict[str, Any]], Mapping[str, Any]] | None = None
    """The component's options as a recipe writes them, as plain YAML data; a recipe may leave out any."""
    state: Callable[[dict[str, Any]], Mapping[str, Any]] | None = None
    """Its weights and buffers by name, or the plain state of a tokenizer."""


def migrate_options(component: Component, options: Mapping[str, Any], *, since: int) -> dict[str, Any]:
    """Options that were written for version `since`, as the component's version takes them.

    Raises:
        PluginError: `no-migration` or `migration-failed`.
    """
    migrated = dict(options)
    for step in _steps(component, since):
        if step.options is not None:
            migrated = _called(component, step, step.options, migrated)
    return migrated


def migrate_state(component: Component, state: Mapping[str, Any], *, since: int) -> dict[str, Any] | None:
    """A state of version `since` as the component's version takes it; None when no step changes states.

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
    wanted = range(since + 1, component.version + 1)
    missing = next((version for version in wanted if version not in known), None)
    if missing is not None:
        message = (
            f"{component.kind} `{component.name}` is version {component.version}, and its plugin gives no "
            f"migration from version {missing - 1} to {missing}"
        )
        expected = f"what version {component.version} takes, or the package that brought version {since}"
        step = f"attnforge explain {component.kind}/{component.name}"
        raise PluginError(Problem("no-migration", message, None, expected, step))
    return [known[version] for version in wanted]


def _declared(component: Component) -> tuple[Migration, ...]:
    if component.migrations is None:
        return ()
    module, _, attribute = component.migrations.partition(":")
    try:
        found = tuple(getattr(import_module(module), attribute))
    except Exception as error:
        reason = f"{component.migrations} cannot be loaded: {describe_error(error)}"
        raise PluginError(_failed(component, reason)) from error
    if odd := [one for one in found if not isinstance(one, Migration)]:
        raise PluginError(
            _failed(component, f"{component.migrations} holds {odd[0]!r}, which is no Migration")
        )
    return found


def _called(
    component: Component,
    step: Migration,
    function: Callable[[dict[str, Any]], Mapping[str, Any]],
    given: dict[str, Any],
) -> dict[str, Any]:
    try:
        result = function(given)
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
