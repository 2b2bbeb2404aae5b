"""Hooks that observe every run and add a section to its report."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from attnforge.plugin import hookimpl

if TYPE_CHECKING:
    from attnforge.plugin import CheckedRecipe
    from attnforge_machine.watch import Watch


@hookimpl
def attnforge_run_start(run: Path, recipe: CheckedRecipe) -> Watch:
    """Observe the run."""
    from attnforge_machine.watch import Watch

    return Watch(run, batch_sizes=batch_sizes(recipe))


@hookimpl
def attnforge_report_sections(run: Path) -> list[tuple[str, str]]:
    """Show machine.json."""
    from attnforge_machine.section import sections

    return sections(run)


def batch_sizes(recipe: CheckedRecipe) -> dict[str, int]:
    """Images per step, by phase."""
    phases = recipe.data()["phases"]
    return {name: int(phase["batch_size"]) for name, phase in phases.items()}
