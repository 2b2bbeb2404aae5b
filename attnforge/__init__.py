"""attnforge composes, trains, samples and evaluates text-to-image GANs with word-level attention."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from attnforge.sampling.pipeline import Pipeline

__version__ = "0.1.0"


def load(run: str | os.PathLike[str], *, device: str = "auto") -> Pipeline:
    """Load the generator of a trained run: `attnforge.load("runs/birds")("a red bird", n=8, seed=1)`.

    Args:
        run: The run folder, or one of its checkpoints.
        device: Where to compute; `auto` uses a GPU if there is one.

    Raises:
        RunError: the run is missing, or has no checkpoint with a generator yet.
        RecipeError: its recipe needs a plugin that is not installed.
    """
    from pathlib import Path

    # torch takes seconds to import, which commands that need none of it do not pay
    from attnforge.sampling.pipeline import Pipeline

    return Pipeline.load(Path(run), device=device)
