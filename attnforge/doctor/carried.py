"""Checks the files of weights that installed packages carry for a recipe."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from attnforge.doctor.finding import OK, PROBLEM, Finding
from attnforge.errors import RecipeError
from attnforge.recipe.resolved import ResolvedRecipe
from attnforge.recipe.tree import choices, frozen
from attnforge.storage.carried import CarriedFile, ReadsCarriedFiles


def carried_files(resolved: ResolvedRecipe) -> Iterator[Finding]:
    """A finding for each file, with the components of the recipe that read it."""
    users: dict[CarriedFile, list[str]] = {}
    for choice in choices(resolved.tree):
        if isinstance(choice.target, ReadsCarriedFiles):
            options = {name: frozen(option) for name, option in choice.options.items()}
            for file in choice.target.carried_files(options):
                users.setdefault(file, []).append(f"`{choice.path}`")
    for file, paths in users.items():
        yield _state(file, f"{', '.join(paths)} of {resolved.name}")


def _state(file: CarriedFile, use: str) -> Finding:
    name, contents = Path(file.file).name, f"{file.contents}, sha256 {file.sha256}"
    try:
        file.verify(file.path())
    except RecipeError as error:
        problem = error.problems[0]
        finding = f"{problem.message}; expected: {contents}; {use}"
        return Finding("data", name, PROBLEM, finding, problem.next_step or "")
    return Finding("data", name, OK, f"exists in {file.package} {file.version}: {contents}; {use}")
