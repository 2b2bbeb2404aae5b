"""Opens a wandb run without ever prompting."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from attnforge.errors import Problem, RunError
from attnforge_wandb.accounts import Account

if TYPE_CHECKING:
    from wandb import Run

Mode = Literal["online", "offline"]


def open_run(
    account: Account,
    *,
    mode: Mode,
    name: str,
    tags: Sequence[str],
    config: Mapping[str, object],
    folder: Path,
) -> Run:
    """Start or resume a wandb run.

    Args:
        account: Which run.
        mode: `online` sends during training; `offline` only writes to `folder`.
        name: Its name in wandb.
        tags: Labels to find it by.
        config: Plain data that wandb shows and compares runs by.
        folder: An existing folder; wandb writes to `wandb/` in it.

    Raises:
        RunError: `wandb-no-key` if the mode is online and there is no key, `wandb-unreachable` if the server
            does not answer, `wandb-refused` if wandb or its server rejects anything else.
    """
    import wandb  # takes a second to import

    if mode == "offline":
        # set on the run only, wandb would still send usage telemetry
        wandb.setup(settings=wandb.Settings(mode=mode, silent=True))
    settings = wandb.Settings(silent=True, console="off", disable_git=True, save_code=False)
    try:
        with _no_terminal():
            return wandb.init(
                entity=account.entity,
                project=account.project,
                id=account.id,
                name=name,
                tags=list(tags),
                config=dict(config),
                dir=folder,
                mode=mode,
                # an offline run that is resumed is joined with its beginning when both are synced
                resume="allow" if mode == "online" else None,
                allow_val_change=True,
                reinit="create_new",
                settings=settings,
            )
    except wandb.Error as error:
        raise RunError(_problem(error, folder)) from error


@contextmanager
def _no_terminal() -> Iterator[None]:
    """Hide the terminal: with one, wandb prompts for a key; without one, it fails at once."""
    stdin = sys.stdin
    with open(os.devnull, encoding="utf-8") as empty:
        sys.stdin = empty
        try:
            yield
        finally:
            sys.stdin = stdin


def _problem(error: Exception, folder: Path) -> Problem:
    import wandb.errors

    reason = " ".join(str(error).split())
    offline = "mode: offline in the tracker's section of the recipe, which needs neither key nor network"
    resume = f"attnforge train --resume {folder}"  # the folder exists by now
    refused = isinstance(error, wandb.errors.AuthenticationError)
    if isinstance(error, wandb.errors.UsageError) and re.search(r"api[ _]key", reason, re.IGNORECASE):
        message = "the tracker `wandb` is online, but wandb has no API key"
        return Problem("wandb-no-key", message, None, f"a key, or {offline}", f"wandb login && {resume}")
    if isinstance(error, wandb.errors.CommError) and not refused:
        message = f"the server of wandb does not answer: {reason}"
        return Problem("wandb-unreachable", message, None, f"a server, or {offline}", resume)
    message = f"wandb does not start the run: {reason}"
    return Problem("wandb-refused", message, None, f"what wandb requires, or {offline}", resume)
