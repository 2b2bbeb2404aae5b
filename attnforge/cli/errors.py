"""How the command line says that something is wrong."""

from __future__ import annotations

from attnforge.errors import AttnforgeError
from attnforge.terminal import print_text

SHOWN = 50
"""How many problems are printed; whoever mends these sees the next ones."""


def print_error(error: AttnforgeError) -> None:
    """Write an error's problems to stderr, with the notes that it gathered on its way and no traceback.

    Problems that name no command to type next share one last line: the command that explains them.
    """
    shown = error.problems[:SHOWN]
    lines = ["\n\n".join(str(problem) for problem in shown)]
    if left_out := len(error.problems) - len(shown):
        lines.append(f"\n{left_out:,} more problem{'' if left_out == 1 else 's'} of the same input")
    lines += [f"  {note}" for note in getattr(error, "__notes__", ())]
    unexplained = dict.fromkeys(problem.code for problem in shown if not problem.next_step)
    if unexplained:
        lines.append(f"  more: attnforge explain {' '.join(unexplained)}")
    print_text("\n".join(lines), err=True)
