"""Speaks to bash, zsh and fish: their scripts, and what completes the words that they pass on."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence

import click
from click.shell_completion import BashComplete, CompletionItem, FishComplete, ShellComplete, ZshComplete

from attnforge.cli.boundary import boundary
from attnforge.cli.completing.variable import VARIABLE
from attnforge.errors import AttnforgeError
from attnforge.terminal import print_text

PROGRAM = "attnforge"


class Bash(BashComplete):
    """Bash, which adds no space after a word that goes on, such as `phases.` or `steps=`.

    By default it takes `=` for a word of its own, so that KEY=VALUE arrives as three words, and replaces the
    last of them alone. Options keep theirs: click expects it so.
    """

    source_template = BashComplete.source_template.replace(
        "            COMPREPLY+=($value)\n",
        "            COMPREPLY+=($value)\n            [[ $value == *[=./] ]] && compopt -o nospace\n",
    )
    _split_key = ""
    """What comes before the value that is completed, where bash split it off."""

    def get_completion_args(self) -> tuple[list[str], str]:
        arguments, incomplete = super().get_completion_args()
        *before, last = _joined([*arguments, incomplete])
        if last != incomplete:
            self._split_key = f"{last.partition('=')[0]}="
        return before, last

    def format_completion(self, item: CompletionItem) -> str:
        return f"{item.type},{str(item.value).removeprefix(self._split_key)}"


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


def _joined(words: Sequence[str]) -> list[str]:
    """Words with KEY, `=` and VALUE as one, unless KEY is an option."""
    joined: list[str] = []
    for word in words:
        key = joined[-1] if joined else ""
        # a value follows `KEY=` only where bash split it off, since it would be part of the same word
        if not key.startswith("-") and ((word == "=" and "=" not in key) or key.endswith("=")):
            joined[-1] += word
        else:
            joined.append(word)
    return joined


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
