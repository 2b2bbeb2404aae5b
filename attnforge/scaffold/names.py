"""All names in a new plugin, derived from the plugin's name and its component's kind."""

from __future__ import annotations

import re
from dataclasses import dataclass

from attnforge.errors import PluginError, Problem, nearest
from attnforge.plugin import KINDS, PluginCatalogue
from attnforge.recipe.library import library

MAX_NAME_LENGTH = 32
"""Characters of a plugin's name; lines of the generated files then stay within 120 characters."""
_VALID_NAME = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")
_PREFIX = "attnforge-"
_OPERATION = "word-attention-"
"""Prefix of a kernel's name: the operation that it computes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Names:
    """The names of one plugin with one component."""

    plugin: str
    """Name of the plugin, its folder and its recipe, such as `gated-attention`."""
    kind: str
    """The kind of its component."""
    component: str
    """Name of the component in recipes, such as `gated`."""
    class_name: str
    """The component's class, such as `GatedAttention`."""

    @property
    def distribution(self) -> str:
        """Name of the distribution, such as `attnforge-gated-attention`."""
        return _PREFIX + self.plugin

    @property
    def package(self) -> str:
        """Name of the package to import, such as `attnforge_gated_attention`."""
        return self.distribution.replace("-", "_")

    @property
    def module(self) -> str:
        """The component's module in the package, such as `text_encoder`."""
        return self.kind.replace("-", "_")

    @property
    def recipe_name(self) -> str:
        """Name of the component where recipes use it; a kernel's is without its operation."""
        return self.component.removeprefix(_OPERATION) if self.kind == "kernel" else self.component


def name_plugin(name: str, *, kind: str, plugins: PluginCatalogue) -> Names:
    """All names of a new plugin.

    Args:
        name: Name of the plugin, lower-case words joined by hyphens. If it ends with the kind, the component
            has the name without it: the attention of `gated-attention` is `gated`.
        kind: One of `attnforge.plugin.KINDS`.
        plugins: The plugins whose names are taken.

    Raises:
        PluginError: `unknown-kind`, `plugin-name` for an invalid name, or `name-taken` when a plugin, a
            recipe or a component of that kind has the name.
    """
    if kind not in KINDS:
        close = nearest(kind, list(KINDS))
        expected = f"`{close}`; kinds are {', '.join(KINDS)}" if close else f"one of {', '.join(KINDS)}"
        raise PluginError(
            Problem("unknown-kind", f"there is no kind `{kind}`", None, expected, "attnforge components")
        )
    stem = name.removesuffix(f"-{kind}")
    if reason := _invalid_reason(name, kind):
        expected = f"lower-case words joined by hyphens, such as `gated-{kind}`"
        raise PluginError(Problem("plugin-name", f"invalid plugin name `{name}`: {reason}", None, expected))
    words = stem.split("-") + kind.split("-")
    names = Names(
        plugin=name,
        kind=kind,
        component=_OPERATION + stem if kind == "kernel" else stem,
        class_name="".join(word.capitalize() for word in words),
    )
    _check_free(names, plugins)
    return names


def _invalid_reason(name: str, kind: str) -> str | None:
    """Why a name is invalid, or None."""
    if not _VALID_NAME.fullmatch(name):
        return "it is not lower-case words joined by hyphens, beginning with a letter"
    if len(name) > MAX_NAME_LENGTH:
        return f"it has {len(name)} characters, the limit is {MAX_NAME_LENGTH}"
    if name.startswith(_PREFIX):
        return f"the prefix `{_PREFIX}` is added automatically; use `{name.removeprefix(_PREFIX)}`"
    if name == kind:
        return "it consists of the kind alone"
    return None


def _check_free(names: Names, plugins: PluginCatalogue) -> None:
    owners = {plugin.name: plugin for plugin in plugins.plugins}
    if names.plugin in owners:
        owner, step = f"the plugin {owners[names.plugin]}", "attnforge plugins"
    elif names.component in plugins.registry.names(names.kind):
        component = plugins.registry.get(names.kind, names.component)
        owner = f"the {names.kind} `{names.component}` of {plugins.owner(component)}"
        step = f"attnforge components {names.kind}"
    elif recipe := next((recipe for recipe in library(plugins) if recipe.name == names.plugin), None):
        owner, step = f"a recipe of {recipe.provider}", "attnforge recipes"
    else:
        return
    message = f"the name `{names.plugin}` is taken by {owner}"
    raise PluginError(Problem("name-taken", message, None, "another name", step))
