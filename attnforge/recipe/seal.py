"""The last line of a run's frozen recipe: a digest of everything above it, which detects damage to the file.

The digest in `lock:` identifies what the recipe determines, and changes when a component's version does; this
one shows that the file is unchanged.
"""

from __future__ import annotations

import hashlib

_PREFIX = "# sha256 of all above: "


def seal(text: str) -> str:
    """A frozen recipe with the digest of its text as a comment in the last line."""
    body = text if text.endswith("\n") else text + "\n"
    return f"{body}{_PREFIX}{_digest(body.encode())}\n"


def is_intact(data: bytes) -> bool:
    """Whether these bytes are a sealed recipe that has not been changed."""
    body, prefix, digest = data.rpartition(_PREFIX.encode())
    return bool(prefix) and digest == f"{_digest(body)}\n".encode()


def _digest(body: bytes) -> str:
    return hashlib.sha256(body).hexdigest()
