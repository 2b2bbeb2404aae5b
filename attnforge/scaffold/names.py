"""All names in a new plugin, derived from the plugin's name and the kinds of its components."""

from __future__ import annotations

import re
from collections.abc import Sequence
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
_APART = (
    *(
        ("generator", kind, f"has no slot for a new {kind}")
        for kind in ("conditioner", "attention", "stage", "kernel")
    ),
    ("attention", "kernel", "calls no kernel"),
    ("sampler", "scorer", "asks no scorer"),
)
"""Kinds of which no recipe can use the new components together, and why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PartNames:
    """The names of one component of a plugin."""

    kind: str
    """The kind of the component."""
    component: str
    """Name of the component in recipes, such as `gated`."""
    class_name: str
    """The component's class, such as `GatedAttention`."""

    @property
    def module(self) -> str:
        """The component's module in the package, such as `text_encoder`."""
        return self.kind.replace("-", "_")

    @property
    def recipe_name(self) -> str:
        """Name of the component where recipes use it; a kernel's is without its operation."""
        return self.component.removeprefix(_OPERATION) if self.kind == "kernel" else self.component


@dataclass(frozen=True, slots=True, kw_only=True)
class Names:
    """The names of one plugin and its components."""

    plugin: str
    """Name of the plugin, its folder and its recipe, such as `gated-attention`."""
    parts: tuple[PartNames, ...]
    """The names of its components, at least one, each of another kind."""

    @property
    def distribution(self) -> str:
        """Name of the distribution, such as `attnforge-gated-attention`."""
        return _PREFIX + self.plugin

    @property
    def package(self) -> str:
        """Name of the package to import, such as `attnforge_gated_attention`."""
        return self.distribution.replace("-", "_")


def name_plugin(name: str, *, kinds: Sequence[str], plugins: PluginCatalogue) -> Names:
    """All names of a new plugin.

    Args:
        name: Name of the plugin, lower-case words joined by hyphens. If it ends with one of the kinds, the
            components have the name without it: the attention of `gated-attention` is `gated`.
        kinds: The kinds of its components, of `attnforge.plugin.KINDS`.
        plugins: The plugins whose names are taken.

    Raises:
        PluginError: `unknown-kind`; `kinds-conflict` when a kind is repeated, or no recipe can use all of the
            components; `plugin-name` for an invalid name; `name-taken` when a plugin, a recipe or a component
            of such a kind has the name.
    """
    _check_kinds(kinds)
    if reason := _invalid_reason(name, kinds):
        expected = f"lower-case words joined by hyphens, such as `gated-{kinds[0]}`"
        raise PluginError(Problem("plugin-name", f"invalid plugin name `{name}`: {reason}", None, expected))
    suffix = next((f"-{kind}" for kind in kinds if name.endswith(f"-{kind}")), "")
    stem = name.removesuffix(suffix)
    parts = tuple(
        PartNames(
            kind=kind,
            component=_OPERATION + stem if kind == "kernel" else stem,
            class_name="".join(word.capitalize() for word in [*stem.split("-"), *kind.split("-")]),
        )
        for kind in kinds
    )
    names = Names(plugin=name, parts=parts)
    _check_free(names, plugins)
    return names


def _check_kinds(kinds: Sequence[str]) -> None:
    for kind in kinds:
        if kind not in KINDS:
            close = nearest(kind, list(KINDS))
            expected = f"`{close}`; kinds are {', '.join(KINDS)}" if close else f"one of {', '.join(KINDS)}"
            message = f"there is no kind `{kind}`"
            raise PluginError(Problem("unknown-kind", message, None, expected, "attnforge components"))
    repeated = sorted({kind for kind in kinds if kinds.count(kind) > 1})
    if repeated:
        message = f"the kind `{repeated[0]}` is given twice, and a new plugin has one component of a kind"
        raise PluginError(Problem("kinds-conflict", message, expected="each `--kind` once"))
    for owner, part, reason in _APART:
        if owner in kinds and part in kinds:
            message = f"the {owner} of a new plugin {reason}, so no recipe could use both"
            raise PluginError(Problem("kinds-conflict", message, expected="two plugins, or one of the kinds"))


def _invalid_reason(name: str, kinds: Sequence[str]) -> str | None:
    """Why a name is invalid, or None."""
    if not _VALID_NAME.fullmatch(name):
        return "it is not lower-case words joined by hyphens, beginning with a letter"
    if len(name) > MAX_NAME_LENGTH:
        return f"it has {len(name)} characters, the limit is {MAX_NAME_LENGTH}"
    if name.startswith(_PREFIX):
        return f"the prefix `{_PREFIX}` is added automatically; use `{name.removeprefix(_PREFIX)}`"
    if name in kinds:
        return "it consists of the kind alone"
    return None


def _check_free(names: Names, plugins: PluginCatalogue) -> None:
    owners = {plugin.name: plugin for plugin in plugins.plugins}
    taken = next((part for part in names.parts if part.component in plugins.registry.names(part.kind)), None)
    if names.plugin in owners:
        owner, step = f"the plugin {owners[names.plugin]}", "attnforge plugins"
    elif taken is not None:
        component = plugins.registry.get(taken.kind, taken.component)
        owner = f"the {taken.kind} `{taken.component}` of {plugins.owner(component)}"
        step = f"attnforge components {taken.kind}"
    elif recipe := next((recipe for recipe in library(plugins) if recipe.name == names.plugin), None):
        owner, step = f"a recipe of {recipe.provider}", "attnforge recipes"
    else:
        return
    message = f"the name `{names.plugin}` is taken by {owner}"
    raise PluginError(Problem("name-taken", message, None, "another name", step))
