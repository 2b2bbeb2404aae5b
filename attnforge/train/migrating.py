"""States of older component versions, brought to the versions that are installed."""

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
    """The version of each component, as `kind/name`, that a frozen recipe names; none where it is missing."""
    root = read(lock, str(lock), []) if lock.is_file() else None
    components = find(root, "lock.components") if root is not None else None
    found = {}
    for key, entry in components.entries.items() if isinstance(components, Map) else ():
        version = find(entry.node, "version")
        if isinstance(version, Scalar) and type(version.value) is int:
            found[key] = version.value
    return found


def migrated_network(
    network: nn.Module, state: Mapping[str, Tensor], versions: Mapping[str, int], *, source: Path
) -> dict[str, Tensor] | None:
    """Weights of a network as its components take them; None when no component's version has changed them.

    Components are migrated from the outside in, so a stage may rename the attention that it holds before the
    attention renames its weights.

    Args:
        network: What the weights are for.
        state: The weights by name.
        versions: With which versions of components they were saved.
        source: The checkpoint, for errors.

    Raises:
        RunError: there is no migration, or it fails, or the weights are of a newer version.
    """
    raised: dict[str, Tensor] | None = None
    for name, module in network.named_modules():
        component = origin(module)
        since = _older(component, versions, source) if component is not None else None
        if component is None or since is None:
            continue
        prefix = f"{name}." if name else ""
        now = state if raised is None else raised
        inside = {key[len(prefix) :]: value for key, value in now.items() if key.startswith(prefix)}
        migrated = _migrated(component, inside, since, source)
        if migrated is not None:
            outside = {key: value for key, value in now.items() if not key.startswith(prefix)}
            raised = {**outside, **{prefix + key: value for key, value in migrated.items()}}
    return raised


def migrated_state(
    part: object, state: dict[str, Any], versions: Mapping[str, int], *, source: Path
) -> dict[str, Any]:
    """The plain state of a part that is no network, such as a tokenizer, as its component takes it.

    Raises:
        RunError: there is no migration, or it fails, or the state is of a newer version.
    """
    component = origin(part)
    since = _older(component, versions, source) if component is not None else None
    migrated = _migrated(component, state, since, source) if component is not None and since else None
    return state if migrated is None else migrated


def _older(component: Component, versions: Mapping[str, int], source: Path) -> int | None:
    """The version that a state was saved with if it is older than the component's, else None."""
    since = versions.get(f"{component.kind}/{component.name}", component.version)
    if since > component.version:
        message = (
            f"the weights are of version {since} of {component.kind} `{component.name}`; "
            f"installed is version {component.version}"
        )
        expected = "the package that the checkpoint was trained with (recipe.lock.yaml in it), or a newer one"
        problem = Problem("component-too-new", message, Place(str(source)), expected, "attnforge plugins")
        raise RunError(problem)
    return since if since < component.version else None


def _migrated(
    component: Component, state: Mapping[str, Any], since: int, source: Path
) -> dict[str, Any] | None:
    try:
        return migrate_state(component, state, since=since)
    except PluginError as error:
        problems = [
            Problem(one.code, one.message, Place(str(source)), one.expected, one.next_step)
            for one in error.problems
        ]
        raise RunError(problems) from error
