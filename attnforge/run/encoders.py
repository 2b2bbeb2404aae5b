"""Encoders of another run in place of new ones."""

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

BOTH = frozenset({"text", "image"})


def find_encoders(recipe: Recipe, tokenizer: Tokenizer, *, warn: Callable[[str], None]) -> Checkpoint | None:
    """The checkpoint that the recipe's `encoders` names; None when it names none.

    Of a run that is the newest of the phase that was trained last; a checkpoint's path names that one.

    Args:
        recipe: The recipe.
        tokenizer: With the vocabulary of the data.
        warn: Told of every checkpoint that is passed over.

    Raises:
        RunError: there is no run, no whole checkpoint of both encoders in it, or its vocabulary is another.
    """
    if recipe.encoders is None:
        return None
    location = locate_run(Path(recipe.encoders))
    run = location.run
    if location.checkpoint is not None:
        checkpoint = _named(run, location.checkpoint)
    else:
        phases = phases_of(intact_lock(run, warn=warn))
        search = newest_checkpoint(run.checkpoints, phases=phases, holding=BOTH)
        for damage in search.passed_over:
            warn(f"checkpoint passed over: {damage}")
        if search.checkpoint is None:
            raise RunError(_no_encoders(run, search.passed_over))
        checkpoint = search.checkpoint
    same_vocabulary(tokenizer, checkpoint, again="attnforge train RECIPE encoders=null")
    return checkpoint


def take_encoders(parts: Parts, checkpoint: Checkpoint) -> None:
    """Give both encoders the weights of a checkpoint.

    Raises:
        RunError: the weights do not fit.
    """
    networks = {"text": parts.text, "image": parts.image}
    for name, network in networks.items():
        checkpoint.load_network(name, cast("nn.Module", network))


def phases_to_train(recipe: Recipe) -> tuple[list[str], list[str]]:
    """The names of the phases that a run trains, and of those that it leaves out.

    Given encoders make phases that train nothing else needless. A recipe of such phases alone goes on
    training the encoders that it is given.
    """
    names = list(recipe.phases)
    drawing = [name for name in names if "generator" in class_of(recipe.phases[name].task).needs]
    if recipe.encoders is None or not drawing:
        return names, []
    return drawing, [name for name in names if name not in drawing]


def same_vocabulary(tokenizer: Tokenizer, checkpoint: Checkpoint, *, again: str) -> None:
    """Refuse weights of another vocabulary.

    Args:
        tokenizer: That of the run.
        checkpoint: Whose weights shall be taken.
        again: The command that does without them.

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
                next_step=again,
            )
        )


def describe_encoders(checkpoint: Checkpoint, left_out: Sequence[str]) -> str:
    """Where encoders were taken from, and the phases that are left out for it."""
    taken = f"encoders are taken from {checkpoint.folder}"
    return f"{taken}, so phase {' and '.join(left_out)} is left out" if left_out else taken


def _named(run: RunFolder, name: str) -> Checkpoint:
    checkpoint = read_checkpoint(run.checkpoints / name, holding=BOTH)
    if isinstance(checkpoint, Checkpoint):
        return checkpoint
    raise RunError(_no_encoders(run, [checkpoint] if checkpoint is not None else []))


def _no_encoders(run: RunFolder, damaged: Sequence[Damage]) -> Problem:
    reasons = "".join(f"; {damage}" for damage in damaged)
    return Problem(
        code="no-encoders",
        message=f"run {run.path} has no whole checkpoint with a text and an image encoder{reasons}",
        expected="a run whose matching phase has saved",
        next_step=f"attnforge train --resume {run.path}",
    )
