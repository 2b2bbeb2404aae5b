"""`attnforge show`."""

from __future__ import annotations

import click

from attnforge.cli.completing import keys_of_recipe, recipe_names
from attnforge.terminal import print_text


@click.command("show")
@click.argument("recipe", shell_complete=recipe_names)
@click.argument("overrides", nargs=-1, metavar="[KEY=VALUE]...", shell_complete=keys_of_recipe())
@click.option("--frozen", is_flag=True, help="Fill in every default and lock component versions.")
def command(recipe: str, overrides: tuple[str, ...], frozen: bool) -> None:
    """Print a recipe merged with its parents and overrides."""
    from attnforge.recipe import compose, resolve

    if frozen:
        text = resolve(recipe, overrides=overrides).frozen()
    else:
        text = compose(recipe, overrides=overrides).text()
    print_text(text, end="")
