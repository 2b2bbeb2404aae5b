"""`attnforge recipes`."""

from __future__ import annotations

import click

from attnforge.cli.listing import listing


@click.command("recipes")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def command(as_json: bool) -> None:
    """List the recipes that can be used by name, without a path."""
    from attnforge.plugin import load_plugins
    from attnforge.recipe.library import library, shown, summary

    rows = [
        {
            "name": recipe.name,
            "provider": recipe.provider,
            "path": shown(recipe.path),
            "hidden by": recipe.hidden_by,
            "summary": summary(recipe),
        }
        for recipe in library(load_plugins())
    ]
    columns = ["name", "provider", "summary"]
    if any(row["hidden by"] for row in rows):
        columns.append("hidden by")
    listing(rows, as_json=as_json, columns=columns)
