"""The HTML of a page: that of `attnforge play`, with a worker inside that takes the place of the server."""

from __future__ import annotations

import html
from collections.abc import Mapping, Sequence
from importlib.resources import files
from typing import Any

from attnforge.sheets.inlined import embedded, filled, policy

Place = tuple[str, str, str]

REPORT, PLAY, OWN = (
    ("attnforge.report", "template"),
    ("attnforge.play", "page"),
    ("attnforge.export.web", "page"),
)
"""The package and folder of the files of reports, of `attnforge play`, and of this page alone."""
STYLES: tuple[Place, ...] = ((*REPORT, "report.css"), (*PLAY, "page.css"))
BEFORE: tuple[Place, ...] = (
    *((*REPORT, name) for name in ("dom.js", "maps.js")),
    *((*PLAY, name) for name in ("state.js", "questions.js")),
)
"""Scripts before the tokenizer's."""
AFTER: tuple[Place, ...] = (
    *((*OWN, name) for name in ("samples.js", "captions.js", "check.js", "service.js")),
    *((*PLAY, name) for name in ("words.js", "tiles.js", "detail.js", "views.js", "saving.js")),
    *((*PLAY, name) for name in ("controls.js", "extras.js", "page.js")),
)
ENGINE: tuple[Place, ...] = tuple(
    (*OWN, f"{name}.js")
    for name in ("tile", "matrices", "convolution", "operations", "program", "arrays", "random", "worker")
)
"""Scripts of the worker, which compute."""
SOURCES = {"script-src": "'wasm-unsafe-eval'", "worker-src": "blob:", "img-src": "data: blob:"}
"""What the page needs beyond its style and script: a worker made of its text, vectors, its own images."""


def render(title: str, *, data: Mapping[str, Any], weights: str, tokenizer: str) -> str:
    """The page, whose policy blocks all requests.

    Args:
        title: What stands above it.
        data: What the scripts read, as plain JSON.
        weights: The weights as a text.
        tokenizer: JavaScript that declares `makeTokenizer`.
    """
    style = joined(STYLES)
    script = "\n".join([joined(BEFORE), tokenizer, joined(AFTER)])
    rule = html.escape(policy(style=style, script=script, sources=SOURCES))
    texts = {"data": embedded(data), "weights": weights, "engine": joined(ENGINE)}
    kinds = {"data": "application/json", "weights": "text/plain", "engine": "text/plain"}
    hidden = [f'<script id="{name}" type="{kinds[name]}">{text}</script>' for name, text in texts.items()]
    meta = f'<meta http-equiv="Content-Security-Policy" content="{rule}">'
    referrer = '<meta name="referrer" content="no-referrer">'
    parts = {
        "title": html.escape(title.encode("utf-8", "replace").decode("utf-8")),
        "head": f"{meta}\n{referrer}\n<style>{style}</style>",
        "scripts": "\n".join([*hidden, f"<script>{script}</script>"]),
    }
    return filled(joined([(*PLAY, "page.html")]), parts)


def joined(places: Sequence[Place]) -> str:
    """The texts of files, one after another."""
    return "\n".join(
        (files(package) / folder / name).read_text(encoding="utf-8") for package, folder, name in places
    )
