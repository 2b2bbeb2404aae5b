"""Tokenizers and data sets that break a promise of their kind."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import torch
from broken.mutant import Mutant

from attnforge.interfaces import Sample
from attnforge.specs import DataSpec
from attnforge.testing.examples.texts import ExampleDataset, ExampleTokenizer


class Tokenizer(ExampleTokenizer):
    """The example without options."""

    def __init__(self) -> None:
        super().__init__()


class FirstComeFirstServed(Tokenizer):
    """Assigns ids in the order in which words occur."""

    def fit(self, captions: Sequence[str]) -> None:
        self._assign_ids(list(dict.fromkeys(word for caption in captions for word in self._split(caption))))


class ExtendsItsVocabulary(Tokenizer):
    """Adds words to the vocabulary of an earlier `fit`."""

    def fit(self, captions: Sequence[str]) -> None:
        known = set(self._ids)
        super().fit(captions)
        self._assign_ids(sorted(known | set(self._ids)))


class LosesAWord(Tokenizer):
    """Loads all words but one."""

    def load_state(self, state: Mapping[str, Any]) -> None:
        super().load_state({**state, "words": state["words"][1:]})


class OneFingerprint(Tokenizer):
    """Has the same fingerprint for every vocabulary."""

    @property
    def fingerprint(self) -> str:
        return "0123456789ab"


class CountsFromZero(Tokenizer):
    """Gives a word the id of padding."""

    def _assign_ids(self, words: Sequence[str]) -> None:
        self._ids = {word: index for index, word in enumerate(words)}


class TokensWithoutIds(Tokenizer):
    """Returns tokens for unknown words, too."""

    def tokens(self, caption: str) -> list[str]:
        return self._split(caption)

    def encode(self, caption: str) -> list[int]:
        return [self._ids[word] for word in self._split(caption) if word in self._ids]


class ReadsTheFirstWord(Tokenizer):
    """Reads one word of every caption."""

    def tokens(self, caption: str) -> list[str]:
        return super().tokens(caption)[:1]


class HidesUnknownWords(Tokenizer):
    """Skips unknown words without reporting them."""

    def unknown(self, caption: str) -> list[str]:
        return []


class Dataset(ExampleDataset):
    """The example without options."""

    def __init__(self, spec: DataSpec) -> None:
        super().__init__(spec)


class SharesImagesAmongSplits(Dataset):
    """Has the same images in both splits."""

    def sample(self, index: int, *, seed: int) -> Sample:
        return replace(super().sample(index, seed=seed), key=f"image {index}")


class DropsARow(Dataset):
    """Returns images with one row missing."""

    def sample(self, index: int, *, seed: int) -> Sample:
        sample = super().sample(index, seed=seed)
        return replace(sample, image=sample.image[:, 1:])


class WithBox(Dataset):
    """Has a box for every image."""

    def __init__(self, spec: DataSpec) -> None:
        super().__init__(spec)
        self.extras = {"box": (4,)}

    def sample(self, index: int, *, seed: int) -> Sample:
        return replace(super().sample(index, seed=seed), extras={"box": torch.full((4,), 0.25)})


class DeclaresAnotherShape(WithBox):
    """Declares a box of two numbers."""

    def __init__(self, spec: DataSpec) -> None:
        super().__init__(spec)
        self.extras = {"box": (2,)}


class DeclaresNoExtras(Dataset):
    """Has boxes that it does not declare."""

    def sample(self, index: int, *, seed: int) -> Sample:
        return replace(super().sample(index, seed=seed), extras={"box": torch.full((4,), 0.25)})


class LosesAKeypoint(WithBox):
    """Marks a number that is not known by infinity."""

    def sample(self, index: int, *, seed: int) -> Sample:
        sample = super().sample(index, seed=seed)
        box = sample.extras["box"].index_fill(0, torch.tensor([1]), torch.inf if index == 3 else 0.5)
        return replace(sample, extras={"box": box})


class PlacesInPixels(WithBox):
    """Has boxes in pixels."""

    def sample(self, index: int, *, seed: int) -> Sample:
        sample = super().sample(index, seed=seed)
        return replace(sample, extras={"box": 16 * sample.extras["box"]})


class JittersItsBox(WithBox):
    """Moves its boxes by torch's global generator instead of the seed."""

    def sample(self, index: int, *, seed: int) -> Sample:
        sample = super().sample(index, seed=seed)
        return replace(sample, extras={"box": sample.extras["box"] + 0.1 * torch.rand(4)})


