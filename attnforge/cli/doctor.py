"""`attnforge doctor`: would things work here, and what to do where they would not."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import click

from attnforge.cli.listing import listing
from attnforge.cli.paths import PATH
from attnforge.terminal import print_json, print_text

if TYPE_CHECKING:
    from attnforge.cli.diagnosis.finding import Finding


@click.command("doctor")
@click.argument("arguments", nargs=-1, metavar="[RECIPE]... [KEY=VALUE]...")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.option(
    "--runs",
    type=PATH,
    default=Path("runs"),
    show_default=True,
    help="The folder in which runs would be made.",
)
def command(arguments: tuple[str, ...], as_json: bool, runs: Path) -> int:
    """Look at versions, devices, kernels, plugins, data and folders.

    Data and weights of every recipe that has a name are looked for, or those of RECIPE alone, with values
    changed by KEY=VALUE. A line is `ok`, a `warning`, or a `problem`, which is something that cannot work:
    then the command exits with 1. Nothing is written, and nothing is asked of the network.
    """
    from attnforge.cli.diagnosis.finding import OK, PROBLEM, WARNING
    from attnforge.recipe.library import is_file

    recipes = [argument for argument in arguments if "=" not in argument or is_file(Path(argument))]
    overrides = [argument for argument in arguments if argument not in recipes]
    findings = list(_findings(recipes, overrides, runs))
    problems = sum(one.state == PROBLEM for one in findings)
    warnings = sum(one.state == WARNING for one in findings)
    if as_json:
        report = {"problems": problems, "warnings": warnings, "findings": [asdict(one) for one in findings]}
        print_json(report)
        return 1 if problems else 0
    columns = ["state", "area", "of", "finding"]
    if any(one.next for one in findings):
        columns.append("next")
    listing([asdict(one) for one in findings], as_json=False, columns=columns)
    counts = f"{_count(problems, 'problem')}, {_count(warnings, 'warning')}"
    print_text("all is well" if all(one.state == OK for one in findings) else counts)
    return 1 if problems else 0


def _count(number: int, name: str) -> str:
    return f"{number or 'no'} {name}{'' if number == 1 else 's'}"


def _findings(recipes: Sequence[str], overrides: Sequence[str], runs: Path) -> Iterator[Finding]:
    from attnforge.cli.diagnosis import data, devices, environment, plugins, storage
    from attnforge.cli.diagnosis.finding import PROBLEM, found
    from attnforge.plugin import load_plugins

    catalogue = load_plugins(installed=False)
    known = False

    def load() -> Iterator[Finding]:
        nonlocal catalogue, known
        catalogue = load_plugins()  # before torch, so that who imports it is known
        known = True
        yield from plugins.look(catalogue)

    of_plugins = list(found("plugins", load))
    yield from found("environment", environment.look)
    of_devices = list(found("devices", devices.look))
    yield from of_devices
    torch_is_there = not any(one.of == "devices" and one.state == PROBLEM for one in of_devices)
    if torch_is_there and known:  # kernels may come from plugins
        yield from found("kernels", devices.look_at_kernels)
    yield from of_plugins
    yield from found("data", partial(data.look, catalogue, recipes, overrides))
    yield from found("storage", partial(storage.look, runs))
