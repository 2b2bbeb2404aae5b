"""The lock of a frozen recipe: the versions of attnforge, plugins and components it was resolved with."""

from __future__ import annotations

import attnforge
from attnforge.errors import Problem
from attnforge.plugin import PluginCatalogue
from attnforge.plugin.plugin import IN_PYTHON
from attnforge.recipe.node import Map, Node, Scalar, find
from attnforge.recipe.tree import Choice


def lock_of(name: str, used: list[Choice], plugins: PluginCatalogue, *, digest: str) -> dict[str, object]:
    """The lock of a recipe that uses these components; `digest` identifies the resolved recipe."""
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
    """Problems where the recipe would build something else than when it was frozen: other packages.

    Another version of the same package is fine: a component's version increases when it builds something
    else, and options of older versions were migrated before. So is a package where there was none before: a
    class that was declared in Python moves into a plugin.
    """
    problems = []
    for choice in {_key(choice): choice for choice in used}.values():
        owner = plugins.owner(choice.component)
        locked = find(lock, f"components.{_key(choice)}.distribution")
        if isinstance(locked, Scalar) and locked.value not in (owner.distribution, IN_PYTHON):
            message = f"{_key(choice)} is locked to {locked.value}, but provided by {owner.distribution}"
            expected = "the locked package installed, or the recipe without its `lock:`"
            problems.append(Problem("lock-mismatch", message, locked.place, expected, "attnforge plugins"))
    if not isinstance(lock, Map):
        problems.append(
            Problem("wrong-type", "`lock` is not a map", lock.place, "what `show --frozen` wrote")
        )
    return problems


def _key(choice: Choice) -> str:
    return f"{choice.component.kind}/{choice.component.name}"
