"""`attnforge completion`: prints the script by which a shell completes attnforge's words."""

from __future__ import annotations

import click

from attnforge.cli.completing.shells import SHELLS, script
from attnforge.terminal import print_text


@click.command("completion")
@click.argument("shell", type=click.Choice(list(SHELLS)))
def command(shell: str) -> None:
    """Print the script that completes commands, recipes, runs and keys in SHELL.

    For bash, add `eval "$(attnforge completion bash)"` to ~/.bashrc; for zsh the same with zsh to ~/.zshrc,
    after compinit; for fish, write it to ~/.config/fish/completions/attnforge.fish.
    """
    print_text(script(shell), end="")
