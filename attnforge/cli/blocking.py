"""`--no-plugin`: disables plugins for one command and for every process that it starts."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

import click

VARIABLE = "ATTNFORGE_BLOCK"
"""The same as in `attnforge.plugin.selection`, which is imported only when the option is used."""


def block(context: click.Context, parameter: click.Parameter, names: tuple[str, ...]) -> None:
    """Add the names to `ATTNFORGE_BLOCK`, which child processes inherit.

    Raises:
        PluginError: `unknown-plugin`, or `bad-plugin-list` of the environment.
    """
    if not names or context.resilient_parsing:
        return
    from attnforge.plugin.discovery import find_plugins
    from attnforge.plugin.selection import blocked, check_names

    check_names(names, [plugin.name for plugin, _ in find_plugins()], source="--no-plugin")
    os.environ[VARIABLE] = ",".join(dict.fromkeys([*blocked(), *names]))


@contextmanager
def environment_kept() -> Iterator[None]:
    """Restore the variable when the command ends, for callers in the same process."""
    before = os.environ.get(VARIABLE)
    try:
        yield
    finally:
        if before is None:
            os.environ.pop(VARIABLE, None)
        else:
            os.environ[VARIABLE] = before
