"""A section of the report with the run's location in wandb."""

from __future__ import annotations

from html import escape
from pathlib import Path

from attnforge_wandb.accounts import Account, read_accounts


def section(run: Path) -> list[tuple[str, str]]:
    """One section, or none for a run that was not tracked.

    URLs are plain text: a report loads nothing from elsewhere.
    """
    accounts = read_accounts(run)
    if not accounts:
        return []
    return [("Weights & Biases", "\n".join(_line(account, run) for account in accounts))]


def _line(account: Account, run: Path) -> str:
    owner = f"{account.entity}/" if account.entity else ""
    label = f"Run <code>{escape(account.id)}</code> of project <code>{escape(owner + account.project)}</code>"
    if account.url:
        return f"<p>{label}: <code>{escape(account.url)}</code></p>"
    command = f"wandb sync {run / 'wandb'}/offline-run-*-{account.id}"
    return f"<p>{label}, written offline. Send it with: <code>{escape(command)}</code></p>"
