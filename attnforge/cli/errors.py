"""Prints errors of commands."""

from __future__ import annotations

from attnforge.errors import AttnforgeError
from attnforge.terminal import print_text

MAX_PROBLEMS = 50
"""Problems that are printed; the rest are counted."""


def print_error(error: AttnforgeError) -> None:
    """Print an error's problems and notes to stderr, without a traceback.

    Problems without a next command share one last line: the command that explains them.
    """
    shown = error.problems[:MAX_PROBLEMS]
    lines = ["\n\n".join(str(problem) for problem in shown)]
    if omitted := len(error.problems) - len(shown):
        lines.append(f"\n{omitted:,} more problem{'' if omitted == 1 else 's'} not shown")
    lines += [f"  {note}" for note in getattr(error, "__notes__", ())]
    unexplained = dict.fromkeys(problem.code for problem in shown if not problem.next_step)
    if unexplained:
        lines.append(f"  more: attnforge explain {' '.join(unexplained)}")
    print_text("\n".join(lines), err=True)
