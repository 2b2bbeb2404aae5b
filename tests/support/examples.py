"""How many examples a property takes that needs another number than most."""

from __future__ import annotations

from hypothesis import settings

OF_MOST = 100
"""What hypothesis takes by itself, and `make test-long` of most properties."""


def examples(thorough: int) -> int:
    """So many in `make test-long`; ordinary tests take the same share of them as of other properties."""
    assert settings.default is not None
    return max(1, thorough * settings.default.max_examples // OF_MOST)
