"""Several captions of each image in a batch: which they are, and how they are encoded."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import torch
from tiny_run import TINY

from attnforge.data.feeding.loader import batches
from attnforge.errors import RecipeError
from attnforge.interfaces import Batch, Sample
from attnforge.recipe import resolve
from attnforge.run.training import train
from attnforge.specs import DataSpec
from attnforge.testing.examples.texts import ExampleDataset, ExampleTokenizer
from attnforge.train.progress import ConsoleReporter


class FiveCaptions(ExampleDataset):
    """Five captions an image, of which one has no known word."""

    def captions(self, index: int) -> Sequence[str]:
        first, second = super().captions(index)
        return (first, second, f"the {first}", f"{second} again", "???")

    def sample(self, index: int, *, seed: int) -> Sample:
        sample = super().sample(index, seed=seed)
        return Sample(sample.image, self.captions(index)[seed % 2], sample.class_id, sample.key)


def loaded(captions: int, **options: Any) -> tuple[FiveCaptions, ExampleTokenizer, list[Batch]]:
    data, tokenizer = FiveCaptions(DataSpec(split="train", image_size=8)), ExampleTokenizer()
    tokenizer.fit([text for index in range(len(data)) for text in data.captions(index) if text != "???"])
    given = batches(
        data, tokenizer, batch_size=4, seed=1, steps=3, max_words=20, captions=captions, **options
    )
    return data, tokenizer, list(given)


def texts(tokenizer: ExampleTokenizer, batch: Batch) -> list[set[tuple[int, ...]]]:
    """The token ids of each image's further captions."""
    assert batch.other_tokens is not None
    assert batch.other_lengths is not None
    rows = zip(batch.other_tokens.transpose(0, 1), batch.other_lengths.T, strict=True)
    return [
        {tuple(ids[:length].tolist()) for ids, length in zip(tokens, lengths, strict=True)}
        for tokens, lengths in rows
    ]


def test_one_caption_has_no_others() -> None:
    _, _, given = loaded(1)
    assert all(batch.other_tokens is None and batch.other_lengths is None for batch in given)


@pytest.mark.parametrize("order", ["drawn", "length"])
def test_the_others_are_different_known_captions_of_the_same_image(order: str) -> None:
    data, tokenizer, given = loaded(4, order=order)
    of_image = {f"train {index}": data.captions(index) for index in range(len(data))}
    for batch in given:
        assert batch.other_tokens is not None
        assert batch.other_tokens.shape[:2] == (3, 4)
        for key, own, others in zip(batch.keys, batch.captions, texts(tokenizer, batch), strict=True):
            expected = {tuple(tokenizer.encode(text)) for text in of_image[key] if text not in (own, "???")}
            assert others == expected


def test_an_image_with_fewer_captions_has_some_several_times() -> None:
    _, tokenizer, given = loaded(9)
    for batch in given:
        assert batch.other_tokens is not None
        assert batch.other_tokens.shape[0] == 8
        assert all(len(others) == 4 for others in texts(tokenizer, batch))


def test_batches_are_the_same_in_every_run_and_images_do_not_depend_on_captions() -> None:
    first, second, plain = loaded(3)[2], loaded(3)[2], loaded(1)[2]
    for one, other, single in zip(first, second, plain, strict=True):
        assert one.other_tokens is not None
        assert other.other_tokens is not None
        assert torch.equal(one.other_tokens, other.other_tokens)
        assert torch.equal(one.tokens, single.tokens)
        assert torch.equal(one.image, single.image)


def test_a_task_that_reads_one_caption_is_refused_before_training(tmp_path: Path) -> None:
    recipe = resolve("quickstart", overrides=[*TINY, "phases.damsm.captions=2"])
    with pytest.raises(RecipeError) as raised:
        train(recipe, tmp_path / "run", resume=False, reporter=ConsoleReporter())
    assert [problem.code for problem in raised.value.problems] == ["one-caption-task"]
