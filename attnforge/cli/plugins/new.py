"""`attnforge plugins new`: creates a plugin to start from."""

from __future__ import annotations

import shlex
from pathlib import Path

import click

from attnforge.cli.paths import PathOfShell
from attnforge.plugin import KINDS
from attnforge.terminal import print_text


@click.command()
@click.argument("name")
@click.option(
    "--kind",
    "kinds",
    required=True,
    multiple=True,
    help=f"The kind of the plugin's component; repeat it for several components: {', '.join(KINDS)}.",
)
@click.option(
    "--folder",
    type=PathOfShell(file_okay=False),
    default=Path(),
    help="Where to create the plugin's folder NAME; by default here.",
)
def command(name: str, kinds: tuple[str, ...], folder: Path) -> None:
    """Create the plugin NAME, such as `gated-attention`, with a working component to change into your own.

    It is a distribution of its own, with a recipe that uses the component, conformance tests for its kind, a
    README and a workflow that runs the tests. With several kinds it has a component of each, in modules of
    their own, and the recipe uses them together. Existing files are not overwritten.
    """
    from attnforge.plugin import load_plugins
    from attnforge.scaffold import kinds_listed, name_plugin, project_files, write_project

    names = name_plugin(name, kinds=kinds, plugins=load_plugins())
    project = write_project(names, folder)
    component = names.parts[0].component if len(kinds) == 1 else names.parts[0].recipe_name
    lines = [
        f"{project}: the {kinds_listed(names)} `{component}`, the recipe `{names.plugin}` and their tests"
    ]
    lines += [f"  {path}" for path in sorted(project_files(names))]
    lines += ["next:"]
    lines += [
        f"  {line}"
        for line in (
            f"cd {shlex.quote(str(project))}",
            'pip install --editable ".[testing]"',
            "python -m pytest",
            f"attnforge plugins check {names.plugin}",
            f"attnforge validate {names.plugin}",
            f"attnforge train {names.plugin}",
        )
    ]
    print_text("\n".join(lines))
