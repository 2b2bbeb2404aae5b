"""CLIP's encoders give transformers' own embeddings, and the vectors that these are pooled from."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
from attnforge_clip.image import MEAN, ClipImageEncoder
from attnforge_clip.text import ClipTextEncoder
from attnforge_clip.tokenizer import ClipTokenizer
from PIL import Image
from tiny_clip import PATCH, PLACES, PROJECTED, SIZE, change_config, write_clip
from torch import Tensor

from attnforge.data.feeding.collate import pad
from attnforge.errors import RecipeError
from attnforge.specs import ImageSpec, TextSpec

CAPTIONS = ["a red bird", "blue", "a black and white bird, wing", "red"]


@pytest.fixture(scope="module")
def model(clip: Path) -> Any:
    from transformers import CLIPModel

    return CLIPModel.from_pretrained(clip, local_files_only=True).eval()


@pytest.fixture(scope="module")
def tokenizer(clip: Path) -> ClipTokenizer:
    return ClipTokenizer(weights=str(clip))


def text_encoder(folder: Path, tokenizer: ClipTokenizer, **options: Any) -> ClipTextEncoder:
    spec = TextSpec(vocabulary_size=tokenizer.vocabulary_size)
    return ClipTextEncoder(spec, weights=str(folder), **options)


def image_encoder(folder: Path, *, dim: int = PROJECTED, **options: Any) -> ClipImageEncoder:
    return ClipImageEncoder(ImageSpec(dim=dim, image_size=64), weights=str(folder), **options)


def some_images(size: int, count: int = 3) -> Tensor:
    return torch.rand(count, 3, size, size, generator=torch.Generator().manual_seed(size)) * 2 - 1


# ---------------------------------------------------------------------------------------------------
# Captions


@torch.no_grad()
def test_sentences_and_words_are_what_transformers_gives(
    clip: Path, model: Any, tokenizer: ClipTokenizer
) -> None:
    from transformers import CLIPTokenizer

    features = text_encoder(clip, tokenizer)(*pad([tokenizer.encode(caption) for caption in CAPTIONS]))
    theirs = CLIPTokenizer.from_pretrained(clip, local_files_only=True)
    for index, caption in enumerate(CAPTIONS):
        given = theirs(caption, return_tensors="pt")
        expected = model.text_model(**given)
        torch.testing.assert_close(
            features.sentence[index], model.text_projection(expected.pooler_output)[0], rtol=1e-4, atol=1e-5
        )
        words = model.text_projection(expected.last_hidden_state)[0, 1:-1].T
        count = words.shape[1]
        assert int(features.lengths[index]) == count
        torch.testing.assert_close(features.words[index, :, :count], words, rtol=1e-4, atol=1e-5)
        assert (features.words[index, :, count:] == 0).all()


@torch.no_grad()
def test_an_old_config_with_a_wrong_end_gives_the_same(
    clip: Path, tokenizer: ClipTokenizer, tmp_path: Path
) -> None:
    old = Path(shutil.copytree(clip, tmp_path / "old"))
    change_config(old, text_config__bos_token_id=0, text_config__eos_token_id=2)
    batch = pad([tokenizer.encode(caption) for caption in CAPTIONS])
    assert torch.equal(
        text_encoder(old, tokenizer)(*batch).sentence, text_encoder(clip, tokenizer)(*batch).sentence
    )


@torch.no_grad()
def test_a_caption_longer_than_clip_reads_is_cut_at_its_last_place(
    clip: Path, tokenizer: ClipTokenizer
) -> None:
    encoder = text_encoder(clip, tokenizer)
    ids = (tokenizer.encode("red blue black white bird") * PLACES)[: PLACES + 3]
    whole = encoder(torch.tensor([ids]), torch.tensor([len(ids)]))
    assert whole.words.shape == (1, PROJECTED, PLACES + 3)
    assert whole.padding[0].tolist() == [False] * (PLACES - 2) + [True] * 5
    cut = encoder(torch.tensor([ids[: PLACES - 2]]), torch.tensor([PLACES - 2]))
    torch.testing.assert_close(whole.sentence, cut.sentence)
    torch.testing.assert_close(whole.words[:, :, : PLACES - 2], cut.words)


@torch.no_grad()
def test_a_caption_without_pieces_disturbs_no_other(clip: Path, tokenizer: ClipTokenizer) -> None:
    encoder = text_encoder(clip, tokenizer)
    ids = tokenizer.encode("red bird")
    both = encoder(torch.tensor([ids, [0, 0]]), torch.tensor([2, 0]))
    assert both.sentence.isfinite().all()
    assert both.words.isfinite().all()
    torch.testing.assert_close(both.sentence[:1], encoder(torch.tensor([ids]), torch.tensor([2])).sentence)


def test_another_vocabulary_is_refused(clip: Path) -> None:
    with pytest.raises(RecipeError) as caught:
        ClipTextEncoder(TextSpec(vocabulary_size=100), weights=str(clip))
    [problem] = caught.value.problems
    assert problem.code == "clip-vocabulary"
    assert f"use: clip, weights: {clip}" in str(problem.expected)


# ---------------------------------------------------------------------------------------------------
# Images


@torch.no_grad()
def test_image_vectors_and_regions_are_what_transformers_gives(clip: Path, model: Any) -> None:
    encoder = image_encoder(clip)
    images = some_images(SIZE)
    features = encoder(images)
    seen = model.vision_model(pixel_values=encoder.prepare(images))
    torch.testing.assert_close(features.image, model.visual_projection(seen.pooler_output))
    patches = model.visual_projection(model.vision_model.post_layernorm(seen.last_hidden_state[:, 1:]))
    side = SIZE // PATCH
    assert features.regions.shape == (3, PROJECTED, side, side)
    for row, column in ((0, 0), (1, 2), (3, 3)):
        torch.testing.assert_close(features.regions[:, :, row, column], patches[:, row * side + column])


@pytest.mark.parametrize("size", [SIZE, 64, 40, 16])
def test_images_are_prepared_as_transformers_does(clip: Path, size: int) -> None:
    from transformers import CLIPImageProcessor

    processor = CLIPImageProcessor(
        size={"height": SIZE, "width": SIZE}, do_center_crop=False, image_mean=MEAN
    )
    levels = (some_images(size, 1)[0] * 40 + 128).round().clamp(0, 255).to(torch.uint8)
    expected = processor(Image.fromarray(levels.permute(1, 2, 0).numpy()), return_tensors="pt").pixel_values
    found = image_encoder(clip).prepare(levels[None].float() / 127.5 - 1)
    assert (found - expected).abs().max() < 0.02  # transformers rounds to grey levels, 0.015 apart


def test_a_folder_may_say_other_colours(clip: Path, tmp_path: Path) -> None:
    own = Path(shutil.copytree(clip, tmp_path / "own"))
    colours = {"image_mean": [0.5, 0.5, 0.5], "image_std": [0.25, 0.5, 1.0]}
    (own / "preprocessor_config.json").write_text(json.dumps(colours))
    white = image_encoder(own).prepare(torch.ones(1, 3, SIZE, SIZE))
    assert white[0, :, 0, 0].tolist() == pytest.approx([2.0, 1.0, 0.5])


def test_another_width_is_reached_by_layers_that_train(clip: Path) -> None:
    encoder = image_encoder(clip, dim=7)
    features = encoder(some_images(64))
    assert features.regions.shape == (3, 7, SIZE // PATCH, SIZE // PATCH)
    assert features.image.shape == (3, 7)
    trained = {name for name, weight in encoder.named_parameters() if weight.requires_grad}
    assert trained == {f"{part}_width.{what}" for part in ("region", "image") for what in ("weight", "bias")}


# ---------------------------------------------------------------------------------------------------
# Both


@pytest.mark.parametrize("frozen", [True, False])
def test_frozen_weights_stay_and_others_train(
    clip: Path, tokenizer: ClipTokenizer, tmp_path: Path, frozen: bool
) -> None:
    folder = Path(shutil.copytree(clip, tmp_path / "dropping"))
    for part in ("text_config", "vision_config"):
        change_config(folder, **{f"{part}__attention_dropout": 0.5})
    text = text_encoder(folder, tokenizer, frozen=frozen).train()
    image = image_encoder(folder, frozen=frozen).train()
    assert all(weight.requires_grad != frozen for net in (text, image) for weight in net.parameters())
    batch = pad([tokenizer.encode(caption) for caption in CAPTIONS])
    assert torch.equal(text(*batch).sentence, text(*batch).sentence) == frozen
    images = some_images(SIZE).requires_grad_()
    assert torch.equal(image(images).image, image(images).image) == frozen
    image(images).regions.square().sum().backward()
    assert images.grad is not None
    assert images.grad.abs().sum() > 0


def test_other_weights_give_other_vectors(clip: Path, tokenizer: ClipTokenizer, tmp_path: Path) -> None:
    other = write_clip(tmp_path / "other", seed=1)
    batch = pad([tokenizer.encode(caption) for caption in CAPTIONS])
    assert not torch.equal(
        text_encoder(clip, tokenizer)(*batch).sentence, text_encoder(other, tokenizer)(*batch).sentence
    )
    assert not torch.equal(
        image_encoder(clip)(some_images(SIZE)).image, image_encoder(other)(some_images(SIZE)).image
    )


def test_on_the_meta_device_they_have_shapes_and_read_no_weights(
    clip: Path, tokenizer: ClipTokenizer, tmp_path: Path
) -> None:
    light = Path(shutil.copytree(clip, tmp_path / "light", ignore=shutil.ignore_patterns("*.safetensors")))
    with torch.device("meta"):
        text, image = text_encoder(light, tokenizer), image_encoder(light)
    assert all(weight.is_meta for net in (text, image) for weight in net.parameters())
