"""`attnforge schema`."""

from __future__ import annotations

import click

from attnforge.terminal import print_json


@click.command("schema")
def command() -> None:
    """Print a JSON Schema (draft-07) of recipes, with every installed component.

    Editors use it to complete and check recipes. It imports every component, so it takes a moment.
    """
    from attnforge.plugin import load_plugins
    from attnforge.recipe.json_schema import json_schema

    print_json(json_schema(load_plugins()))
