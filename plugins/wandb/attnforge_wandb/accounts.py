"""wandb.json of a run folder: under which ids wandb knows the run, so that it goes on as the same one."""

from __future__ import annotations

import json
import uuid
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from attnforge.errors import Problem, RunError

FILE = "wandb.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """One run of wandb."""

    entity: str | None
    """The user or team it belongs to; None for the one that the key belongs to."""
    project: str
    id: str
    """Its name in addresses, which never changes."""
    url: str | None = None
    """Its page; None while it was only ever offline."""
    reason: str | None = None
    """Why attnforge's run ended: `finished`, `stopped` or `failed`; None while it goes."""


def read_accounts(run: Path) -> list[Account]:
    """All runs of wandb that a run folder knows.

    Raises:
        RunError: the file is damaged.
    """
    path = run / FILE
    try:
        return [Account(**entry) for entry in json.loads(path.read_text(encoding="utf-8"))["runs"]]
    except FileNotFoundError:
        return []
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise RunError(
            Problem(
                code="wandb-accounts",
                message=f"{path} cannot be read: {error}",
                expected="the file that attnforge-wandb wrote",
                next_step=f"rm {path}  (figures then go to a new run of wandb)",
            )
        ) from error


def open_account(run: Path, *, entity: str | None, project: str) -> Account:
    """The run of wandb in that project, made up the first time; its reason for ending is forgotten."""
    accounts = read_accounts(run)
    for account in accounts:
        if (account.entity, account.project) == (entity, project):
            found = replace(account, reason=None)
            break
    else:
        found = Account(entity=entity, project=project, id=uuid.uuid4().hex[:12])
    keep_account(run, found)
    return found


def keep_account(run: Path, account: Account) -> None:
    """Write an account down, in place of the one with its id."""
    others = [one for one in read_accounts(run) if one.id != account.id]
    _write(run, [*others, account])


def note_end(run: Path, reason: str) -> None:
    """Note for all accounts why the run ended; nothing where there are none."""
    if accounts := read_accounts(run):
        _write(run, [replace(account, reason=reason) for account in accounts])


def end_of(run: Path, account: Account) -> str | None:
    """Why the run of that account ended, if it did."""
    return next((one.reason for one in read_accounts(run) if one.id == account.id), None)


def _write(run: Path, accounts: list[Account]) -> None:
    text = json.dumps({"runs": [asdict(account) for account in accounts]}, indent=1)
    whole = run / f"{FILE}.new"
    whole.write_text(text + "\n", encoding="utf-8")
    whole.replace(run / FILE)
