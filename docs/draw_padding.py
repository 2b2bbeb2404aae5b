"""Renders docs/images/padding.png from a trained run: a caption alone, and in a batch with either mask.

    attnforge quickstart --out runs/quickstart
    python docs/draw_padding.py runs/quickstart docs/images/padding.png

Run it again when attention or the quickstart changes.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import numpy as np
import torch
from attnforge_attngan.attention import WordAttention
from jaxtyping import Float, UInt8
from PIL import Image, ImageDraw, ImageFont
from torch import nn

from attnforge.data.encoding import encode_captions
from attnforge.sampling.generating import to_bytes
from attnforge.sampling.pipeline import Pipeline

SHOWN = "a big white bird with a yellow cap a blue breast and green wings"
SHORTER = "this bird is blue with a red crown and blue wings"
LONGER = "this yellow bird has a very tiny beak and its belly is purple and its crown is white"
FIRST_SLOT = 9
"""The first slot that is shown: the mask of a shorter caption hides only the end of a longer one."""
TILE, GAP, LEFT, LINE = 64, 6, 82, 20
"""Pixels: side of a map and of the image, between maps, before the maps, and of a line of text."""
WORD, PADDING = (150, 235, 255), (255, 140, 30)
"""Colours of the full weight on a word and on a padded slot."""


@dataclass(frozen=True)
class AttentionView:
    """A generated image with the last stage's attention, one map per slot of the batch."""

    title: str
    image: UInt8[np.ndarray, "h w 3"]
    maps: Float[np.ndarray, "l h w"]
    words: int
    """Slots with a word; the others are padding."""

    @property
    def on_padding(self) -> float:
        """Share of all attention that padding gets, in [0, 1]."""
        return float(self.maps[self.words :].sum() / self.maps.sum())

    @property
    def pixels_missing_a_word(self) -> float:
        """Share of the pixels from which a true word is hidden, in [0, 1]."""
        return float((self.maps[: self.words] == 0).any(axis=0).mean())


@torch.inference_mode()
def attention_view(
    pipeline: Pipeline, captions: Sequence[str], index: int, *, mask: str, title: str
) -> AttentionView:
    """Generate all captions in one batch and return the one at `index`, whose noise is always the same.

    Args:
        pipeline: The run to generate with.
        captions: The batch.
        index: The caption to return.
        mask: The mask of every word attention, `per-caption` or `official`.
        title: The text above the maps.
    """
    generator = cast("nn.Module", pipeline.generator).eval()
    for block in (module for module in generator.modules() if isinstance(module, WordAttention)):
        block.mask = mask  # type: ignore[assignment]
    text = encode_captions(
        pipeline.parts.text, pipeline.parts.tokenizer, captions, device=torch.device("cpu")
    )
    noise = torch.randn(1, pipeline.generator.noise, generator=torch.Generator().manual_seed(2))
    output = pipeline.generator(noise.expand(len(captions), -1), text, return_attention=True)
    return AttentionView(
        title=title,
        image=to_bytes(output.images[-1])[index],
        maps=output.attention[-1][index].numpy(),
        words=int(text.lengths[index]),
    )


def three_views(pipeline: Pipeline) -> list[AttentionView]:
    """The caption alone, and between a shorter and a longer one with either mask."""
    batch = [SHORTER, SHOWN, LONGER]
    own = "in a batch of three, mask: per-caption"
    return [
        attention_view(pipeline, [SHOWN], 0, mask="per-caption", title="alone"),
        attention_view(pipeline, batch, 1, mask="per-caption", title=own),
        attention_view(pipeline, batch, 1, mask="official", title="in the same batch, mask: official"),
    ]


def sheet(views: Sequence[AttentionView], words: Sequence[str]) -> Image.Image:
    """One row per view: the image, then a map for each slot from `FIRST_SLOT` on."""
    slots = range(FIRST_SLOT, max(len(view.maps) for view in views))
    brightest = max(float(view.maps[FIRST_SLOT:].max()) for view in views)
    height = LINE + TILE + GAP
    page = Image.new("RGB", (LEFT + len(slots) * (TILE + GAP), LINE + len(views) * height), "white")
    pen = ImageDraw.Draw(page)
    font = ImageFont.load_default(13)
    for slot in slots:
        label = words[slot] if slot < len(words) else "padding"
        pen.text((_left(slot) + TILE / 2, LINE / 2), label, "black", font=font, anchor="mm")
    for row, view in enumerate(views):
        top = LINE + row * height
        label = f"{view.title}: {view.on_padding:.0%} of the attention lies on padding"
        label += f", {view.pixels_missing_a_word:.0%} of the pixels miss a word"
        pen.text((GAP, top + LINE / 2), label, "black", font=font, anchor="lm")
        page.paste(_tile(view.image), (GAP, top + LINE))
        for slot, weights in enumerate(view.maps):
            colour = np.array(WORD if slot < view.words else PADDING)
            lit = np.sqrt(weights / brightest).clip(0, 1)[..., None] * colour  # a root shows small weights
            if slot in slots:
                page.paste(_tile(lit.round().astype(np.uint8)), (_left(slot), top + LINE))
    return page


def _left(slot: int) -> int:
    return LEFT + (slot - FIRST_SLOT) * (TILE + GAP)


def _tile(pixels: UInt8[np.ndarray, "h w 3"]) -> Image.Image:
    return Image.fromarray(pixels).resize((TILE, TILE), Image.Resampling.NEAREST)


def main(run: str, path: str) -> None:
    """Write the image."""
    pipeline = Pipeline.load(Path(run), device="cpu")
    views = three_views(pipeline)
    for view in views:
        print(f"{view.title}: {view.on_padding:.3f} on padding, {view.pixels_missing_a_word:.3f} miss a word")
    page = sheet(views, pipeline.parts.tokenizer.tokens(SHOWN))
    page.quantize(255, dither=Image.Dither.NONE).save(path, optimize=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
