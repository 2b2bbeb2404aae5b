"""Captions to images, with an attention map for every word."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import torch
from jaxtyping import Float, UInt8
from torch import Tensor, nn

from attnforge.data.encoding import encode_captions, refuse_unknown
from attnforge.interfaces import Generator, GeneratorOutput, TextEncoder, TextFeatures, Tokenizer
from attnforge.run.drawing import Drawing
from attnforge.run.draws import SeededDraws
from attnforge.run.region_maps import RegionMaps
from attnforge.seeds import derive_seed


def draw(
    text: TextEncoder,
    generator: Generator,
    tokenizer: Tokenizer,
    captions: Sequence[str],
    *,
    count: int = 1,
    seed: int = 1,
    attention: bool = False,
    regions: RegionMaps | None = None,
    device: torch.device,
) -> list[Drawing]:
    """All drawings of `draw_each` at once."""
    return list(
        draw_each(
            text,
            generator,
            tokenizer,
            captions,
            count=count,
            seed=seed,
            attention=attention,
            regions=regions,
            device=device,
        )
    )


def draw_each(
    text: TextEncoder,
    generator: Generator,
    tokenizer: Tokenizer,
    captions: Sequence[str],
    *,
    count: int = 1,
    seed: int = 1,
    attention: bool = False,
    regions: RegionMaps | None = None,
    device: torch.device,
) -> Iterator[Drawing]:
    """Draw every caption `count` times, one drawing after another; those of the first caption come first.

    Drawing `index` of a caption depends on the caption, the seed and the index alone: not on the other
    captions, nor on how many are drawn. Each is therefore drawn by itself, in evaluation mode.

    Args:
        text: The run's text encoder.
        generator: Draws.
        tokenizer: The text encoder's tokenizer.
        captions: What to draw.
        count: How many images a caption.
        seed: Decides the noise.
        attention: Whether to keep the maps of the stages that attend.
        regions: When given, each drawing also has the regions that its words pick in its largest image.
        device: Where the networks live.

    Raises:
        AttnforgeError: captions have no word that the vocabulary knows; all of them are named.
    """
    refuse_unknown(tokenizer, captions)  # here, so that it is refused before the first is asked for
    return _each(text, generator, tokenizer, captions, count, seed, attention, regions, device)


@torch.inference_mode()
def generate(
    text: TextEncoder,
    generator: Generator,
    tokenizer: Tokenizer,
    captions: Sequence[str],
    *,
    positions: Sequence[int],
    seed: int,
    device: torch.device,
) -> Float[Tensor, "b 3 h w"]:
    """The largest image of each caption, all in one batch, in [-1, 1]: for measuring many.

    What is drawn for an image depends on the seed and its position alone, not on the others of its batch.

    Args:
        text: The run's text encoder.
        generator: Draws.
        tokenizer: The text encoder's tokenizer.
        captions: What to draw.
        positions: Where each caption stands among all that are measured.
        seed: Decides the noise.
        device: Where the networks live.

    Raises:
        AttnforgeError: a caption has no word that the vocabulary knows.
    """
    features = encode_captions(text, tokenizer, captions, device=device)
    rows = [derive_seed(seed, "noise", position) for position in positions]
    draws = SeededDraws(derive_seed(seed, "noise"), rows=rows)
    return _generate(generator, features, draws=draws, attention=False).images[-1]


def to_bytes(images: Float[Tensor, "b 3 h w"]) -> UInt8[np.ndarray, "b h w 3"]:
    """Images in [-1, 1] as bytes, rounded to the nearest (the official code cuts off)."""
    scaled = ((images.float() + 1) * 127.5).round().clamp(0, 255).to(torch.uint8)
    return scaled.permute(0, 2, 3, 1).cpu().numpy()


@torch.inference_mode()
def _each(
    text: TextEncoder,
    generator: Generator,
    tokenizer: Tokenizer,
    captions: Sequence[str],
    count: int,
    seed: int,
    attention: bool,
    regions: RegionMaps | None,
    device: torch.device,
) -> Iterator[Drawing]:
    for caption in captions:
        features = encode_captions(text, tokenizer, [caption], device=device)
        for index in range(count):
            draws = SeededDraws(derive_seed(seed, index))
            output = _generate(generator, features, draws=draws, attention=attention)
            found = None if regions is None else regions(features, output.images[-1])
            yield Drawing(
                caption=caption,
                words=tuple(tokenizer.tokens(caption)),
                seed=seed,
                index=index,
                images=tuple(to_bytes(images)[0] for images in output.images),
                attention=tuple(maps[0].float().cpu().numpy() for maps in output.attention),
                regions=None if found is None else found[0].float().cpu().numpy(),
            )


def _generate(
    generator: Generator, text: TextFeatures, *, draws: SeededDraws, attention: bool
) -> GeneratorOutput:
    if isinstance(generator, nn.Module):
        generator.eval()
    with draws:  # noise here, and conditioning augmentation in the generator
        noise = torch.randn(len(text.sentence), generator.noise, device="cpu").to(text.sentence.device)
        return generator(noise, text, return_attention=attention)
