"""Runs one command and returns its exit code; all errors are printed here."""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Sequence

import click

from attnforge.cli.blocking import environment_kept
from attnforge.cli.boundary import OutputClosedError, boundary
from attnforge.cli.completing.variable import VARIABLE
from attnforge.cli.errors import print_error
from attnforge.cli.group import group
from attnforge.errors import AttnforgeError
from attnforge.run.stop import StopSignal
from attnforge.terminal import print_text


def execute(arguments: Sequence[str] | None, *, stop: StopSignal) -> int:
    """Run a command and return its exit code.

    Args:
        arguments: The command's arguments; None for those of the process.
        stop: The signal handler, for commands that save before they exit.
    """
    if VARIABLE in os.environ:
        from attnforge.cli.completing.shells import answer

        return answer(group, instruction=os.environ[VARIABLE])
    try:
        with environment_kept(), boundary():
            code = group.main(arguments, prog_name="attnforge", standalone_mode=False, obj=stop)
            sys.stdout.flush()
    except AttnforgeError as error:
        print_error(error)
        return 1
    except click.ClickException as error:
        text = io.StringIO()
        error.show(text)
        print_text(text.getvalue(), err=True, end="")
        return error.exit_code
    except (click.Abort, KeyboardInterrupt) as interrupt:
        if isinstance(interrupt.__cause__, EOFError):  # to click an interrupt, as at a prompt; there is none
            raise interrupt.__cause__ from None
        return stop.exit_code
    except OutputClosedError:
        return 1
    except Exception:
        if stop.interrupted:  # interrupted code may have turned the interrupt into another error
            return stop.exit_code
        raise
    return code if isinstance(code, int) else 0
