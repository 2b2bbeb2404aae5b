"""`attnforge protocols`: what can be measured by name."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from attnforge.cli.listing import listing
from attnforge.cli.paths import PATH
from attnforge.terminal import print_json, print_text

if TYPE_CHECKING:
    from attnforge.evaluate.protocols import ResolvedProtocol


@click.command("protocols")
@click.argument("name", required=False)
@click.argument("overrides", nargs=-1, metavar="[KEY=VALUE]...")
@click.option("--captions", type=PATH, help="Write the captions of the protocol's images to a .jsonl file.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def command(name: str | None, overrides: tuple[str, ...], captions: Path | None, as_json: bool) -> None:
    """List the protocols, or print protocol NAME with every default.

    With `--captions FILE.jsonl`, any system can generate the images that the protocol measures: an image for
    each line, whose caption is in `text`.
    """
    from attnforge.evaluate.protocols import protocol_summaries, resolve_protocol

    if name is None:
        listing(protocol_summaries(), as_json=as_json, columns=["name", "data", "summary"])
        return
    protocol = resolve_protocol(name, overrides=overrides)
    if captions is not None:
        _write_captions(protocol, captions)
    elif as_json:
        print_json(protocol.data())
    else:
        from attnforge.recipe.scalars import write

        print_text(write(protocol.data()).rstrip("\n"))


def _write_captions(protocol: ResolvedProtocol, path: Path) -> None:
    import json

    from attnforge.errors import Problem, RunError
    from attnforge.evaluate.folder import protocol_captions
    from attnforge.storage.folder import write_text

    chosen = protocol_captions(protocol)
    rows = [{"number": number, "text": text} for number, text in enumerate(chosen)]
    try:
        write_text(path, "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows))
    except OSError as error:
        message = f"the captions cannot be written to {path}: {error.strerror or error}"
        problem = Problem("metrics-not-written", message, expected="a file in a writable folder")
        raise RunError(problem) from error
    print_text(f"{len(chosen):,} captions in {path}")
