"""Generates images from captions, with an attention map for every word."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import cast

import numpy as np
import torch
from jaxtyping import Float, Float32, UInt8
from torch import Tensor, nn

from attnforge.build.parts import Parts
from attnforge.data.encoding import encode_captions, refuse_unknown
from attnforge.interfaces import Generator, GeneratorOutput, Prompt, Sampler, TextEncoder, Tokenizer
from attnforge.sampling.generated import GeneratedImage
from attnforge.sampling.noise import NoiseSampler
from attnforge.sampling.region_maps import RegionMaps
from attnforge.sampling.seeded_draws import SeededDraws
from attnforge.sampling.walking import TurningDraws, Walk, between, words_between
from attnforge.seeds import derive_seed


def sampler_of(parts: Parts, generator: nn.Module) -> Sampler:
    """What asks a generator for images, as the recipe says; it is put into evaluation mode."""
    network = cast("Generator", generator.eval())
    return parts.sampler(network) or NoiseSampler(parts.sampler_spec(network))


def generate_each(
    text: TextEncoder,
    sampler: Sampler,
    tokenizer: Tokenizer,
    captions: Sequence[str],
    *,
    count: int = 1,
    seed: int = 1,
    attention: bool = False,
    regions: RegionMaps | None = None,
    extras: Mapping[str, Float[Tensor, "b *shape"]] | None = None,
    device: torch.device,
) -> Iterator[GeneratedImage]:
    """Generate `count` images of every caption, one after another, in the order of the captions.

    Image `index` of a caption depends only on the caption, the seed and the index: not on the other captions,
    nor on how many are generated. So each is generated in a batch of one, in evaluation mode.

    Args:
        text: The run's text encoder.
        sampler: Asks the generator; see `sampler_of`.
        tokenizer: The text encoder's tokenizer.
        captions: What the images show.
        count: Images of each caption.
        seed: Seed of the noise.
        attention: Whether to return the maps of the stages with attention.
        regions: If given, each image also has the attention of its words over regions of the largest image.
        extras: What else the images of each caption are to show, by name: one row a caption.
        device: Where the networks live.

    Raises:
        AttnforgeError: captions have no word that the vocabulary knows; all of them are named.
    """
    refuse_unknown(tokenizer, captions)  # here, so that it raises before the iteration starts
    rows = extras or {}
    return _each(text, sampler, tokenizer, captions, count, seed, attention, regions, rows, device)


@torch.no_grad()
def generate_batch(
    text: TextEncoder,
    sampler: Sampler,
    tokenizer: Tokenizer,
    captions: Sequence[str],
    *,
    positions: Sequence[int],
    seed: int,
    extras: Mapping[str, Float[Tensor, "b *shape"]] | None = None,
    device: torch.device,
) -> Float[Tensor, "b 3 h w"]:
    """The largest image of each caption, all in one batch, in [-1, 1]; for evaluation.

    An image depends only on its caption, the seed and its position, not on the others of its batch.

    Args:
        text: The run's text encoder.
        sampler: Asks the generator; see `sampler_of`.
        tokenizer: The text encoder's tokenizer.
        captions: What the images show.
        positions: The position of each caption among all that are measured.
        seed: Seed of the noise.
        extras: What else each image is to show, by name.
        device: Where the networks live.

    Raises:
        AttnforgeError: a caption has no word that the vocabulary knows.
    """
    prompt = encode_captions(text, tokenizer, captions, device=device, extras=extras)
    seeds = [derive_seed(seed, "noise", position) for position in positions]
    return generate_rows(sampler, prompt, seed=seed, seeds=seeds)


def generate_rows(
    sampler: Sampler, prompt: Prompt, *, seed: int, seeds: Sequence[int]
) -> Float[Tensor, "b 3 h w"]:
    """The largest image of each row of a prompt, in one batch; its random numbers come from the row's seed.

    Args:
        sampler: Asks the generator; see `sampler_of`.
        prompt: The encoded captions.
        seed: Seed of random numbers that a batch shares.
        seeds: Seeds of the rows.
    """
    draws = SeededDraws(derive_seed(seed, "noise"), rows=seeds)
    return _generate(sampler, prompt, draws=draws, attention=False).images[-1]


def to_bytes(images: Float[Tensor, "b 3 h w"]) -> UInt8[np.ndarray, "b h w 3"]:
    """Images in [-1, 1] as bytes, rounded to the nearest (the official code truncates)."""
    scaled = ((images.float() + 1) * 127.5).round().clamp(0, 255).to(torch.uint8)
    return scaled.permute(0, 2, 3, 1).cpu().numpy()


def generate_walk(
    text: TextEncoder,
    sampler: Sampler,
    tokenizer: Tokenizer,
    walk: Walk,
    *,
    extras: Mapping[str, Float[Tensor, "1 *shape"]] | None = None,
    device: torch.device,
) -> Iterator[GeneratedImage]:
    """Generate the images of a walk, one after another; those at its ends are as from `generate_each`.

    Args:
        text: The run's text encoder.
        sampler: Asks the generator; see `sampler_of`.
        tokenizer: The text encoder's tokenizer.
        walk: The captions, seeds and number of images.
        extras: What else the images are to show, by name.
        device: Where the networks live.

    Raises:
        AttnforgeError: a caption has no word that the vocabulary knows.
    """
    refuse_unknown(tokenizer, [walk.first, walk.last])
    return _walk(text, sampler, tokenizer, walk, extras or {}, device)


@torch.no_grad()
def _walk(
    text: TextEncoder,
    sampler: Sampler,
    tokenizer: Tokenizer,
    walk: Walk,
    extras: Mapping[str, Tensor],
    device: torch.device,
) -> Iterator[GeneratedImage]:
    first, last = (
        encode_captions(text, tokenizer, [caption], device=device, extras=extras)
        for caption in (walk.first, walk.last)
    )
    tokens = [tuple(tokenizer.tokens(caption)) for caption in (walk.first, walk.last)]
    seeds = [derive_seed(seed, 0) for seed in (walk.first_seed, walk.last_seed)]
    for share in walk.shares():
        near = walk.first_seed if share < 0.5 else walk.last_seed
        turning = seeds[0] != seeds[1] and share not in (0, 1)
        draws = TurningDraws(seeds[0], seeds[1], share) if turning else SeededDraws(derive_seed(near, 0))
        output = _generate(sampler, between(first, last, share), draws=draws, attention=True)
        words = words_between(tokens[0], tokens[1], share)
        yield _generated(output, walk.caption(share), words, seed=near, index=0, extras=extras)


@torch.no_grad()
def _each(
    text: TextEncoder,
    sampler: Sampler,
    tokenizer: Tokenizer,
    captions: Sequence[str],
    count: int,
    seed: int,
    attention: bool,
    regions: RegionMaps | None,
    extras: Mapping[str, Tensor],
    device: torch.device,
) -> Iterator[GeneratedImage]:
    for row, caption in enumerate(captions):
        own = {name: value[row : row + 1] for name, value in extras.items()}
        prompt = encode_captions(text, tokenizer, [caption], device=device, extras=own)
        for index in range(count):
            draws = SeededDraws(derive_seed(seed, index))
            output = _generate(sampler, prompt, draws=draws, attention=attention)
            region_maps = None if regions is None else regions(prompt, output.images[-1])
            words = tuple(tokenizer.tokens(caption))
            yield _generated(output, caption, words, seed=seed, index=index, extras=own, regions=region_maps)


def _generated(
    output: GeneratorOutput,
    caption: str,
    words: tuple[str, ...],
    *,
    seed: int,
    index: int,
    extras: Mapping[str, Tensor],
    regions: Float[Tensor, "1 l _ _"] | None = None,
) -> GeneratedImage:
    """The only image of a batch, with what is known of it."""
    return GeneratedImage(
        caption=caption,
        words=words,
        seed=seed,
        index=index,
        images=tuple(to_bytes(images)[0] for images in output.images),
        attention=tuple(maps[0].float().cpu().numpy() for maps in output.attention),
        extras=_shown_extras(extras, output),
        regions=None if regions is None else regions[0].float().cpu().numpy(),
        steps={number: to_bytes(images)[0] for number, images in output.steps.items()},
    )


def _shown_extras(
    own: Mapping[str, Float[Tensor, "1 *shape"]], output: GeneratorOutput
) -> dict[str, Float32[np.ndarray, "*shape"]]:
    """What an image shows besides its caption: what was given, completed by the generator."""
    return {name: value[0].float().cpu().numpy() for name, value in {**own, **output.extras}.items()}


def _generate(sampler: Sampler, prompt: Prompt, *, draws: SeededDraws, attention: bool) -> GeneratorOutput:
    with draws:  # for the noise and for conditioning augmentation in the generator
        return sampler(prompt, return_attention=attention)
