"""`attnforge plugins`: lists plugins; its commands are in modules of their own."""

from __future__ import annotations

import click

from attnforge.cli.family import load_command
from attnforge.cli.listing import listing

COMMANDS: dict[str, str] = {
    "check": "Check one plugin without running it.",
    "new": "Create a plugin to start from.",
}
"""Commands of `attnforge plugins`; `NAME` is `command` in the module `attnforge.cli.plugins.NAME`."""


class PluginsGroup(click.Group):
    """A group that knows its commands by name and imports one when it is called."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        return load_command(f"plugins {cmd_name}", f"attnforge.cli.plugins.{cmd_name}:command")

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the list of commands from summaries, importing none of them."""
        if COMMANDS:
            with formatter.section("Commands"):
                formatter.write_dl(list(COMMANDS.items()))


@click.group(
    "plugins", cls=PluginsGroup, invoke_without_command=True, subcommand_metavar="[COMMAND] [ARGS]..."
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.pass_context
def command(context: click.Context, as_json: bool) -> None:
    """List plugins with their state; a plugin that cannot be used is disabled, with a reason."""
    if context.invoked_subcommand is not None:
        return
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
