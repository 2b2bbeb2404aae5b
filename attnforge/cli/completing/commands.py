"""Completes a command line inside another, such as that behind `attnforge launch`."""

from __future__ import annotations

import click
from click.shell_completion import CompletionItem, ShellComplete

from attnforge.cli.completing.variable import VARIABLE

LAUNCHED = ("train", "eval")
"""The commands that several processes can run."""


def behind_command(
    context: click.Context, parameter: click.Parameter, incomplete: str
) -> list[CompletionItem]:
    """Complete `train` or `eval`, and what follows as if nothing came before."""
    typed = list(context.params.get(parameter.name or "") or ())
    if not typed:
        return [CompletionItem(name) for name in LAUNCHED if name.startswith(incomplete)]
    root = context.find_root()
    shell = ShellComplete(root.command, {}, root.info_name or "", VARIABLE)
    return shell.get_completions(typed, incomplete)
