"""This plugin's component and hooks; imports neither torch nor wandb."""

from __future__ import annotations

from pathlib import Path

from attnforge.plugin import Component, hookimpl


@hookimpl
def attnforge_components() -> list[Component]:
    """The tracker."""
    summary = "Weights & Biases, online or offline"
    return [Component("tracker", "wandb", "attnforge_wandb.tracker:WandbTracker", summary)]


@hookimpl
def attnforge_recipes() -> list[Path]:
    """The quickstart, logged to an offline wandb run."""
    return [Path(__file__).parent / "recipes"]


@hookimpl
def attnforge_run_end(run: Path, reason: str) -> None:
    """Record why the run ended, which the tracker reports to wandb when it is closed."""
    from attnforge_wandb.accounts import note_end

    note_end(run, reason)


@hookimpl
def attnforge_report_sections(run: Path) -> list[tuple[str, str]]:
    """Where a tracked run is in wandb."""
    from attnforge_wandb.section import section

    return section(run)
