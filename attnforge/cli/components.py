"""`attnforge components`."""

from __future__ import annotations

from fnmatch import fnmatchcase

import click

from attnforge.cli.listing import listing
from attnforge.errors import PluginError, Problem, nearest


@click.command("components")
@click.argument("kind", required=False)
@click.argument("glob", default="*")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def command(kind: str | None, glob: str, as_json: bool) -> None:
    """List components: of all kinds, of KIND, or those of KIND whose name matches GLOB.

    KIND may be a pattern too, as in `text-*`.
    """
    from attnforge.plugin import KINDS, load_plugins

    kinds = [name for name in KINDS if fnmatchcase(name, kind or "*")]
    if not kinds:
        close = nearest(kind or "", list(KINDS))
        expected = f"`{close}`; known: {', '.join(KINDS)}" if close else f"one of {', '.join(KINDS)}"
        message = f"there is no kind `{kind}`"
        raise PluginError(Problem("unknown-kind", message, None, expected, "attnforge components"))
    plugins = load_plugins()
    rows = [
        {
            "kind": component.kind,
            "name": component.name,
            "version": component.version,
            "plugin": plugins.owner(component).name,
            "distribution": plugins.owner(component).distribution,
            "state": plugins.owner(component).state,
            "target": component.target,
            "summary": component.summary,
        }
        for component in plugins.registry
        if component.kind in kinds and fnmatchcase(component.name, glob)
    ]
    listing(rows, as_json=as_json, columns=["kind", "name", "version", "plugin", "state", "summary"])
