"""`attnforge plugins`."""

from __future__ import annotations

import click

from attnforge.cli.listing import listing


@click.command("plugins")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def command(as_json: bool) -> None:
    """List plugins with their state; a plugin that cannot be used is set aside with its reason."""
    from attnforge.plugin import load_plugins

    rows = [
        {
            "name": plugin.name,
            "distribution": plugin.distribution,
            "version": plugin.version,
            "state": plugin.state,
            "components": len(plugin.components),
            "module": plugin.module,
            "reason": plugin.reason,
        }
        for plugin in load_plugins().plugins
    ]
    columns = ["name", "distribution", "version", "state", "components"]
    if any(row["reason"] for row in rows):
        columns.append("reason")
    listing(rows, as_json=as_json, columns=columns)
