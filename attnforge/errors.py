"""One family of errors: a code, a place, what was expected, and the next command to type.

An error here is part of the interface. The command line prints `str(error)` and exits with 1; it never
shows a traceback for bad input. A Python user catches `AttnforgeError` and reads its `problems`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from difflib import get_close_matches


@dataclass(frozen=True, slots=True)
class Place:
    """Where a value was written: a file (or `command line`); lines and columns count from 1."""

    source: str
    line: int | None = None
    column: int | None = None
    excerpt: str | None = None
    """The source line itself, so that the error can be read without opening the file."""
    width: int = 1
    """How many characters of the excerpt the caret underlines."""

    def __str__(self) -> str:
        return ":".join(str(part) for part in (self.source, self.line, self.column) if part is not None)

    def sketch(self) -> str:
        """The excerpt with a caret below the place; empty without an excerpt."""
        if self.excerpt is None or self.line is None:
            return ""
        number, margin = str(self.line), " " * len(str(self.line))
        # Characters are replaced one for one, so that the caret stays in its column.
        excerpt = "".join(
            character if character.isprintable() else "\N{REPLACEMENT CHARACTER}"
            for character in self.excerpt
        )
        lines = [f"  {number} | {excerpt}"]
        if self.column is not None:
            lines.append(f"  {margin} | {' ' * (self.column - 1)}{'^' * max(1, self.width)}")
        return "\n".join(lines)


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong, worded so that it can be fixed without reading any code."""

    code: str
    """A short stable name such as `unknown-key`; docs/reference/errors.md has a section for each."""
    message: str
    place: Place | None = None
    expected: str | None = None
    """What would have been valid, the nearest known name first."""
    next_step: str | None = None
    """The command to type next."""

    def __str__(self) -> str:
        lines = [f"error[{self.code}]: {_indented(self.message)}"]
        if self.place is not None:
            lines.append(f"  at {self.place}")
            if sketch := self.place.sketch():
                lines.append(sketch)
        if self.expected:
            lines.append(f"  expected: {_indented(self.expected)}")
        if self.next_step:
            lines.append(f"  next: {_indented(self.next_step)}")
        return "\n".join(lines)


class AttnforgeError(Exception):
    """Bad input, or a state that attnforge cannot continue from; holds one or more problems."""

    def __init__(self, problems: Problem | Sequence[Problem]) -> None:
        self.problems: tuple[Problem, ...] = (problems,) if isinstance(problems, Problem) else tuple(problems)
        super().__init__("\n\n".join(str(problem) for problem in self.problems))

    def _render_traceback_(self) -> list[str]:
        """What IPython shows instead of a traceback: bad input never shows one."""
        return [str(self), *getattr(self, "__notes__", ())]


class RecipeError(AttnforgeError):
    """A recipe, or an override of it, that cannot be used."""


class PluginError(AttnforgeError):
    """A plugin or a component that cannot be found or loaded."""


class DataError(AttnforgeError):
    """A data set that is missing, malformed or does not match."""


class ImageError(DataError):
    """One image of a data set that cannot be read; `training.on_bad_image: skip` loads another instead."""


class RunError(AttnforgeError):
    """A run folder or a checkpoint that cannot be read, written or continued."""


def _indented(text: str) -> str:
    """Indent further lines, which may come from anywhere, so that they cannot pass for lines of the error."""
    return text.replace("\n", "\n    ")


def nearest(name: str, known: Sequence[str]) -> str | None:
    """The known name spelled most like `name`, or None when none is close."""
    matches = get_close_matches(name, known, n=1, cutoff=0.6)
    return matches[0] if matches else None
