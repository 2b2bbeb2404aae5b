"""Encoders loaded from the checkpoint of another run."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import cast

from torch import nn

from attnforge.build.builder import class_of
from attnforge.build.parts import Parts
from attnforge.errors import Problem, RunError
from attnforge.interfaces import Tokenizer
from attnforge.recipe.schema import Recipe
from attnforge.run.folder import RunFolder
from attnforge.run.intact import intact_lock, phases_of
from attnforge.run.locating import locate_run
from attnforge.train.checkpoints.checkpoint import Checkpoint
from attnforge.train.checkpoints.search import Damage, newest_checkpoint, read_checkpoint


def find_encoders(recipe: Recipe, tokenizer: Tokenizer, *, warn: Callable[[str], None]) -> Checkpoint | None:
    """The checkpoint that the recipe's `encoders` names; None when the recipe has no `encoders`.

    The path of a run stands for its newest checkpoint; the path of a checkpoint for that checkpoint.

    Args:
        recipe: The recipe.
        tokenizer: With the vocabulary of the data.
        warn: Called for every checkpoint that is skipped.

    Raises:
        RunError: the run is missing, or has no intact checkpoint of both encoders, or its vocabulary differs.
    """
    if recipe.encoders is None:
        return None
    location = locate_run(Path(recipe.encoders))
    run = location.run
    if location.checkpoint is not None:
        checkpoint = _read_checkpoint(run, location.checkpoint, holding=_encoders(recipe))
    else:
        phases = phases_of(intact_lock(run, warn=warn))
        search = newest_checkpoint(run.checkpoints, phases=phases, holding=_encoders(recipe))
        for damage in search.passed_over:
            warn(f"skipping checkpoint {damage}")
        if search.checkpoint is None:
            raise RunError(_no_encoders(run, search.passed_over))
        checkpoint = search.checkpoint
    refuse_other_vocabulary(tokenizer, checkpoint, next_step="attnforge train RECIPE encoders=null")
    return checkpoint


def load_encoders(parts: Parts, checkpoint: Checkpoint) -> None:
    """Load the weights of both encoders from a checkpoint.

    Raises:
        RunError: the weights do not fit.
    """
    networks = {"text": parts.text, "image": parts.image}
    for name, network in networks.items():
        if network is not None:
            checkpoint.load_network(name, cast("nn.Module", network))


def phases_to_train(recipe: Recipe) -> tuple[list[str], list[str]]:
    """The names of the phases that a run trains, and of those that it skips.

    With `encoders` in the recipe, phases that train nothing but encoders are skipped. A recipe that has only
    such phases keeps training the encoders that it loads.
    """
    names = list(recipe.phases)
    adversarial = [name for name in names if "generator" in class_of(recipe.phases[name].task).needs]
    if recipe.encoders is None or not adversarial:
        return names, []
    return adversarial, [name for name in names if name not in adversarial]


def refuse_other_vocabulary(tokenizer: Tokenizer, checkpoint: Checkpoint, *, next_step: str) -> None:
    """Refuse weights that were trained with another vocabulary.

    Args:
        tokenizer: The tokenizer of the run.
        checkpoint: The checkpoint to load from.
        next_step: The command that works without it.

    Raises:
        RunError: the vocabularies differ.
    """
    if tokenizer.fingerprint != checkpoint.fingerprint:
        raise RunError(
            Problem(
                code="vocabulary-mismatch",
                message=f"checkpoint {checkpoint.folder} has vocabulary {checkpoint.fingerprint}, "
                f"but the captions of the data give vocabulary {tokenizer.fingerprint}",
                expected="the data and tokenizer that the checkpoint was trained with, or new encoders",
                next_step=next_step,
            )
        )


def describe_encoders(checkpoint: Checkpoint, skipped: Sequence[str]) -> str:
    """Where the encoders come from, and the phases that are skipped for it."""
    source = f"using encoders from {checkpoint.folder}"
    return f"{source}; skipping phase {' and '.join(skipped)}" if skipped else source


def _encoders(recipe: Recipe) -> frozenset[str]:
    return frozenset({"text"} if recipe.image is None else {"text", "image"})


def _read_checkpoint(run: RunFolder, name: str, *, holding: frozenset[str]) -> Checkpoint:
    checkpoint = read_checkpoint(run.checkpoints / name, holding=holding)
    if isinstance(checkpoint, Checkpoint):
        return checkpoint
    raise RunError(_no_encoders(run, [checkpoint] if checkpoint is not None else []))


def _no_encoders(run: RunFolder, damaged: Sequence[Damage]) -> Problem:
    reasons = "".join(f"; {damage}" for damage in damaged)
    return Problem(
        code="no-encoders",
        message=f"run {run.path} has no intact checkpoint with a text and an image encoder{reasons}",
        expected="a run whose encoder phase has saved a checkpoint",
        next_step=f"attnforge train --resume {run.path}",
    )
