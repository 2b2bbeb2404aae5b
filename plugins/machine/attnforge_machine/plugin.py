"""What this plugin brings: it watches every run, and shows in the report what it saw."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from attnforge.plugin import hookimpl

if TYPE_CHECKING:
    from attnforge.recipe.resolved import ResolvedRecipe
    from attnforge_machine.watch import Watch


@hookimpl
def attnforge_run_start(run: Path, recipe: ResolvedRecipe) -> Watch:
    """Hear the run from now on."""
    from attnforge_machine.watch import Watch

    return Watch(run, batch_sizes=batch_sizes(recipe))


@hookimpl
def attnforge_report_sections(run: Path) -> list[tuple[str, str]]:
    """Show machine.json."""
    from attnforge_machine.section import sections

    return sections(run)


def batch_sizes(recipe: ResolvedRecipe) -> dict[str, int]:
    """Images a step, by phase."""
    phases = recipe.data()["phases"]
    return {name: int(phase["batch_size"]) for name, phase in phases.items()}
