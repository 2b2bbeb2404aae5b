"""Opening a run of wandb without ever asking anybody anything."""

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
    """Start or go on with a run of wandb.

    Args:
        account: Which run.
        mode: `online` sends while training goes; `offline` only writes below `folder`.
        name: What wandb's pages call it.
        tags: Labels to find it by.
        config: Plain data that wandb shows and compares runs by.
        folder: An existing folder; wandb writes into `wandb/` below it.

    Raises:
        RunError: `wandb-no-key` when it is to be online and there is no key, `wandb-unreachable` when
            the server does not answer, `wandb-refused` when wandb or its server refuses something else.
    """
    import wandb  # a second to import, which only a run has to pay

    if mode == "offline":
        # told to the run alone, wandb would still send its makers a note of its use
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
                # a run that goes on offline is joined with its beginning when both are synchronised
                resume="allow" if mode == "online" else None,
                allow_val_change=True,
                reinit="create_new",
                settings=settings,
            )
    except wandb.Error as error:
        raise RunError(_problem(error, folder)) from error


@contextmanager
def _no_terminal() -> Iterator[None]:
    """Nobody to ask: wandb prompts for a key where it finds a terminal, and fails at once elsewhere."""
    before = sys.stdin
    with open(os.devnull, encoding="utf-8") as nobody:
        sys.stdin = nobody
        try:
            yield
        finally:
            sys.stdin = before


def _problem(error: Exception, folder: Path) -> Problem:
    import wandb.errors

    said = " ".join(str(error).split())
    offline = "mode: offline in the tracker's section of the recipe, which needs neither key nor network"
    again = f"attnforge train --resume {folder}"  # the folder is made by now
    refused = isinstance(error, wandb.errors.AuthenticationError)
    if isinstance(error, wandb.errors.UsageError) and re.search(r"api[ _]key", said, re.IGNORECASE):
        message = "the tracker `wandb` is online, and wandb has no key to send figures with"
        return Problem("wandb-no-key", message, None, f"a key, or {offline}", f"wandb login && {again}")
    if isinstance(error, wandb.errors.CommError) and not refused:
        message = f"the server of wandb does not answer: {said}"
        return Problem("wandb-unreachable", message, None, f"a server, or {offline}", again)
    message = f"wandb does not start the run: {said}"
    return Problem("wandb-refused", message, None, f"what wandb asks for, or {offline}", again)
