"""`attnforge doctor`: checks whether attnforge works here, and what to do where it does not."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import click

from attnforge.cli.completing import recipes_and_keys
from attnforge.cli.listing import listing
from attnforge.cli.paths import PATH
from attnforge.terminal import print_json, print_text

if TYPE_CHECKING:
    from attnforge.doctor.finding import Finding


@click.command("doctor")
@click.argument("arguments", nargs=-1, metavar="[RECIPE]... [KEY=VALUE]...", shell_complete=recipes_and_keys)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.option(
    "--runs",
    type=PATH,
    default=Path("runs"),
    show_default=True,
    help="The folder for runs.",
)
def command(arguments: tuple[str, ...], as_json: bool, runs: Path) -> int:
    """Check versions, devices, kernels, plugins, data and folders.

    Checks data and weights of every named recipe, or only of RECIPE, with values changed by KEY=VALUE. Each
    finding is `ok`, a `warning`, or a `problem`, which is something that cannot work; if there is one, the
    exit code is 1. Nothing is written, and the network is not used.
    """
    from attnforge.doctor.finding import OK, PROBLEM, WARNING
    from attnforge.recipe.library import is_file

    recipes = [argument for argument in arguments if "=" not in argument or is_file(Path(argument))]
    overrides = [argument for argument in arguments if argument not in recipes]
    results = list(_findings(recipes, overrides, runs))
    rows = [asdict(finding) for finding in results]
    problems = sum(finding.state == PROBLEM for finding in results)
    warnings = sum(finding.state == WARNING for finding in results)
    if as_json:
        print_json({"problems": problems, "warnings": warnings, "findings": rows})
        return 1 if problems else 0
    columns = ["state", "area", "of", "finding"]
    if any(finding.next for finding in results):
        columns.append("next")
    listing(rows, as_json=False, columns=columns)
    counts = f"{_count(problems, 'problem')}, {_count(warnings, 'warning')}"
    print_text("everything works" if all(finding.state == OK for finding in results) else counts)
    return 1 if problems else 0


def _count(number: int, name: str) -> str:
    return f"{number or 'no'} {name}{'' if number == 1 else 's'}"


def _findings(recipes: Sequence[str], overrides: Sequence[str], runs: Path) -> Iterator[Finding]:
    from attnforge.doctor import data, devices, environment, plugins, storage
    from attnforge.doctor.finding import PROBLEM, findings
    from attnforge.plugin import load_plugins

    catalogue = load_plugins(installed=False)
    loaded = False

    def load() -> Iterator[Finding]:
        nonlocal catalogue, loaded
        catalogue = load_plugins()  # before torch, to detect plugins that import it
        loaded = True
        yield from plugins.look(catalogue)

    of_plugins = list(findings("plugins", load))
    yield from findings("environment", environment.look)
    of_devices = list(findings("devices", devices.look))
    yield from of_devices
    has_torch = not any(finding.of == "devices" and finding.state == PROBLEM for finding in of_devices)
    if has_torch and loaded:  # kernels may come from plugins
        yield from findings("kernels", devices.look_at_kernels)
    yield from of_plugins
    yield from findings("data", partial(data.look, catalogue, recipes, overrides))
    yield from findings("storage", partial(storage.look, runs))
