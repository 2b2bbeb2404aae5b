"""The encoders of a run, without its generator."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from attnforge.build.assemble import assemble
from attnforge.compute.device import choose_device
from attnforge.data.encoding import CaptionEncoder
from attnforge.errors import Problem, RunError
from attnforge.interfaces import ImageEncoder, Tokenizer
from attnforge.recipe.needed import TOKENIZING, resolve_needed
from attnforge.sampling.saved_parts import SavedParts
from attnforge.storage.checkpoints.checkpoint import Checkpoint
from attnforge.storage.checkpoints.search import Damage, newest_checkpoint, read_checkpoint
from attnforge.storage.intact import intact_lock, no_intact_checkpoint
from attnforge.storage.locating import RunLocation, locate_run
from attnforge.train.progress import warn_on_stderr

TEXT = frozenset({"text"})
BOTH = frozenset({"text", "image"})


@dataclass(frozen=True, slots=True)
class SavedEncoders:
    """A run's text and image encoder, in evaluation mode."""

    encode: CaptionEncoder
    image: ImageEncoder
    tokenizer: Tokenizer
    digest: str
    """Of the checkpoint."""
    image_size: int | None = None
    """Side in pixels of the images that its run trained the image encoder on; None if that is frozen."""


def load_encoders(
    run: Path, *, device: str = "auto", warn: Callable[[str], None] = warn_on_stderr
) -> SavedEncoders:
    """Both encoders of a run's newest checkpoint that has them.

    Args:
        run: The run folder, or one of its checkpoints.
        device: Where to compute; `auto` uses a GPU if there is one.
        warn: Called for every checkpoint that is skipped.

    Raises:
        RunError: the run is missing, or has no intact checkpoint with both encoders.
        RecipeError: an encoder needs a plugin that is not installed.
    """
    parts = saved_parts(run, holding=BOTH, device=device, warn=warn)
    assert parts.image is not None  # noqa: S101  (the checkpoint has its weights)
    encode = CaptionEncoder(parts.text, parts.tokenizer, parts.device)
    size = parts.image_size if parts.trains_image_encoder else None
    return SavedEncoders(encode, parts.image, parts.tokenizer, parts.checkpoint.digest, size)


def saved_parts(
    run: Path, *, holding: frozenset[str], device: str = "auto", warn: Callable[[str], None] = warn_on_stderr
) -> SavedParts:
    """The parts of a run's newest checkpoint that has some networks.

    Args:
        run: The run folder, or one of its checkpoints.
        holding: The networks, of `text` and `image`.
        device: Where to compute; `auto` uses a GPU if there is one.
        warn: Called for every checkpoint that is skipped.

    Raises:
        RunError: the run is missing, or has no intact checkpoint with them.
        RecipeError: an encoder needs a plugin that is not installed.
    """
    location = locate_run(run)
    recipe = assemble(
        resolve_needed(intact_lock(location.run, warn=warn), needed=TOKENIZING | holding, warn=warn)
    )
    checkpoint = _checkpoint(location, list(recipe.phases), holding, warn)
    tokenizer = recipe.tokenizer()
    checkpoint.load_tokenizer(tokenizer)
    return SavedParts(
        recipe, tokenizer=tokenizer, device=choose_device(device), checkpoint=checkpoint, warn=warn
    )


def _checkpoint(
    location: RunLocation, phases: Sequence[str], holding: frozenset[str], warn: Callable[[str], None]
) -> Checkpoint:
    """The checkpoint of a path, or the newest of a run, with some networks."""
    run, skipped = location.run, list[Damage]()
    if location.checkpoint is not None:
        checkpoint = read_checkpoint(run.checkpoints / location.checkpoint, holding=holding)
        skipped = [checkpoint] if isinstance(checkpoint, Damage) else []
    else:
        search = newest_checkpoint(run.checkpoints, phases=phases, holding=holding)
        checkpoint, skipped = search.checkpoint, list(search.passed_over)
    if isinstance(checkpoint, Checkpoint):
        for damage in skipped:
            warn(f"skipping checkpoint {damage}")
        return checkpoint
    if skipped:
        raise RunError(no_intact_checkpoint(run, skipped))
    expected, step = "a run that has saved a checkpoint", f"attnforge train --resume {run.path}"
    if holding == TEXT:
        message = f"run {run.path} has no checkpoint with a text encoder"
        raise RunError(Problem("no-text-encoder", message, None, expected, step))
    message = f"run {run.path} has no checkpoint with a text and an image encoder"
    raise RunError(Problem("no-encoders", message, None, expected, step))
