"""Checks what a plugin declares: hooks, components and commands must be well formed and not yet taken."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence

from attnforge.errors import nearest
from attnforge.kinds import KINDS
from attnforge.plugin import hookspec
from attnforge.plugin.component import Component
from attnforge.plugin.plugin import Plugin

HOOKS = tuple(name for name in vars(hookspec) if name.startswith("attnforge_"))
"""The names of all hooks."""
CORE_COMMANDS = frozenset(
    {
        *(
            "quickstart",
            "train",
            "launch",
            "sample",
            "edit",
            "play",
            "compare",
            "protocols",
            "embed",
            "eval",
            "sweep",
            "report",
            "data",
            "import",
            "export",
            "recipes",
            "completion",
        ),
        *("show", "validate", "schema", "plugins", "components", "explain", "doctor", "kernels"),
    }
)
"""The names of attnforge's own commands, which no plugin may use; `attnforge.cli.group` describes them."""
_NAME = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
_COMMAND = re.compile(rf"((import|export) )?{_NAME.pattern}")
_TARGET = re.compile(r"[A-Za-z_][\w.]*:[A-Za-z_][\w.]*")


class PluginDisabledError(Exception):
    """Why a plugin is disabled."""


def check_hooks(members: Mapping[str, object], *, known: Collection[str] = HOOKS) -> tuple[str, ...]:
    """The hooks among the members of a module or class.

    Args:
        members: Its attributes, by name.
        known: The hooks that it may implement.

    Raises:
        PluginDisabledError: a hook is misspelled, not marked, or would wrap the hooks of other plugins.
    """
    hooks = []
    for name, value in members.items():
        marked = getattr(value, "attnforge_impl", None)
        if not (marked or (name.startswith("attnforge_") and callable(value))):
            continue
        hook = (marked or {}).get("specname") or name
        if hook not in known:
            close = nearest(hook, list(known))
            hint = f"; did you mean {close}?" if close else ""
            raise PluginDisabledError(f"{hook} is not a hook{hint}")
        if not marked:
            raise PluginDisabledError(f"{name} is not marked with @hookimpl")
        if marked["wrapper"] or marked["hookwrapper"]:
            raise PluginDisabledError(f"{name} is a wrapper, but each plugin's hooks are called separately")
        hooks.append(hook)
    return tuple(hooks)


def check_components(plugin: Plugin, earlier: Sequence[Plugin]) -> None:
    """Check that a plugin's components are records with valid, unused names.

    Raises:
        PluginDisabledError: a component is invalid or its name is taken.
    """
    owners = {(part.kind, part.name): other for other in earlier for part in other.components}
    for part in plugin.components:
        if not isinstance(part, Component):
            raise PluginDisabledError(f"attnforge_components returned {part!r}, which is not a Component")
        if part.kind not in KINDS:
            close = nearest(part.kind, list(KINDS))
            hint = f"; did you mean {close}?" if close else ""
            raise PluginDisabledError(f"{part.kind} is not a kind{hint}")
        if not _NAME.fullmatch(part.name):
            raise PluginDisabledError(
                f"{part.name!r} of {part.target} is not lower-case words joined by hyphens"
            )
        if not _TARGET.fullmatch(part.target):
            raise PluginDisabledError(f"{part.target!r} of {part.kind} `{part.name}` is not `module:Class`")
        if (part.kind, part.name) in owners:
            other = owners[part.kind, part.name]
            raise PluginDisabledError(
                f"{part.kind} `{part.name}` is declared by {plugin.name} ({plugin.distribution}) "
                f"and already by {other.name} ({other.distribution})"
            )
        owners[part.kind, part.name] = plugin


def check_commands(plugin: Plugin, earlier: Sequence[Plugin]) -> None:
    """Check that a plugin's commands have valid, unused names.

    Raises:
        PluginDisabledError: a command is invalid or its name is taken.
    """
    owners = {name: other for other in earlier for name in other.commands}
    for name, target in plugin.commands.items():
        if not _COMMAND.fullmatch(str(name)) or not _TARGET.fullmatch(str(target)):
            raise PluginDisabledError(
                f"command {name!r} needs a lower-case name and a target `module:command`, not {target!r}"
            )
        if name in CORE_COMMANDS:
            raise PluginDisabledError(f"command `{name}` is attnforge's own")
        if name in owners:
            raise PluginDisabledError(
                f"command `{name}` is declared by {plugin.name} and already by {owners[name].name}"
            )


def describe_error(error: BaseException) -> str:
    """An exception in one line: its type and message; `__str__` of a plugin's exception may itself raise."""
    name = type(error).__name__
    try:
        return " ".join(f"{name}: {error}".split())
    except KeyboardInterrupt:
        raise
    except BaseException as failure:
        return f"{name}, whose message raises {type(failure).__name__}"
