"""Migrates states of older component versions to the installed versions."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from torch import Tensor, nn

from attnforge.build.origin import origin
from attnforge.errors import Place, PluginError, Problem, RunError
from attnforge.plugin import Component
from attnforge.plugin.migration import migrate_state
from attnforge.recipe.node import Map, Scalar, find
from attnforge.recipe.source import read


def saved_versions(lock: Path) -> dict[str, int]:
    """The version of each component, as `kind/name`, in a frozen recipe; empty if it is missing."""
    root = read(lock, str(lock), []) if lock.is_file() else None
    components = find(root, "lock.components") if root is not None else None
    versions = {}
    for key, entry in components.entries.items() if isinstance(components, Map) else ():
        version = find(entry.node, "version")
        if isinstance(version, Scalar) and type(version.value) is int:
            versions[key] = version.value
    return versions


def migrated_network(
    network: nn.Module, state: Mapping[str, Tensor], versions: Mapping[str, int], *, source: Path
) -> dict[str, Tensor] | None:
    """Migrate the weights of a network to the installed versions of its components; None if nothing changes.

    Components are migrated from the outside in, so that a stage may rename its attention before the attention
    renames its weights.

    Args:
        network: The network that takes the weights.
        state: The weights by name.
        versions: The versions of components that they were saved with.
        source: The checkpoint, for errors.

    Raises:
        RunError: there is no migration, or it fails, or the weights are of a newer version.
    """
    result: dict[str, Tensor] | None = None
    for name, module in network.named_modules():
        component = origin(module)
        version = _older(component, versions, source) if component is not None else None
        if component is None or version is None:
            continue
        prefix = f"{name}." if name else ""
        weights = state if result is None else result
        inside = {key[len(prefix) :]: value for key, value in weights.items() if key.startswith(prefix)}
        migrated = _migrated(component, inside, version, source)
        if migrated is not None:
            outside = {key: value for key, value in weights.items() if not key.startswith(prefix)}
            result = {**outside, **{prefix + key: value for key, value in migrated.items()}}
    return result


def migrated_state(
    part: object, state: dict[str, Any], versions: Mapping[str, int], *, source: Path
) -> dict[str, Any]:
    """Migrate the state of a part that is not a network, such as a tokenizer.

    Raises:
        RunError: there is no migration, or it fails, or the state is of a newer version.
    """
    component = origin(part)
    version = _older(component, versions, source) if component is not None else None
    migrated = _migrated(component, state, version, source) if component is not None and version else None
    return state if migrated is None else migrated


def _older(component: Component, versions: Mapping[str, int], source: Path) -> int | None:
    """The version that a state was saved with if it is older than the component, else None."""
    version = versions.get(f"{component.kind}/{component.name}", component.version)
    if version > component.version:
        message = (
            f"the weights were saved with version {version} of {component.kind} `{component.name}`; "
            f"the installed version is {component.version}"
        )
        expected = "the package that the checkpoint was trained with (recipe.lock.yaml in it), or a newer one"
        problem = Problem("component-too-new", message, Place(str(source)), expected, "attnforge plugins")
        raise RunError(problem)
    return version if version < component.version else None


def _migrated(
    component: Component, state: Mapping[str, Any], version: int, source: Path
) -> dict[str, Any] | None:
    try:
        return migrate_state(component, state, since=version)
    except PluginError as error:
        problems = [
            Problem(problem.code, problem.message, Place(str(source)), problem.expected, problem.next_step)
            for problem in error.problems
        ]
        raise RunError(problems) from error