class UpperCasesCaptions(Dataset):
    """Returns samples with a caption that the image does not have."""

    def sample(self, index: int, *, seed: int) -> Sample:
        sample = super().sample(index, seed=seed)
        return replace(sample, caption=sample.caption.upper())


class TwoClasses(Dataset):
    """Has one class for an image and another for its sample."""

    def class_id(self, index: int) -> int:
        return super().class_id(index) + 1

    def sample(self, index: int, *, seed: int) -> Sample:
        sample = super().sample(index, seed=seed)
        return replace(sample, class_id=sample.class_id - 1)


class OneKey(Dataset):
    """Has one key for all images of a split."""

    def sample(self, index: int, *, seed: int) -> Sample:
        return replace(super().sample(index, seed=seed), key=self.spec.split)


class RemembersTheLast(Dataset):
    """Flips an image if another one was loaded before."""

    def __init__(self, spec: DataSpec) -> None:
        super().__init__(spec)
        self.last: int | None = None

    def sample(self, index: int, *, seed: int) -> Sample:
        sample, last, self.last = super().sample(index, seed=seed), self.last, index
        return sample if last in (None, index) else replace(sample, image=sample.image.flip(2))


class ReturnsItsCache(Dataset):
    """Returns the tensor that it caches."""

    def __init__(self, spec: DataSpec) -> None:
        super().__init__(spec)
        self.cache: dict[tuple[int, int], Sample] = {}

    def sample(self, index: int, *, seed: int) -> Sample:
        return self.cache.setdefault((index, seed), super().sample(index, seed=seed))


class HoldsAFunction(Dataset):
    """Holds an object that cannot be pickled."""

    def __init__(self, spec: DataSpec) -> None:
        super().__init__(spec)
        self.load = lambda index: index


class WrapsAround(Dataset):
    """Wraps around for an index out of range."""

    def _describe(self, index: int) -> tuple[str, str, str]:
        return super()._describe(index % self.count)


MUTANTS = (
    Mutant("caption_order_invariance", "tokenizer", FirstComeFirstServed),
    Mutant("fit_replaces_the_vocabulary", "tokenizer", ExtendsItsVocabulary),
    Mutant("state_round_trip", "tokenizer", LosesAWord),
    Mutant("fingerprint_identifies_the_vocabulary", "tokenizer", OneFingerprint),
    Mutant("ids_in_range", "tokenizer", CountsFromZero),
    Mutant("one_token_per_id", "tokenizer", TokensWithoutIds),
    Mutant("encodes_fitted_captions", "tokenizer", ReadsTheFirstWord),
    Mutant("reports_unknown_words", "tokenizer", HidesUnknownWords),
    Mutant("train_and_test_splits", "dataset", SharesImagesAmongSplits),
    Mutant("image_format", "dataset", DropsARow),
    Mutant("extras", "dataset", DeclaresAnotherShape),
    Mutant("extras", "dataset", DeclaresNoExtras),
    Mutant("extras", "dataset", LosesAKeypoint),
    Mutant("extras", "dataset", PlacesInPixels),
    Mutant(
        "samples_are_deterministic",
        "dataset",
        JittersItsBox,
        also={"pickling": "the unpickled data set moves its boxes by other random numbers"},
    ),
    Mutant("captions", "dataset", UpperCasesCaptions),
    Mutant("class_ids", "dataset", TwoClasses),
    Mutant("unique_keys", "dataset", OneKey),
    Mutant("samples_are_deterministic", "dataset", RemembersTheLast),
    Mutant("samples_share_no_memory", "dataset", ReturnsItsCache),
    Mutant("pickling", "dataset", HoldsAFunction),
    Mutant("index_errors", "dataset", WrapsAround),
)
