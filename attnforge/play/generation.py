"""From requests to images: with the methods that Python, `attnforge sample` and `attnforge edit` use."""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from functools import partial
from typing import TypedDict

import numpy as np
from jaxtyping import UInt8
from PIL import Image

from attnforge.play.requests import GenerateRequest, ImagesRequest, WalkRequest
from attnforge.play.runs import PlayedRuns
from attnforge.report.images import Sample, embed
from attnforge.sampling.generated import GeneratedImage
from attnforge.sampling.noise import NoiseSampler
from attnforge.sampling.pipeline import Pipeline
from attnforge.sampling.swapping import swapped_captions
from attnforge.sampling.walking import Walk

ANIMATION_SIDE = 256
"""Side in pixels up to which frames of an animation are enlarged."""
FRAME_MILLISECONDS = 120


class PlacedImage(TypedDict):
    """One image of an answer, and where the page shows it."""

    row: int
    """The number of its caption: 0 for the original, then one for each swap."""
    column: int
    """The number of its noise, or of its step of a walk."""
    sample: Sample


def pipeline_of(runs: PlayedRuns, request: GenerateRequest) -> Pipeline:
    """The pipeline that a request asks for, with the request's way of sampling.

    Raises:
        RunError: there is no such run or checkpoint.
    """
    pipeline = runs.pipeline(request.run, request.checkpoint)
    options = request.sampling
    if options is None:
        return pipeline
    sampler = partial(NoiseSampler, truncation=options.truncation, scale=options.scale)
    return pipeline.with_sampling(sampler)


def generate_images(runs: PlayedRuns, request: ImagesRequest) -> Iterator[PlacedImage]:
    """The images of a request, caption by caption, for all noises each.

    Raises:
        AttnforgeError: a caption has no known word, a swap cannot be made, or an extra is missing.
    """
    pipeline = pipeline_of(runs, request)
    captions = swapped_captions(request.caption, request.swaps, pipeline.parts.tokenizer)
    for row, caption in enumerate(captions):
        for column, seed in enumerate(request.noises):
            images = pipeline.generate([caption], seed=seed, attention=True, extras=request.extras)
            yield PlacedImage(row=row, column=column, sample=embed(images[0]))


def generate_walk(runs: PlayedRuns, request: WalkRequest) -> Iterator[PlacedImage]:
    """The images of a walk, in order.

    Raises:
        AttnforgeError: a caption has no known word, or an extra is missing.
    """
    for column, image in enumerate(_walked(runs, request)):
        yield PlacedImage(row=0, column=column, sample=embed(image))


def animate_walk(runs: PlayedRuns, request: WalkRequest) -> Iterator[bytes]:
    """A GIF of a walk there and back, as the only result.

    Raises:
        AttnforgeError: a caption has no known word, or an extra is missing.
    """
    yield animation([image.images[-1] for image in _walked(runs, request)])


def animation(images: Sequence[UInt8[np.ndarray, "h w 3"]]) -> bytes:
    """A GIF that shows images in order and then in reverse, for ever."""
    frames = [_frame(image) for image in images]
    frames += frames[-2:0:-1]
    stream = io.BytesIO()
    frames[0].save(
        stream, format="GIF", save_all=True, append_images=frames[1:], duration=FRAME_MILLISECONDS, loop=0
    )
    return stream.getvalue()


def _walked(runs: PlayedRuns, request: WalkRequest) -> Iterator[GeneratedImage]:
    (first, last), (first_seed, last_seed) = request.captions, request.noises
    walk = Walk(first=first, last=last, first_seed=first_seed, last_seed=last_seed, steps=request.steps)
    return pipeline_of(runs, request).walk(walk, extras=request.extras)


def _frame(image: UInt8[np.ndarray, "h w 3"]) -> Image.Image:
    frame = Image.fromarray(image)
    factor = max(1, ANIMATION_SIDE // max(frame.size))
    return frame.resize((frame.width * factor, frame.height * factor), Image.Resampling.NEAREST)
