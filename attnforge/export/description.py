"""What exported graphs expect and return, as JSON beside them, with the table of tokens."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from attnforge import __version__
from attnforge.export.graphs import Graphs, sample_captions
from attnforge.interfaces import Tokenizer
from attnforge.storage.alone import not_written
from attnforge.storage.folder import write_text

MODEL = "model.json"
TOKENS = "tokens.json"


def write_description(
    graphs: Graphs, folder: Path, *, text: Mapping[str, Any], generator: Mapping[str, Any]
) -> None:
    """Write `model.json` and `tokens.json`.

    Args:
        graphs: The graphs.
        folder: Where their files are.
        text: The file of the text encoder and its differences, or the reason why there is none.
        generator: The file of the generator and its differences.

    Raises:
        RunError: the folder cannot be written.
    """
    pipeline = graphs.pipeline
    sampler = graphs.sampler
    data = {
        "attnforge": __version__,
        "run": pipeline.run.path.name,
        "checkpoint": pipeline.checkpoint.folder.name,
        "weights": pipeline.checkpoint.digest,
        "vocabulary": pipeline.checkpoint.fingerprint,
        "words": graphs.words,
        "text": dict(text),
        "generator": dict(generator),
        "inputs": {
            "tokens": f"int64, batch x {graphs.words}: ids of {TOKENS}, 0 behind the caption",
            "lengths": "int64, batch: the ids of each caption",
            "noise": {
                "values": f"float32, batch x {pipeline.generator.noise}: normal numbers",
                "truncation": sampler.truncation,
                "scale": sampler.scale,
            },
            "words, sentence, padding": "the outputs of the text encoder",
            **{
                f"draw_{number}": f"float32, batch x {' x '.join(map(str, shape))}: normal numbers"
                for number, shape in enumerate(graphs.draw_shapes)
            },
            **{name: f"float32, batch x {list(pipeline.parts.extras[name])}" for name in graphs.extras},
        },
        "outputs": {
            "image_SIZE": "float32, batch x 3 x SIZE x SIZE: RGB in [-1, 1], of each stage",
            "attention_STAGE": "float32, batch x words x rows x columns: sums to one over words",
        },
    }
    try:
        write_text(folder / MODEL, json.dumps(data, indent=1, ensure_ascii=False) + "\n")
        write_text(folder / TOKENS, json.dumps(_tokens(graphs), indent=1, ensure_ascii=False) + "\n")
    except OSError as error:
        raise not_written(folder, error) from error


def _tokens(graphs: Graphs) -> dict[str, Any]:
    """The id of each token, and examples by which another tokenizer can be checked."""
    tokenizer = graphs.pipeline.parts.tokenizer
    return {
        "tokenizer": type(tokenizer).__name__,
        "rule": (type(tokenizer).__doc__ or "").partition("\n\n")[0],
        "ids": ids_of(tokenizer),
        "state": tokenizer.state(),
        "examples": [
            {"caption": caption, "tokens": tokenizer.tokens(caption), "ids": tokenizer.encode(caption)}
            for caption in sample_captions(graphs.pipeline)
        ],
    }


def ids_of(tokenizer: Tokenizer) -> dict[str, int]:
    """The id of every text in the state that is a token of its own; empty where there are none."""
    ids = {}
    for text in _texts(tokenizer.state()):
        if tokenizer.tokens(text) == [text]:
            (ids[text],) = tokenizer.encode(text)
    return ids


def _texts(value: object) -> Iterator[str]:
    match value:
        case str():
            yield value
        case Mapping():
            for key, item in value.items():
                yield from _texts(key)
                yield from _texts(item)
        case list() | tuple():
            for item in value:
                yield from _texts(item)
