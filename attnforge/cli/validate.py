"""`attnforge validate`."""

from __future__ import annotations

from pathlib import Path

import click

from attnforge.cli.errors import print_error
from attnforge.errors import RecipeError
from attnforge.terminal import say


@click.command("validate")
@click.argument("arguments", nargs=-1, required=True, metavar="RECIPE... [KEY=VALUE]...")
def command(arguments: tuple[str, ...]) -> int:
    """Check recipes and report everything that is wrong with them."""
    from attnforge.plugin import load_plugins
    from attnforge.recipe import resolve

    recipes = [argument for argument in arguments if "=" not in argument or Path(argument).is_file()]
    overrides = [argument for argument in arguments if argument not in recipes]
    if not recipes:
        raise click.UsageError("Missing argument 'RECIPE'.")
    plugins = load_plugins()
    code = 0
    for recipe in recipes:
        try:
            resolved = resolve(recipe, overrides=overrides, plugins=plugins)
        except RecipeError as error:
            say(f"{recipe}: {len(error.problems)} problem(s)")
            print_error(error)
            code = 1
        else:
            say(f"{recipe}: ok {resolved.digest[:8]}")
    return code
