"""This plugin's component and hooks; imports neither torch nor tensorboard."""

from __future__ import annotations

from pathlib import Path

from attnforge.plugin import Component, hookimpl


@hookimpl
def attnforge_components() -> list[Component]:
    """The tracker."""
    summary = "TensorBoard event files in the run folder"
    return [Component("tracker", "tensorboard", "attnforge_tensorboard.tracker:TensorBoardTracker", summary)]


@hookimpl
def attnforge_recipes() -> list[Path]:
    """The quickstart with TensorBoard files."""
    return [Path(__file__).parent / "recipes"]


@hookimpl
def attnforge_report_sections(run: Path) -> list[tuple[str, str]]:
    """The command that shows a tracked run."""
    from attnforge_tensorboard.section import section

    return section(run)
