"""`attnforge play`: a page in the browser that generates images while one types."""

from __future__ import annotations

from pathlib import Path

import click

from attnforge.cli.completing import runs_and_keys
from attnforge.cli.paths import PATH
from attnforge.errors import Problem, RunError
from attnforge.terminal import print_text


@click.command("play")
@click.argument(
    "arguments",
    nargs=-1,
    required=True,
    metavar="RUN [RUN]... [KEY=VALUE]...",
    shell_complete=runs_and_keys("sampling"),
)
@click.option(
    "--host",
    default="127.0.0.1",
    show_default=True,
    help="Address to listen on. Others than this machine need the token that is printed.",
)
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    default=8765,
    show_default=True,
    help="Port to listen on; 0 takes any that is free.",
)
@click.option("--token", metavar="TEXT", help="Require this token; by default one is made where needed.")
@click.option(
    "--allow-host",
    "hosts",
    multiple=True,
    metavar="NAME",
    help="Another name under which the page is opened, such as that of a proxy. May be given several times.",
)
@click.option("--device", default="auto", show_default=True)
def command(
    arguments: tuple[str, ...],
    host: str,
    port: int,
    token: str | None,
    hosts: tuple[str, ...],
    device: str,
) -> None:
    """Serve a page that generates images of captions with each RUN, until it is interrupted.

    Two runs, or two checkpoints of one, can be compared side by side. The page needs `attnforge[play]`, and
    no other site: open the address that is printed. How images are generated may be changed with KEY=VALUE,
    such as "sampling={use: noise, truncation: 2}".
    """
    _refuse_weak(token)
    runs, overrides = _runs_and_overrides(arguments)
    try:
        from attnforge.play.serving import listen, serve
    except ImportError as error:
        if error.name not in ("fastapi", "uvicorn"):
            raise
        raise RunError(
            Problem(
                code="play-not-installed",
                message=f"the page is served with {error.name}, which is not installed",
                expected="the packages of the extra `play`",
                next_step="pip install 'attnforge[play]'",
            )
        ) from error
    from attnforge.play.runs import PlayedRuns

    address = listen(host, port)
    loaded = PlayedRuns.load(runs, device=device, overrides=overrides)
    serve(
        loaded,
        address,
        token=token,
        hosts=hosts,
        ready=lambda url: print_text(f"serving {', '.join(run.name for run in loaded.runs)} at {url}"),
    )


def _runs_and_overrides(arguments: tuple[str, ...]) -> tuple[list[Path], list[str]]:
    """The arguments that are runs, and those that set a key of the recipe.

    Raises:
        UsageError: there is no run.
    """
    overrides = [text for text in arguments if "=" in text and not Path(text).exists()]
    runs = [Path(str(PATH.convert(text, None, None))) for text in arguments if text not in overrides]
    if not runs:
        raise click.UsageError("Missing argument 'RUN'.")
    return runs, overrides


def _refuse_weak(token: str | None) -> None:
    """Refuse a token that could be guessed, or that an address cannot hold.

    Raises:
        UsageError: it is too short, or has other characters than those of addresses.
    """
    if token is not None and not (len(token) >= 16 and token.isascii() and _plain(token)):
        raise click.UsageError("--token needs at least 16 letters, digits, dashes or underscores.")


def _plain(token: str) -> bool:
    return token.replace("-", "").replace("_", "").isalnum()
