"""The lock of a frozen recipe: which attnforge, plugins and component versions it was resolved with."""

from __future__ import annotations

import attnforge
from attnforge.errors import Problem
from attnforge.plugin import PluginCatalogue
from attnforge.recipe.node import Map, Node, Scalar, find
from attnforge.recipe.tree import Choice


def lock_of(name: str, used: list[Choice], plugins: PluginCatalogue, *, digest: str) -> dict[str, object]:
    """The lock of a recipe that uses these components; the digest names what it decided when frozen."""
    components = {}
    for choice in sorted(used, key=lambda choice: _key(choice)):
        owner = plugins.owner(choice.component)
        components[_key(choice)] = {
            "version": choice.component.version,
            "plugin": owner.name,
            "distribution": owner.distribution,
            "distribution_version": owner.version,
        }
    return {
        "recipe": name,
        "digest": digest,
        "attnforge": attnforge.__version__,
        "components": components,
    }


def check_lock(lock: Node, used: list[Choice], plugins: PluginCatalogue) -> list[Problem]:
    """What would now build something else than when the recipe was frozen.

    A component of another version or from another distribution is a problem. Another version of the
    distribution alone is not: a component's version is raised when it builds something else.
    """
    problems = []
    for choice in {_key(choice): choice for choice in used}.values():
        owner = plugins.owner(choice.component)
        now = {"version": choice.component.version, "distribution": owner.distribution}
        for field, value in now.items():
            pinned = find(lock, f"components.{_key(choice)}.{field}")
            if isinstance(pinned, Scalar) and pinned.value != value:
                message = f"{_key(choice)} is locked to {field} {pinned.value}; installed is {value}"
                expected = "the locked version installed, or the recipe without its `lock:`"
                step = "attnforge plugins"
                problems.append(Problem("lock-mismatch", message, pinned.place, expected, step))
    if not isinstance(lock, Map):
        problems.append(
            Problem("wrong-type", "`lock` is not a map", lock.place, "what `show --frozen` wrote")
        )
    return problems


def _key(choice: Choice) -> str:
    return f"{choice.component.kind}/{choice.component.name}"
