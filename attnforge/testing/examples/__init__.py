"""A small component of every kind: the neighbours of what is examined, and what its specs are made of.

They are plain and quick and keep every promise of their kind, so a broken promise is never theirs.
"""

from __future__ import annotations

from attnforge.testing.examples.catalogue import NAME, with_examples
from attnforge.testing.examples.specs import game, spec_for

__all__ = ["NAME", "game", "spec_for", "with_examples"]
