"""The command line; each command has a module of its own that is imported when the command is called."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

import click

from attnforge.cli.blocking import environment_kept
from attnforge.cli.errors import print_error
from attnforge.cli.group import group
from attnforge.errors import AttnforgeError


def main(arguments: Sequence[str] | None = None) -> None:
    """Run a command and leave with its exit code: 1 for bad input, 2 for a wrong call, 130 for Ctrl-C."""
    sys.exit(run(arguments))


def run(arguments: Sequence[str] | None = None) -> int:
    """Run a command and give its exit code."""
    try:
        with environment_kept():
            code = group.main(arguments, prog_name="attnforge", standalone_mode=False)
        sys.stdout.flush()
    except AttnforgeError as error:
        print_error(error)
        return 1
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except (click.Abort, KeyboardInterrupt):
        return 130
    except BrokenPipeError:
        # The reader, such as `head`, has seen enough; Python would complain once more when it exits.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    return code if isinstance(code, int) else 0
