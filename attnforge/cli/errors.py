"""How the command line says that something is wrong."""

from __future__ import annotations

import sys

from attnforge.errors import AttnforgeError


def print_error(error: AttnforgeError) -> None:
    """Write an error's problems to stderr, with the notes that it gathered on its way and no traceback.

    Problems that name no command to type next share one last line: the command that explains them.
    """
    lines = [str(error), *(f"  {note}" for note in getattr(error, "__notes__", ()))]
    unexplained = dict.fromkeys(problem.code for problem in error.problems if not problem.next_step)
    if unexplained:
        lines.append(f"  more: attnforge explain {' '.join(unexplained)}")
    # A terminal that cannot show a character still gets the rest of the message.
    encoding = sys.stderr.encoding or "utf-8"
    text = "\n".join(lines).encode(encoding, "backslashreplace").decode(encoding)
    print(text, file=sys.stderr)
