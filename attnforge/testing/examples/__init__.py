"""A small component of every kind, from which the specs and recipes of a tested component are built.

They are simple and fast and pass every check of their kind, so a failure is never theirs.
"""

from __future__ import annotations

from attnforge.testing.examples.catalogue import NAME, with_examples
from attnforge.testing.examples.specs import spec_for
from attnforge.testing.examples.steps import adversarial_step

__all__ = ["NAME", "adversarial_step", "spec_for", "with_examples"]
