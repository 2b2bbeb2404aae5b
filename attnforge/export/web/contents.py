"""What a page holds of a run: programs, what they read and return, captions to begin with, and a check."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
from jaxtyping import UInt8
from torch import nn

from attnforge.errors import Problem, RunError
from attnforge.export.graphs import Graphs, sample_captions
from attnforge.export.web.operations import LOWERED, decomposed
from attnforge.export.web.steps import PageArray, PageProgram, Steps
from attnforge.export.web.weights import Precision, as_stored
from attnforge.export.writing import TEXT_INPUTS, TEXT_OUTPUTS
from attnforge.optional import ListsWords, ReadsInPages
from attnforge.sampling.pipeline import Pipeline

LIMITS = {"characters": 1_000, "noises": 16, "seed": 2**53 - 1, "steps": 48, "swaps": 8, "animations": False}
"""What the page accepts; `animations` are GIF files, which no browser writes."""
MAX_EXAMPLES = 6
MAX_WORDS = 1_000
"""Known words that are suggested."""
CHECK_SEED = 1
CHECK_PIXELS = 256
"""About how many pixels of an image are compared."""


def refuse_without_page(pipeline: Pipeline) -> ReadsInPages:
    """Refuse runs that a caption alone does not condition, or whose captions a page cannot read.

    Returns:
        The tokenizer.

    Raises:
        RunError: the run needs extras, or its tokenizer has no JavaScript.
    """
    parts, run = pipeline.parts, pipeline.run.path
    if needed := sorted(set(parts.extras) - parts.completed_extras):
        message = f"run {run} needs {', '.join(needed)} besides a caption, and the page has captions only"
        raise _refused(run, message, expected="a run that generates from captions alone")
    if not isinstance(parts.tokenizer, ReadsInPages):
        name = type(parts.tokenizer).__name__
        message = f"run {run} reads captions by {name}, which has no version in JavaScript"
        expected = "the tokenizer `word` or `character`, or one with `page_tokenizer`"
        raise _refused(run, message, expected=expected)
    return parts.tokenizer


def _refused(run: Path, message: str, *, expected: str) -> RunError:
    step = f"attnforge play {run}"
    return RunError(Problem("not-exportable", message, expected=expected, next_step=step))


def programs(graphs: Graphs) -> tuple[PageProgram, PageProgram, list[PageArray]]:
    """The programs of the text encoder and of the generator, and the arrays of both.

    Raises:
        RunError: one cannot be traced, or has an operation that pages cannot compute.
    """
    arrays: list[PageArray] = []
    text, generator = map(decomposed, graphs.of_one_caption())
    return (
        Steps(LOWERED, arrays).lower(text, TEXT_INPUTS, TEXT_OUTPUTS),
        Steps(LOWERED, arrays).lower(generator, graphs.inputs, graphs.outputs),
        arrays,
    )


def described(graphs: Graphs, generator: PageProgram) -> dict[str, Any]:
    """What the scripts have to know besides programs and weights."""
    pipeline, sampler = graphs.pipeline, graphs.sampler
    shapes = {name: shape for name, _, shape in generator["outputs"]}
    sizes = pipeline.generator.image_sizes
    tokenizer = pipeline.parts.tokenizer
    return {
        "words": graphs.words,
        "noise": {
            "width": pipeline.generator.noise,
            "truncation": sampler.truncation,
            "scale": sampler.scale,
        },
        "draws": [math.prod(shape) for shape in graphs.draw_shapes],
        "absent": [{"name": name, "count": math.prod(pipeline.parts.extras[name])} for name in graphs.extras],
        "images": [{"name": f"image_{size}", "side": size} for size in sizes],
        "attention": [
            {"name": name, "height": shape[2], "width": shape[3]}
            for name, shape in shapes.items()
            if name.startswith("attention_")
        ],
        "limits": LIMITS,
        "run": {
            "name": pipeline.run.path.resolve().name,
            "summary": pipeline.recipe.summary,
            "checkpoint": pipeline.checkpoint.folder.name,
            "checkpoints": [pipeline.checkpoint.folder.name],
            "extras": {},
            "optional": [],
            "searches": False,
            "examples": check_captions(graphs)[:MAX_EXAMPLES],
            "words": list(tokenizer.known_words[:MAX_WORDS]) if isinstance(tokenizer, ListsWords) else [],
        },
    }


def store_weights(pipeline: Pipeline, precision: Precision) -> None:
    """Change the networks of a pipeline to what a page computes with."""
    for network in (pipeline.parts.text, pipeline.generator):
        module = cast("nn.Module", network)
        with torch.no_grad():
            for array in (*module.parameters(), *module.buffers()):
                array.copy_(as_stored(array, precision))


def check(graphs: Graphs, caption: str, image: UInt8[np.ndarray, "h w 3"]) -> dict[str, Any]:
    """What a browser is checked with: ids of captions, and pixels of an image with the weights of the page.

    Args:
        graphs: The graphs.
        caption: A caption that the page can read.
        image: What the run generates of it, with the weights of the page.
    """
    tokenizer = graphs.pipeline.parts.tokenizer
    pixels = image.reshape(-1, 3)
    every = max(1, len(pixels) // CHECK_PIXELS)
    return {
        "tokens": [
            {"caption": text, "ids": tokenizer.encode(text)} for text in sample_captions(graphs.pipeline)
        ],
        "caption": caption,
        "seed": CHECK_SEED,
        "every": every,
        "bytes": pixels[::every].reshape(-1).tolist(),
    }


def check_captions(graphs: Graphs) -> list[str]:
    """Captions that the page can read, at least one."""
    tokenizer = graphs.pipeline.parts.tokenizer
    captions = [
        text for text in sample_captions(graphs.pipeline) if 0 < len(tokenizer.encode(text)) <= graphs.words
    ]
    if captions:
        return captions
    words: Sequence[str] = tokenizer.known_words if isinstance(tokenizer, ListsWords) else ()
    return [" ".join(words[: min(3, graphs.words)]) or "a"]


def page_data(
    graphs: Graphs, text: PageProgram, generator: PageProgram, others: Mapping[str, Any]
) -> dict[str, Any]:
    """All that the scripts read."""
    return {**described(graphs, generator), "text": text, "generator": generator, **others}
