"""The environment variable by which a shell asks for completions."""

from __future__ import annotations

VARIABLE = "_ATTNFORGE_COMPLETE"
"""Set by the scripts to `bash_complete` and the like; beside it are the words of the command line."""
