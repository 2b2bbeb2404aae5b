"""wandb.json of a run folder: the run's ids in wandb, so that a resumed run continues with the same id."""

from __future__ import annotations

import json
import uuid
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from attnforge.errors import Problem, RunError

FILE = "wandb.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """One wandb run."""

    entity: str | None
    """The user or team it belongs to; None for that of the key."""
    project: str
    id: str
    """Its id in URLs, which never changes."""
    url: str | None = None
    """Its page; None if it was only offline."""
    reason: str | None = None
    """Why attnforge's run ended: `finished`, `stopped` or `failed`; None while it is running."""


def read_accounts(run: Path) -> list[Account]:
    """All wandb runs of a run folder.

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
                next_step=f"rm {path}  (metrics then go to a new wandb run)",
            )
        ) from error


def open_account(run: Path, *, entity: str | None, project: str) -> Account:
    """The wandb run in that project, created the first time; the reason of its end is cleared."""
    accounts = read_accounts(run)
    for account in accounts:
        if (account.entity, account.project) == (entity, project):
            selected = replace(account, reason=None)
            break
    else:
        selected = Account(entity=entity, project=project, id=uuid.uuid4().hex[:12])
    keep_account(run, selected)
    return selected


def keep_account(run: Path, account: Account) -> None:
    """Write an account, replacing the one with the same id."""
    others = [other for other in read_accounts(run) if other.id != account.id]
    _write(run, [*others, account])


def note_end(run: Path, reason: str) -> None:
    """Record why the run ended in all accounts."""
    if accounts := read_accounts(run):
        _write(run, [replace(account, reason=reason) for account in accounts])


def end_of(run: Path, account: Account) -> str | None:
    """Why the run of the account ended, if it did."""
    return next((it.reason for it in read_accounts(run) if it.id == account.id), None)


def _write(run: Path, accounts: list[Account]) -> None:
    text = json.dumps({"runs": [asdict(account) for account in accounts]}, indent=1)
    temporary = run / f"{FILE}.new"
    temporary.write_text(text + "\n", encoding="utf-8")
    temporary.replace(run / FILE)
