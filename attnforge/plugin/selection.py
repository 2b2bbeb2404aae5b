"""Selects plugins by environment variables: those to add, and those to block.

    ATTNFORGE_PLUGINS=my_module,name=other.module   also load these modules, which no package installed
    ATTNFORGE_BLOCK=wandb,clip                      disable these plugins

These are environment variables so that processes started by a command see the same plugins.
"""

from __future__ import annotations

import os
import re
from collections.abc import Collection, Iterator, Mapping, Sequence

from attnforge.errors import Place, PluginError, Problem, nearest

ADDED = "ATTNFORGE_PLUGINS"
BLOCKED = "ATTNFORGE_BLOCK"
BLOCKED_REASON = f"blocked by --no-plugin or {BLOCKED}"
_ENTRY = re.compile(r"(?:(?P<name>[A-Za-z0-9][\w.-]*)=)?(?P<module>[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*)")


def added(environment: Mapping[str, str] | None = None) -> list[tuple[str, str]]:
    """The plugins that `ATTNFORGE_PLUGINS` adds: names with dotted names of modules.

    Raises:
        PluginError: `bad-plugin-list` when an entry is neither `module` nor `name=module`.
    """
    plugins = []
    for entry in _entries(ADDED, environment):
        match = _ENTRY.fullmatch(entry)
        if match is None:
            message = f"`{entry}` is not the name of a module"
            expected = "a comma-separated list of MODULE or NAME=MODULE, with dotted names of modules"
            raise PluginError(Problem("bad-plugin-list", message, Place(ADDED), expected))
        plugins.append((match["name"] or match["module"], match["module"]))
    return plugins


def blocked(environment: Mapping[str, str] | None = None) -> tuple[str, ...]:
    """The names that `ATTNFORGE_BLOCK` blocks."""
    return tuple(_entries(BLOCKED, environment))


def check_names(names: Sequence[str], known: Collection[str], *, source: str) -> None:
    """Check that these are names of plugins.

    Args:
        names: The names to check.
        known: The names of all plugins, disabled or not.
        source: Where the names were written, for the error.

    Raises:
        PluginError: `unknown-plugin`.
    """
    problems = []
    for name in names:
        if name in known:
            continue
        close = nearest(name, list(known))
        others = ", ".join(known)
        expected = f"`{close}`; known: {others}" if close else f"one of {others}" if known else None
        message = f"no plugin is called `{name}`"
        problems.append(Problem("unknown-plugin", message, Place(source), expected, "attnforge plugins"))
    if problems:
        raise PluginError(problems)


def _entries(variable: str, environment: Mapping[str, str] | None) -> Iterator[str]:
    text = (os.environ if environment is None else environment).get(variable, "")
    return (entry.strip() for entry in text.split(",") if entry.strip())
