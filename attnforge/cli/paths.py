"""Paths on the command line."""

from __future__ import annotations

from pathlib import Path

import click

from attnforge.recipe.unexpanded import unexpanded


class PathOfShell(click.Path):
    """A path; one that the shell should have expanded is refused.

    Shells expand `~` only at the beginning of a word, so `--out=~/runs` would create a folder named `~`.
    """

    def __init__(self, *, file_okay: bool = True) -> None:
        super().__init__(path_type=Path, file_okay=file_okay)

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> str | bytes | Path:
        expanded = unexpanded(value) if isinstance(value, str) else None
        if expanded is not None:
            self.fail(
                f"{value!r} was not expanded by the shell. Write it as a separate word, or as "
                f"{expanded!r}; write './{value}' for a folder with exactly that name.",
                param,
                ctx,
            )
        return super().convert(value, param, ctx)  # type: ignore[arg-type, return-value]


PATH = PathOfShell()
