"""A step of every phase on the device `meta`, where there are shapes and no numbers: no memory, no data.

It finds what cannot be built and what does not fit together, whatever the size. What depends on numbers,
such as a loss that is not finite, and what a phase lacks at run time, such as memory, shows in a real step.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import cast

import torch
import torch.fx.experimental._config as tracing
from torch import nn

from attnforge.build import assemble
from attnforge.build.parts import Parts
from attnforge.errors import AttnforgeError, Problem
from attnforge.interfaces import Batch, Progress, TextFeatures, Tokenizer
from attnforge.recipe import ResolvedRecipe
from attnforge.recipe.schema import Phase, Recipe
from attnforge.recipe.tree import choices
from attnforge.run.tasks import build_task, sampling_network
from attnforge.run.trial.causes import phase_problems, wants_traceback
from attnforge.train.engine import Engine

META = torch.device("meta")
VOCABULARY = 4_000
"""Token ids where the tokenizer knows none before it has seen captions; it changes one table's rows."""
MOST_WEIGHTS = 100_000_000_000
"""Networks with more than this are a slip of the keyboard: a hundred times the largest image GAN."""


@dataclass(slots=True)
class Walk:
    """What a walk through the phases of a recipe has found."""

    problems: list[Problem] = field(default_factory=list)
    unseen: list[str] = field(default_factory=list)
    """What could not be tried without numbers, with the reason."""


@dataclass(frozen=True, slots=True)
class _NoWordsYet:
    """Stands in for a tokenizer that has seen no captions."""

    vocabulary_size: int = VOCABULARY


def walk_phases(resolved: ResolvedRecipe) -> Walk:
    """Build every phase of a recipe on the device `meta`, make its first step there and draw an image.

    A phase with a problem ends the walk, because later ones would repeat it.
    """
    recipe = assemble(resolved)
    walk = Walk()
    engine = Engine(device=META, channels_last=recipe.training.channels_last)
    parts = Parts(recipe, tokenizer=_tokenizer(recipe), device=META, engine=engine)
    for name, phase in recipe.phases.items():
        try:
            with _as_if_nonzero():
                _step(parts, phase, name, resolved)
        except NotImplementedError as error:
            reason = " ".join(str(error).split(". ")[0].split())
            walk.unseen.append(f"phase `{name}` needs numbers, not only shapes: {reason}")
        except Exception as error:
            if wants_traceback() and not isinstance(error, AttnforgeError):
                raise
            walk.problems += phase_problems(error, phase=name, resolved=resolved)
            break
    return walk


def _step(parts: Parts, phase: Phase, name: str, resolved: ResolvedRecipe) -> None:
    task = build_task(parts, phase, name=name)
    _refuse_giants(parts, resolved)
    batch = _batch(phase, image_size=phase.image_size or parts.image_size)
    progress = Progress(step=0, steps=2, batch_size=phase.batch_size, images=phase.batch_size)
    task.step(batch, progress=progress)
    network = sampling_network(task)
    if network is None or not phase.sample_every:
        return
    generator = network.eval()
    padding = torch.zeros(1, phase.max_words, dtype=torch.bool, device=META)
    words = torch.empty(1, parts.text.dim, phase.max_words, device=META)
    text = TextFeatures(words, torch.empty(1, parts.text.dim, device=META), padding)
    width = parts.generator.noise if parts.generator is not None else 1
    with torch.inference_mode():
        generator(torch.empty(1, width, device=META), text, return_attention=True)


def _batch(phase: Phase, *, image_size: int) -> Batch:
    images, tokens = phase.batch_size, phase.max_words
    with META:
        return Batch(
            image=torch.empty(images, 3, image_size, image_size),
            tokens=torch.empty(images, tokens, dtype=torch.long),
            lengths=torch.empty(images, dtype=torch.long),
            class_ids=torch.empty(images, dtype=torch.long),
            captions=("a bird",) * images,
            keys=tuple(map(str, range(images))),
            levels=torch.empty(images, 3, image_size, image_size, dtype=torch.uint8),
        )


def _tokenizer(recipe: Recipe) -> Tokenizer:
    with suppress(AttnforgeError):  # a file that is missing is told when captions are there to be read
        tokenizer = recipe.tokenizer()
        if tokenizer.vocabulary_size > 1:
            return tokenizer
    return cast("Tokenizer", _NoWordsYet())


def _refuse_giants(parts: Parts, resolved: ResolvedRecipe) -> None:
    networks: dict[str, Sequence[object]] = {
        "text": [parts.text],
        "image": [parts.image],
        "generator": [parts.generator],
        "discriminator": parts.discriminators,
    }
    weights = {
        path: sum(one.numel() for each in several if isinstance(each, nn.Module) for one in each.parameters())
        for path, several in networks.items()
    }
    largest = max(weights, key=lambda path: weights[path])
    if weights[largest] > MOST_WEIGHTS:
        place = next((one.place for one in choices(resolved.tree) if one.path == largest), None)
        message = f"`{largest}` has {weights[largest]:,} weights: {weights[largest] * 4 // 10**9:,} GB"
        expected = f"fewer channels or layers: more than {MOST_WEIGHTS:,} weights are taken for a slip"
        raise AttnforgeError(Problem("too-many-weights", message, place, expected))


@contextmanager
def _as_if_nonzero() -> Iterator[None]:
    """Let whatever chooses by numbers choose everything, so that its shapes are the largest there can be."""
    with tracing.patch(meta_nonzero_assume_all_nonzero=True):  # type: ignore[attr-defined]
        yield
