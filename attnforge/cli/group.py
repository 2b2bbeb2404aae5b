"""The group of all commands, each imported only when it is called."""

from __future__ import annotations

import sys

import click

import attnforge
from attnforge.cli.blocking import block
from attnforge.cli.boundary import boundary
from attnforge.cli.family import Family, load_command, plugin_commands
from attnforge.errors import nearest
from attnforge.run.stop import StopSignal

COMMANDS = {
    "quickstart": "Train on sketched birds for a few minutes and write a report.",
    "train": "Train a recipe, or resume a run.",
    "launch": "Train in several processes, on one machine or many.",
    "sample": "Generate images for captions.",
    "edit": "Generate images of a caption with words swapped, from the same noise.",
    "play": "Serve a page that generates images as you type.",
    "embed": "Write sentence vectors of captions to a file.",
    "eval": "Evaluate a run, or a folder of images of any system.",
    "compare": "Compare results of runs and folders of images, or two recipes.",
    "protocols": "List what can be measured by name.",
    "sweep": "Train several runs over a grid of values, and compare them.",
    "report": "Write a run's report.",
    "data": "Prepare and check data sets.",
    "import": "Create a run from an exported folder, or from files of another code base.",
    "export": "Write a run for other programs, a model hub, or another code base.",
    "recipes": "List named recipes.",
    "show": "Print a recipe merged with its parents and overrides.",
    "validate": "Check recipes without training.",
    "completion": "Print the script that completes words in a shell.",
    "schema": "Print a JSON Schema of recipes for editors.",
    "plugins": "List plugins, and why some are disabled.",
    "components": "List components by kind.",
    "explain": "Explain a component, a kind, a hook or an error code.",
    "doctor": "Check whether attnforge works here.",
    "kernels": "List the attention kernels, and which of them run here.",
}
"""attnforge's own commands; `NAME` is `command` in the module `attnforge.cli.NAME`, unless it is a family."""
FAMILIES = frozenset({"import", "export"})
"""Groups to which plugins add commands."""


class LazyGroup(click.Group):
    """A group that knows its commands by name and imports one when it is called.

    Plugins are loaded only for a command that is not attnforge's own, or for a list of commands.
    """

    def invoke(self, ctx: click.Context) -> object:
        """Run a command; click would treat a closed pipe or end of file as an abort by the user.

        After an interrupt click prints an empty line, which only a terminal needs, below its `^C`.
        """
        try:
            with boundary():
                return super().invoke(ctx)
        except KeyboardInterrupt:
            if sys.stderr.isatty() or not isinstance(ctx.obj, StopSignal):
                raise
            raise click.exceptions.Exit(ctx.obj.exit_code) from None

    def list_commands(self, ctx: click.Context) -> list[str]:
        return [*COMMANDS, *sorted(_of_plugins())]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name in FAMILIES:
            return Family(cmd_name, help=COMMANDS[cmd_name])
        if cmd_name in COMMANDS:
            return load_command(cmd_name, f"attnforge.cli.{cmd_name}:command")
        target = _of_plugins().get(cmd_name)
        return load_command(cmd_name, target[0]) if target else None

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        name = args[0]
        known = self.list_commands(ctx) if name not in COMMANDS else ()
        if known and name not in known and not name.startswith("-"):
            close = nearest(name, known)
            hint = f" Did you mean {close!r}?" if close else ""
            raise click.UsageError(f"No such command {name!r}.{hint}", ctx)
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the list of commands from summaries, importing none of them."""
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))
        if added := _of_plugins():
            with formatter.section("Commands of plugins"):
                formatter.write_dl([(name, f"of {plugin}") for name, (_, plugin) in sorted(added.items())])


def _of_plugins() -> dict[str, tuple[str, str]]:
    """The target and the plugin of each command of plugins, except members of families."""
    return {
        name: command
        for name, command in plugin_commands().items()
        if name not in COMMANDS and " " not in name
    }


@click.command(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(attnforge.__version__, prog_name="attnforge")
@click.option(
    "--no-plugin",
    multiple=True,
    metavar="NAME",
    is_eager=True,
    expose_value=False,
    callback=block,
    help="Disable a plugin for this command; may be given several times.",
)
def group() -> None:
    """Compose, train, sample and evaluate text-to-image GANs with word-level attention."""
