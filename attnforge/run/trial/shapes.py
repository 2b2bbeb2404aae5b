"""A step of every phase on the device `meta`, on shapes without values: it needs neither memory nor data.

It finds parts that cannot be built or do not fit together, whatever their size. Problems that depend on
values, such as a loss that is not finite, or on the machine, such as too little memory, show in a real step.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import torch
from torch import nn

from attnforge.build import assemble
from attnforge.build.parts import Parts
from attnforge.errors import AttnforgeError, Problem
from attnforge.interfaces import Progress, Prompt, TextFeatures
from attnforge.recipe import ResolvedRecipe
from attnforge.recipe.schema import Phase
from attnforge.recipe.tree import choices
from attnforge.run.meta import META, all_selected, meta_batch, meta_extras, meta_parts
from attnforge.run.tasks import build_task, sampling_network
from attnforge.run.trial.causes import phase_problems, wants_traceback

MAX_WEIGHTS = 100_000_000_000
"""Networks with more weights are taken for a typing error: this is a hundred times the largest image GAN."""


@dataclass(slots=True)
class ShapeCheck:
    """The result of a trial on shapes."""

    problems: list[Problem] = field(default_factory=list)
    unchecked: list[str] = field(default_factory=list)
    """What could not be checked without values, with the reason."""


def check_shapes(resolved: ResolvedRecipe) -> ShapeCheck:
    """Build every phase of a recipe on the device `meta`, run its first step there and generate an image.

    Stops at the first phase with a problem, because later ones would repeat it.
    """
    recipe = assemble(resolved)
    result = ShapeCheck()
    try:
        parts = meta_parts(recipe)
    except AttnforgeError as error:  # missing data is not a problem of shapes
        reason = error.problems[0].message
        result.unchecked.append(f"every phase needs the shapes of the data's extras: {reason}")
        return result
    for name, phase in recipe.phases.items():
        try:
            with all_selected():
                _step(parts, phase, name, resolved)
        except NotImplementedError as error:
            reason = " ".join(str(error).split(". ")[0].split())
            result.unchecked.append(f"phase `{name}` needs values, not only shapes: {reason}")
        except Exception as error:
            if wants_traceback() and not isinstance(error, AttnforgeError):
                raise
            result.problems += phase_problems(error, phase=name, resolved=resolved)
            break
    return result


def _step(parts: Parts, phase: Phase, name: str, resolved: ResolvedRecipe) -> None:
    task = build_task(parts, phase, name=name)
    _refuse_too_many_weights(parts, resolved)
    batch = meta_batch(parts, phase)
    progress = Progress(step=0, steps=2, batch_size=phase.batch_size, images=phase.batch_size)
    task.step(batch, progress=progress)
    network = sampling_network(task)
    if network is None or not phase.sample_every:
        return
    generator = network.eval()
    padding = torch.zeros(1, phase.max_words, dtype=torch.bool, device=META)
    words = torch.empty(1, parts.text.dim, phase.max_words, device=META)
    text = TextFeatures(words, torch.empty(1, parts.text.dim, device=META), padding)
    tokens = torch.zeros(1, phase.max_words, dtype=torch.long, device=META)
    prompt = Prompt.of(text, extras=meta_extras(parts.extras, 1), tokens=tokens)
    width = parts.generator.noise if parts.generator is not None else 1
    with torch.inference_mode():
        generator(torch.empty(1, width, device=META), prompt, return_attention=True)


def _refuse_too_many_weights(parts: Parts, resolved: ResolvedRecipe) -> None:
    networks: dict[str, Sequence[object]] = {
        "text": [parts.text],
        "image": [parts.image],
        "generator": [parts.generator],
        "discriminator": parts.discriminators,
    }
    weights = {
        path: sum(
            parameter.numel()
            for network in group
            if isinstance(network, nn.Module)
            for parameter in network.parameters()
        )
        for path, group in networks.items()
    }
    largest = max(weights, key=lambda path: weights[path])
    if weights[largest] > MAX_WEIGHTS:
        place = next((choice.place for choice in choices(resolved.tree) if choice.path == largest), None)
        message = f"`{largest}` has {weights[largest]:,} weights: {weights[largest] * 4 // 10**9:,} GB"
        expected = f"fewer channels or layers: at most {MAX_WEIGHTS:,} weights"
        raise AttnforgeError(Problem("too-many-weights", message, place, expected))
