"""Encoders of another run in place of new ones."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import cast

from torch import nn

from attnforge.build.builder import class_of
from attnforge.build.parts import Parts
from attnforge.errors import Problem, RunError
from attnforge.interfaces import Tokenizer
from attnforge.recipe.schema import Recipe
from attnforge.run.folder import RunFolder
from attnforge.train.checkpoints import Checkpoint, latest_checkpoint


def find_encoders(recipe: Recipe, tokenizer: Tokenizer) -> Checkpoint | None:
    """The checkpoint that the recipe's `encoders` names; None when it names none.

    Raises:
        RunError: there is no run, no whole checkpoint of both encoders in it, or its vocabulary is another.
    """
    if recipe.encoders is None:
        return None
    path = Path(recipe.encoders)
    folder = RunFolder.open(path)
    found = [one for one in folder.checkpoints.glob("*-*") if one.is_dir()]
    phases = {one.name.rsplit("-", 1)[0] for one in found}
    candidates = [latest_checkpoint(folder.checkpoints, phase=name) for name in sorted(phases)]
    checkpoint = next((one for one in candidates if one and {"text", "image"} <= set(one.networks())), None)
    if checkpoint is None:
        raise RunError(
            Problem(
                code="no-encoders",
                message=f"run {path} has no whole checkpoint with a text and an image encoder",
                expected="a run whose matching phase has saved",
                next_step=f"attnforge train --resume {path}",
            )
        )
    same_vocabulary(tokenizer, checkpoint, again="attnforge train RECIPE encoders=null")
    return checkpoint


def take_encoders(parts: Parts, checkpoint: Checkpoint) -> None:
    """Give both encoders the weights of a checkpoint.

    Raises:
        RunError: the weights do not fit.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of first weights, which the checkpoint's replace
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
