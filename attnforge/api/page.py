"""Generated images as HTML without scripts: notebooks run none that they do not trust."""

from __future__ import annotations

import base64
import html
import io
from collections.abc import Sequence

import numpy as np
from PIL import Image

from attnforge.sampling.generated import GeneratedImage
from attnforge.sheets.figure import FigureRow, region_row, stage_row

MAX_IMAGES = 64
"""Images that are shown; the others are counted."""
SMALLEST_SIDE = 160
MAP_SIDE = 64
"""Side in pixels up to which maps are embedded; the browser enlarges them smoothly."""
DARK = 0.16
"""Brightness of an image where a word was not attended to."""

STYLE = """
.attnforge{display:flex;flex-wrap:wrap;gap:12px;margin:4px 0}
.attnforge>div{position:relative;margin:0;width:min-content}
.attnforge>div>img{display:block}
.attnforge>div>div{font:13px/1.35 sans-serif;overflow-wrap:anywhere}
.attnforge [tabindex]{cursor:pointer;border-bottom:1px dotted currentColor}
.attnforge [tabindex]>img{position:absolute;left:0;top:0;visibility:hidden;pointer-events:none}
.attnforge [tabindex]:hover>img,.attnforge [tabindex]:focus>img{visibility:visible}
""".replace("\n", "")


def section(rows: Sequence[tuple[str, str]]) -> str:
    """Rows of figures, each with a heading or an empty one."""
    parts = [f"<style>{STYLE}</style>"]
    for heading, content in rows:
        parts += [f"<div><b>{html.escape(heading)}</b></div>"] if heading else []
        parts += [f'<div class="attnforge">{content}</div>']
    # half characters, which Python keeps of a caption in another encoding, can be neither shown nor saved
    return "".join(parts).encode(errors="replace").decode()


def document(content: str) -> str:
    """A page of its own."""
    head = '<!doctype html><html lang="en"><meta charset="utf-8"><title>Generated images</title>'
    scheme = '<meta name="color-scheme" content="light dark">'
    return f"{head}{scheme}<body>{content}</body></html>\n"


def figures(samples: Sequence[GeneratedImage]) -> str:
    """A figure for each image; a word under the pointer or the focus shows where it was attended to."""
    omitted = len(samples) - MAX_IMAGES
    shown = "".join(_figure(sample) for sample in samples[:MAX_IMAGES])
    return f"{shown}<p>and {omitted:,} more</p>" if omitted > 0 else shown


def _figure(sample: GeneratedImage) -> str:
    size = sample.images[-1].shape[1]
    side = size * -(-SMALLEST_SIDE // size)
    caption = html.escape(sample.caption)
    crisp = "image-rendering:pixelated;" if side > size else ""
    image = f'<img src="{_png(sample.image)}" alt="{caption}" style="{crisp}width:{side}px;height:{side}px">'
    return f'<div role="group">{image}<div>{_words(sample, side) or caption}</div></div>'


def _words(sample: GeneratedImage, side: int) -> str:
    """The words that the generator read, each with its map; empty without maps."""
    row = _last_row(sample)
    if row is None:
        return ""
    largest = max(row.uniform, float(row.maps.max(initial=0)))
    size = f"width:{side}px;height:{side}px"
    words = [
        f'<span tabindex="0">{html.escape(word)}'
        f'<img src="{_png(_shade(shares))}" alt="" style="{size}"></span>'
        for word, shares in zip(sample.words, row.maps / largest, strict=True)
    ]
    return " ".join(words)


def _last_row(sample: GeneratedImage) -> FigureRow | None:
    """The maps of the last stage with attention or, without one, of the matching's regions."""
    if sample.attention:
        return stage_row(sample.images[-1], sample.attention[-1])
    return None if sample.regions is None else region_row(sample.images[-1], sample.regions)


def _shade(shares: np.ndarray) -> Image.Image:
    """A black image, transparent where a word has the largest share, to lie over the generated one."""
    opacity = Image.fromarray(np.asarray(255 * (1 - DARK) * (1 - shares), dtype=np.uint8))
    opacity.thumbnail((MAP_SIDE, MAP_SIDE))
    return Image.merge("LA", (Image.new("L", opacity.size), opacity))


def _png(image: Image.Image) -> str:
    stream = io.BytesIO()
    image.save(stream, format="PNG")
    return f"data:image/png;base64,{base64.b64encode(stream.getvalue()).decode()}"
