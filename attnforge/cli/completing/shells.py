"""Speaks to bash, zsh and fish: their scripts, and what completes the words that they pass on."""

from __future__ import annotations

import os
from collections.abc import Mapping

import click
from click.shell_completion import BashComplete, FishComplete, ShellComplete, ZshComplete

from attnforge.cli.boundary import boundary
from attnforge.cli.completing.variable import VARIABLE
from attnforge.errors import AttnforgeError
from attnforge.terminal import print_text

PROGRAM = "attnforge"


class Bash(BashComplete):
    """Bash, which adds no space after a word that goes on, such as `phases.` or `steps=`."""

    source_template = BashComplete.source_template.replace(
        "            COMPREPLY+=($value)\n",
        "            COMPREPLY+=($value)\n            [[ $value == *[=./] ]] && compopt -o nospace\n",
    )


class Zsh(ZshComplete):
    """Zsh, which adds no space after a word that goes on."""

    source_template = ZshComplete.source_template.replace(
        '                completions+=("$key")\n',
        '                if [[ "$key" == *[=./] ]]; then\n'
        "                    compadd -U -S '' -V unsorted -- \"$key\"\n"
        "                else\n"
        '                    completions+=("$key")\n'
        "                fi\n",
    )


SHELLS: Mapping[str, type[ShellComplete]] = {"bash": Bash, "zsh": Zsh, "fish": FishComplete}
"""The shells by name. Fish itself adds no space after `=`, `.` and `/`."""


def script(shell: str) -> str:
    """The script that makes a shell of `SHELLS` complete attnforge's words."""
    complete = SHELLS[shell](click.Group(), {}, PROGRAM, VARIABLE)
    return complete.source_template % complete.source_vars()


def answer(group: click.Group, *, instruction: str) -> int:
    """Print the completions that a shell asked for, and return the exit code.

    Args:
        group: The group of all commands.
        instruction: The value of `VARIABLE`.
    """
    shell, _, request = instruction.partition("_")
    if shell not in SHELLS or request != "complete" or "COMP_WORDS" not in os.environ:
        return 1
    try:
        with boundary():
            print_text(SHELLS[shell](group, {}, PROGRAM, VARIABLE).complete())
    except AttnforgeError:
        return 1  # a message would appear in the line that is being typed
    return 0
