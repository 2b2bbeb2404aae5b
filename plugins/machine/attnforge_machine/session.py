"""Describes one training session: hardware, versions and command line."""

from __future__ import annotations

import platform
import shutil
import subprocess
import sys
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import torch

import attnforge
from attnforge.run.environment import gpus, packages, processor


def describe(folder: Path | None = None) -> dict[str, Any]:
    """The machine, the versions and the command line of this process, as plain data.

    Args:
        folder: Folder whose git commit is looked up; by default the working directory.
    """
    versions = {it.name: it.installed for it in packages() if it.installed is not None}
    return {
        "started": datetime.now(UTC).isoformat(timespec="seconds"),
        "command": [Path(sys.argv[0]).name, *sys.argv[1:]],
        "commit": commit_of(folder or Path.cwd()),
        "platform": platform.platform(),
        "python": platform.python_version(),
        "processor": asdict(processor()),
        "threads": torch.get_num_threads(),
        "gpus": [asdict(gpu) for gpu in gpus()],
        "versions": {"attnforge": attnforge.__version__, **versions},
        "ended": None,
    }


def commit_of(folder: Path) -> dict[str, Any] | None:
    """The git commit of a folder, and whether tracked files have changes; None without git."""
    commit = _git(folder, "rev-parse", "HEAD")
    if commit is None:
        return None
    changed = _git(folder, "status", "--porcelain", "--untracked-files=no")
    return {"id": commit, "changed": bool(changed)}


def _git(folder: Path, *words: str) -> str | None:
    git = shutil.which("git")
    if git is None:
        return None
    try:
        done = subprocess.run(  # noqa: S603
            [git, "-C", str(folder), *words], capture_output=True, text=True, timeout=10, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.strip() if done.returncode == 0 else None
