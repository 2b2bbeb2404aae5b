"""`attnforge plugins check`: checks a plugin without running it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from attnforge.cli.listing import listing
from attnforge.terminal import print_json, print_text

if TYPE_CHECKING:
    from attnforge.cli.plugins.checks.outcome import Outcome
    from attnforge.plugin import Plugin, PluginCatalogue
    from attnforge.plugin.discovery import Source


@click.command("check")
@click.argument("name")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def command(name: str, as_json: bool) -> int:
    """Check the plugin NAME: its module, components, recipes, commands and hooks.

    The module is imported in a fresh interpreter, to measure what it costs every command. Nothing is trained
    or built; the conformance kit, `attnforge.testing`, tests what components do. If a check fails, the exit
    code is 1.
    """
    from attnforge.plugin import load_plugins
    from attnforge.plugin.discovery import find_plugins
    from attnforge.plugin.selection import check_names

    plugins = load_plugins()
    check_names([name], [plugin.name for plugin in plugins.plugins], source="command line")
    plugin = next(plugin for plugin in plugins.plugins if plugin.name == name)
    source = next(source for candidate, source in find_plugins() if candidate.name == name)
    outcomes = list(_outcomes(plugin, source, plugins))
    rows = [asdict(outcome) for outcome in outcomes]
    failed = sum(outcome.result == "fail" for outcome in outcomes)
    if as_json:
        print_json({"plugin": name, "failed": failed, "checks": rows})
        return 1 if failed else 0
    columns = ["result", "check", "of"]
    if any(outcome.reason for outcome in outcomes):
        columns.append("reason")
    listing(rows, as_json=False, columns=columns)
    print_text(f"{name}: {len(outcomes)} checks, {failed or 'none'} failed")
    if plugin.components and not failed:
        first = f"{plugin.components[0].kind}/{plugin.components[0].name}"
        test = f"python -c 'from attnforge.testing import run; print(run(\"{first}\"))'"
        print_text(f"next: test what components do, for example with: {test}")
    return 1 if failed else 0


def _outcomes(plugin: Plugin, source: Source, plugins: PluginCatalogue) -> Iterator[Outcome]:
    from attnforge.cli.plugins.checks.components import component_checks
    from attnforge.cli.plugins.checks.declared import command_checks, hook_checks, recipe_checks
    from attnforge.cli.plugins.checks.module import module_checks

    yield from module_checks(plugin, source)
    if plugin.reason is not None:
        return
    yield from hook_checks(plugin, plugins)
    for component in plugin.components:
        yield from component_checks(component, plugins)
    yield from recipe_checks(plugin, plugins)
    yield from command_checks(plugin)
