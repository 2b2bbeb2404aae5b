"""Explains hooks: their specifications, and the plugins that implement them."""

from __future__ import annotations

import inspect

from attnforge.explain.topic import Explanation
from attnforge.plugin import PluginCatalogue, hookspec


def hooks(plugins: PluginCatalogue) -> dict[str, Explanation]:
    """Every hook by its name."""
    return {
        name: _hook(name, plugins) for name, value in vars(hookspec).items() if name.startswith("attnforge_")
    }


def _hook(name: str, plugins: PluginCatalogue) -> Explanation:
    specification = getattr(hookspec, name)
    arguments = list(inspect.signature(specification).parameters)
    text = inspect.getdoc(specification) or ""
    users = [hook.plugin_name for hook in getattr(plugins.manager.hook, name).get_hookimpls()]
    used = f"Implemented by: {', '.join(users)}." if users else "No installed plugin implements it."
    facts = {"topic": "hook", "name": name, "arguments": arguments, "text": text, "plugins": users}
    return Explanation(f"hook {name}({', '.join(arguments)})", f"{text}\n\n{used}", facts)
