"""`attnforge validate`."""

from __future__ import annotations

from pathlib import Path

import click

from attnforge.cli.completing import recipes_and_keys
from attnforge.cli.errors import print_error
from attnforge.errors import RecipeError
from attnforge.recipe.library import is_file
from attnforge.terminal import print_text


@click.command("validate")
@click.argument(
    "arguments", nargs=-1, required=True, metavar="RECIPE... [KEY=VALUE]...", shell_complete=recipes_and_keys
)
def command(arguments: tuple[str, ...]) -> int:
    """Check recipes and report all of their problems.

    Each phase is built and does a step on the meta device, which needs neither memory nor data.
    """
    from attnforge.plugin import load_plugins
    from attnforge.recipe import resolve
    from attnforge.recipe.weights import random_weights

    recipes = [argument for argument in arguments if "=" not in argument or is_file(Path(argument))]
    overrides = [argument for argument in arguments if argument not in recipes]
    if not recipes:
        raise click.UsageError("Missing argument 'RECIPE'.")
    plugins = load_plugins()
    code = 0
    for recipe in recipes:
        try:
            resolved = resolve(recipe, overrides=overrides, plugins=plugins)
            from attnforge.run.trial.shapes import check_shapes  # torch is not needed for errors above

            checked = check_shapes(resolved)
            if checked.problems:
                raise RecipeError(checked.problems)
        except RecipeError as error:
            print_text(f"{recipe}: {_count(error)}")
            print_error(error)
            code = 1
        else:
            print_text(f"{recipe}: ok {resolved.digest[:8]}")
            for remark in checked.unchecked:
                print_text(f"  not checked: {remark}")
            for problem in random_weights(resolved):
                print_text(f"  before it can train: {problem.expected}")
    return code


def _count(error: RecipeError) -> str:
    spelled_out = [problem for problem in error.problems if problem.code != "more-problems"]
    more = "more than " if len(spelled_out) < len(error.problems) else ""
    return f"{more}{len(spelled_out)} problem{'' if len(spelled_out) == 1 else 's'}"
