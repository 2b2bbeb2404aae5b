"""The last line of a run's frozen recipe: a digest of all above it, so that no damage is taken for a recipe.

The digest in `lock:` names what a recipe decides, and rightly changes when a component's version rises; this
one says that the file is as it was written.
"""

from __future__ import annotations

import hashlib

_BEGINNING = "# sha256 of all above: "


def seal(text: str) -> str:
    """A frozen recipe with the digest of its text as a comment in its last line."""
    body = text if text.endswith("\n") else text + "\n"
    return f"{body}{_BEGINNING}{_digest(body.encode())}\n"


def is_intact(data: bytes) -> bool:
    """Whether these bytes are a sealed recipe of which nothing was changed."""
    body, beginning, rest = data.rpartition(_BEGINNING.encode())
    return bool(beginning) and rest == f"{_digest(body)}\n".encode()


def _digest(body: bytes) -> str:
    return hashlib.sha256(body).hexdigest()
