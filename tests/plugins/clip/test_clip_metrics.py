"""CLIP score and CLIP R-precision: the formulas on transformers' own embeddings, with the tiny CLIP."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from attnforge_clip.features import ClipFeatures
from attnforge_clip.metrics import ClipPrecision, ClipScore
from measured_images import rows_of, values_of
from tiny_clip import SIZE
from torch import Tensor

from attnforge.evaluate.networks import Networks, Reference
from attnforge.evaluate.quantise import to_eight_bits
from attnforge.specs import ImageSpec, MetricSpec

WORDS = ["red", "blue", "black", "white"]
CAPTIONS = [f"a {first} bird, {second} wing" for first in WORDS for second in WORDS]


def spec(**parts: Any) -> MetricSpec:
    networks = Networks(Reference(None, torch.device("cpu")))
    return MetricSpec(
        **{"encode": None, "image": None, "tokenizer": None, "data": None, **parts}, features=networks
    )


def some_images(count: int = len(CAPTIONS)) -> Tensor:
    numbers = torch.Generator().manual_seed(1)
    return to_eight_bits(torch.rand(count, 3, SIZE, SIZE, generator=numbers) * 2 - 1)


@torch.no_grad()
def similarities(clip: Path, images: Tensor, captions: list[str]) -> Tensor:
    """Cosines of all pairs, by transformers alone."""
    from transformers import CLIPModel, CLIPTokenizer

    model: Any = CLIPModel.from_pretrained(clip, local_files_only=True).eval()
    tokens = CLIPTokenizer.from_pretrained(clip, local_files_only=True)(
        captions, return_tensors="pt", padding=True
    )
    prepared = ClipFeatures(weights=str(clip)).encoder.prepare(images)
    outputs = model(pixel_values=prepared, **tokens)
    return F.normalize(outputs.image_embeds, dim=1) @ F.normalize(outputs.text_embeds, dim=1).T


def test_the_score_is_2_5_times_the_mean_of_cosines_above_0(clip: Path) -> None:
    images = some_images()
    metric = ClipScore(spec(), weights=str(clip))
    values = values_of(metric, images, CAPTIONS)
    cosines = similarities(clip, images, CAPTIONS).diagonal()
    assert values[metric.name] == pytest.approx(float(2.5 * cosines.clamp(min=0).mean()), abs=1e-5)
    assert values[f"{metric.name} cosine"] == pytest.approx(float(cosines.mean()), abs=1e-5)
    assert metric.name.startswith("CLIP score (clip, ")
    # of images that are the opposite of what they should be, none counts for less than nothing
    rows = rows_of(metric, images, CAPTIONS)
    opposite = metric.compute({name: -row for name, row in rows.items()}, CAPTIONS)
    assert opposite[metric.name] == 0
    assert opposite[f"{metric.name} cosine"] == pytest.approx(-float(cosines.mean()), abs=1e-5)
    (each,) = metric.per_image(rows, CAPTIONS).values()
    assert float(each[:, 0].sum() / each[:, 1].sum()) == pytest.approx(values[metric.name])
    assert f"{metric.name} note" not in values


def test_captions_beyond_the_places_of_clip_are_noted(clip: Path) -> None:
    metric = ClipScore(spec(), weights=str(clip))
    captions = ["a red bird " * 10, *CAPTIONS[1:]]
    assert values_of(metric, some_images(), captions)[f"{metric.name} note"].startswith(
        "the ends of 1 captions"
    )


def test_precision_is_the_share_of_images_nearest_to_their_captions(clip: Path) -> None:
    images = some_images()
    metric = ClipPrecision(spec(), weights=str(clip), candidates=len(CAPTIONS))
    values = values_of(metric, images, CAPTIONS)
    cosines = similarities(clip, images, CAPTIONS)
    own = cosines.diagonal()
    hits = ((cosines >= own[:, None]).sum(dim=1) == 1).double()
    assert values[metric.name] == pytest.approx(float(hits.mean()))
    assert values[f"{metric.name} chance"] == 1 / len(CAPTIONS)
    # images that are their captions' vectors find them all
    own_vectors = metric.encoders.sentences(CAPTIONS)
    rows = {metric.encoders.row: own_vectors.vectors[own_vectors.ids]}
    assert metric.compute(rows, CAPTIONS)[metric.name] == 1


def test_a_clip_that_trained_the_generator_is_named(clip: Path) -> None:
    """Its image encoder and that of the recipe have the same weights."""
    from attnforge_clip.image import ClipImageEncoder

    own = ClipImageEncoder(ImageSpec(dim=12, image_size=64), weights=str(clip))
    metric = ClipScore(spec(image=own), weights=str(clip))
    assert values_of(metric, some_images(), CAPTIONS)[f"{metric.name} note"].startswith(
        "same-encoders: the image"
    )


def test_metrics_of_one_clip_share_a_pass(clip: Path) -> None:
    shared = spec()
    score, precision = (metric(shared, weights=str(clip)) for metric in (ClipScore, ClipPrecision))
    assert score.extractors().keys() == precision.extractors().keys()
    assert score.encoders.image is precision.encoders.image
