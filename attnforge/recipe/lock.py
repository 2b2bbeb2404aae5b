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
    """What would now build something else than when the recipe was frozen: components of other packages.

    Another version of the same package is none: a component's version is raised when it builds something
    else, and what an older version took was migrated before.
    """
    problems = []
    for choice in {_key(choice): choice for choice in used}.values():
        owner = plugins.owner(choice.component)
        locked = find(lock, f"components.{_key(choice)}.distribution")
        if isinstance(locked, Scalar) and locked.value != owner.distribution:
            message = f"{_key(choice)} is locked to {locked.value}; {owner.distribution} brings it here"
            expected = "the locked package installed, or the recipe without its `lock:`"
            problems.append(Problem("lock-mismatch", message, locked.place, expected, "attnforge plugins"))
    if not isinstance(lock, Map):
        problems.append(
            Problem("wrong-type", "`lock` is not a map", lock.place, "what `show --frozen` wrote")
        )
    return problems


def _key(choice: Choice) -> str:
    return f"{choice.component.kind}/{choice.component.name}"
