"""Commands below `attnforge import` and `attnforge export`, and those that plugins add."""

from __future__ import annotations

from importlib import import_module

import click

from attnforge.errors import PluginError, Problem

OWN = {
    "export": {
        "hub": "attnforge.cli.exports.hub:export_command",
        "onnx": "attnforge.cli.exports.onnx:command",
        "safetensors": "attnforge.cli.exports.safetensors:command",
        "torch": "attnforge.cli.exports.torch:command",
        "web": "attnforge.cli.exports.web:command",
    },
    "import": {"hub": "attnforge.cli.exports.hub:import_command"},
}
"""attnforge's own commands in each family."""


class Family(click.Group):
    """A group of attnforge to which plugins add commands, such as `attnforge import attngan`."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted(self._members())

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        target = self._members().get(cmd_name)
        return load_command(f"{self.name} {cmd_name}", target) if target else None

    def _members(self) -> dict[str, str]:
        names = ((name.partition(" "), target) for name, (target, _) in plugin_commands().items())
        added = {rest: target for (first, _, rest), target in names if rest and first == self.name}
        return {**added, **OWN.get(self.name or "", {})}


def plugin_commands() -> dict[str, tuple[str, str]]:
    """The target and the plugin of every command that plugins add."""
    from attnforge.plugin import load_plugins

    return {
        name: (target, plugin.name)
        for plugin in load_plugins().plugins
        for name, target in plugin.commands.items()
    }


def load_command(name: str, target: str) -> click.Command:
    """Import a command from its target, `module:command`.

    Raises:
        PluginError: the module cannot be imported or has no such command.
    """
    module, _, attribute = target.partition(":")
    try:
        command = getattr(import_module(module), attribute)
    except KeyboardInterrupt:
        raise
    except BaseException as error:
        from attnforge.plugin.declared import describe_error

        message = f"the command `{name}` ({target}) cannot be loaded: {describe_error(error)}"
        raise PluginError(Problem("command-import", message, next_step="attnforge plugins")) from error
    if not isinstance(command, click.Command):
        message = f"the command `{name}` ({target}) is a {type(command).__name__}, not a click command"
        raise PluginError(Problem("command-import", message, next_step="attnforge plugins"))
    return command
