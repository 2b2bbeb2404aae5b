"""Every component of attnforge-clip keeps the promises of its kind, with the tiny CLIP."""

from __future__ import annotations

from pathlib import Path

import attnforge_clip.plugin as clip_plugin
from tiny_clip import PROJECTED, options, vocabulary

from attnforge.plugin import load_plugins
from attnforge.specs import ImageSpec, TextSpec
from attnforge.testing import conformance

PLUGINS = load_plugins(extra=[("clip", clip_plugin)])


def text_spec() -> TextSpec:
    return TextSpec(vocabulary_size=len(vocabulary()[0]) + 1)


def with_its_tokenizer(folder: Path) -> dict[str, object]:
    """The sections without which the text encoder is refused."""
    return {"tokenizer": {"use": "clip", **options(folder)}}


TestTokenizer = conformance("tokenizer/clip", options=options, plugins=PLUGINS)
TestTextEncoder = conformance(
    "text-encoder/clip",
    options=options,
    spec=text_spec,
    recipe=with_its_tokenizer,
    plugins=PLUGINS,
)
TestImageEncoder = conformance(
    "image-encoder/clip", options=options, spec=ImageSpec(dim=PROJECTED, image_size=64), plugins=PLUGINS
)
TestImageEncoderOfAnotherWidth = conformance(
    "image-encoder/clip",
    options=options,
    spec=ImageSpec(dim=5, image_size=16),
    plugins=PLUGINS,
    skip={"compile": "TestImageEncoder compiles the same network"},
)


def weights_alone(folder: Path) -> dict[str, object]:
    return {"weights": options(folder)["weights"]}


TestFeatureNetwork = conformance("feature-network/clip", options=weights_alone, plugins=PLUGINS)
TestScore = conformance("metric/clip-score", options=weights_alone, plugins=PLUGINS)
TestPrecision = conformance("metric/clip-r-precision", options=weights_alone, plugins=PLUGINS)
