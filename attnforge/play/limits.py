"""How much a page may ask for: sizes of requests, of the queue and of what is kept in memory."""

from __future__ import annotations

MAX_CAPTION_CHARACTERS = 1_000
MAX_SWAPS = 8
MAX_NOISES = 16
MAX_STEPS = 48
"""Images of a walk."""
MAX_SEED = 2**53 - 1
"""The largest integer that JavaScript counts up to."""
MAX_EXTRAS = 16
MAX_EXTRA_NUMBERS = 256
MAX_BODY_BYTES = 64 * 1024
BODY_SECONDS = 10.0
"""Within which a request must have arrived."""
MAX_WAITING = 32
"""Requests that wait for the one before them; further ones are refused."""
KEPT_CHECKPOINTS = 3
"""Checkpoints that are kept in memory besides the first of each run."""
MAX_CONNECTIONS = 256
MAX_EXAMPLES = 6
"""Captions that the page suggests."""
MAX_WORDS = 1_000
"""Known words that the page suggests for swaps."""
