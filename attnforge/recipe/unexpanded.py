"""Detects `~` and `$NAME` in texts that the shell did not expand."""

from __future__ import annotations

import os
import re

_HOME = re.compile(r"~[\w.-]*(?:/|$)")
_VARIABLE = re.compile(r"\$(?:(?P<bare>[A-Za-z_]\w*)|\{(?P<braced>[A-Za-z_]\w*)\})")


def unexpanded(text: str) -> str | None:
    """The expansion of a path that begins with `~/` or `$NAME`; None for any other text."""
    if _HOME.match(text):
        expanded = os.path.expanduser(text)
    elif match := _VARIABLE.match(text):
        name = match["bare"] or match["braced"]
        if text[match.end() :][:1] not in ("", "/") or name not in os.environ:
            return None
        expanded = os.environ[name] + text[match.end() :]
    else:
        return None
    return expanded if expanded != text else None
