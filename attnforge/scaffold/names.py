"""What everything in a new plugin is called: all names follow from one and from the component's kind."""

from __future__ import annotations

import re
from dataclasses import dataclass

from attnforge.errors import PluginError, Problem, nearest
from attnforge.plugin import KINDS, PluginCatalogue
from attnforge.recipe.library import library

LONGEST = 32
"""Letters of a plugin's name; lines of the files that hold it stay within 120 characters."""
_NAME = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")
_PREFIX = "attnforge-"
_OPERATION = "word-attention-"
"""What the name of a kernel begins with; it says which operation the kernel computes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Names:
    """The names of one plugin with one component."""

    plugin: str
    """Of the plugin, its folder and its recipe, such as `gated-attention`."""
    kind: str
    """The kind of its component."""
    component: str
    """What recipes call the component, such as `gated`."""
    class_name: str
    """The component's class, such as `GatedAttention`."""

    @property
    def distribution(self) -> str:
        """What is installed, such as `attnforge-gated-attention`."""
        return _PREFIX + self.plugin

    @property
    def package(self) -> str:
        """What is imported, such as `attnforge_gated_attention`."""
        return self.distribution.replace("-", "_")

    @property
    def module(self) -> str:
        """The component's module in the package, such as `text_encoder`."""
        return self.kind.replace("-", "_")

    @property
    def recipe_name(self) -> str:
        """What the component is called where recipes name it; the operation of a kernel is left out there."""
        return self.component.removeprefix(_OPERATION) if self.kind == "kernel" else self.component


def name_plugin(name: str, *, kind: str, plugins: PluginCatalogue) -> Names:
    """All names of a new plugin.

    Args:
        name: Of the plugin, lower-case words joined by hyphens; where it ends in the kind, the component is
            called what stands before: the attention of `gated-attention` is `gated`.
        kind: One of `attnforge.plugin.KINDS`.
        plugins: Whose names are taken.

    Raises:
        PluginError: `unknown-kind`, `plugin-name` for a name that cannot be used, or `name-taken` when there
            is a plugin, a recipe or a component of that kind with the name.
    """
    if kind not in KINDS:
        close = nearest(kind, list(KINDS))
        expected = f"`{close}`; kinds are {', '.join(KINDS)}" if close else f"one of {', '.join(KINDS)}"
        raise PluginError(
            Problem("unknown-kind", f"there is no kind `{kind}`", None, expected, "attnforge components")
        )
    stem = name.removesuffix(f"-{kind}")
    if reason := _refused(name, kind):
        expected = f"lower-case words joined by hyphens, such as `gated-{kind}`"
        raise PluginError(
            Problem("plugin-name", f"a plugin cannot be called `{name}`: {reason}", None, expected)
        )
    words = stem.split("-") + kind.split("-")
    names = Names(
        plugin=name,
        kind=kind,
        component=_OPERATION + stem if kind == "kernel" else stem,
        class_name="".join(word.capitalize() for word in words),
    )
    _check_free(names, plugins)
    return names


def _refused(name: str, kind: str) -> str | None:
    """Why a name cannot be used, or None."""
    if not _NAME.fullmatch(name):
        return "it is no lower-case words joined by hyphens, the first beginning with a letter"
    if len(name) > LONGEST:
        return f"it has {len(name)} characters, and {LONGEST} at most are allowed"
    if name.startswith(_PREFIX):
        return f"`{_PREFIX}` is put before it anyway; take `{name.removeprefix(_PREFIX)}`"
    if name == kind:
        return "it says the kind and nothing else"
    return None


def _check_free(names: Names, plugins: PluginCatalogue) -> None:
    owners = {plugin.name: plugin for plugin in plugins.plugins}
    if names.plugin in owners:
        what, step = f"a plugin, {owners[names.plugin]},", "attnforge plugins"
    elif names.component in plugins.registry.names(names.kind):
        component = plugins.registry.get(names.kind, names.component)
        what = f"the {names.kind} `{names.component}` of {plugins.owner(component)}"
        step = f"attnforge components {names.kind}"
    elif taken := next((one for one in library(plugins) if one.name == names.plugin), None):
        what, step = f"a recipe of {taken.provider}", "attnforge recipes"
    else:
        return
    message = f"the name `{names.plugin}` is taken: {what} has it"
    raise PluginError(Problem("name-taken", message, None, "another name", step))
