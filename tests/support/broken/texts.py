"""Tokenizers and data sets that break what their kinds promise."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from broken.mutant import Mutant

from attnforge.interfaces import Sample
from attnforge.specs import DataSpec
from attnforge.testing.examples.texts import ExampleDataset, ExampleTokenizer


class Tokenizer(ExampleTokenizer):
    """The example without options."""

    def __init__(self) -> None:
        super().__init__()


class FirstComeFirstServed(Tokenizer):
    """Numbers words as they come."""

    def fit(self, captions: Sequence[str]) -> None:
        self._number(list(dict.fromkeys(word for caption in captions for word in self._split(caption))))


class NeverForgets(Tokenizer):
    """Adds what it learns to what it knew."""

    def fit(self, captions: Sequence[str]) -> None:
        known = set(self._ids)
        super().fit(captions)
        self._number(sorted(known | set(self._ids)))


class LosesAWord(Tokenizer):
    """Loads all words but one."""

    def load_state(self, state: Mapping[str, Any]) -> None:
        super().load_state({**state, "words": state["words"][1:]})


class OneFingerprint(Tokenizer):
    """Has the same fingerprint whatever it knows."""

    @property
    def fingerprint(self) -> str:
        return "0123456789ab"


class CountsFromZero(Tokenizer):
    """Gives a word the id of padding."""

    def _number(self, words: Sequence[str]) -> None:
        self._ids = {word: index for index, word in enumerate(words)}


class TokensWithoutIds(Tokenizer):
    """Gives tokens for unknown words, too."""

    def tokens(self, caption: str) -> list[str]:
        return self._split(caption)

    def encode(self, caption: str) -> list[int]:
        return [self._ids[word] for word in self._split(caption) if word in self._ids]


class ReadsTheFirstWord(Tokenizer):
    """Reads one word of every caption."""

    def tokens(self, caption: str) -> list[str]:
        return super().tokens(caption)[:1]


class HidesWhatItDoesNotKnow(Tokenizer):
    """Leaves words out and does not tell."""

    def unknown(self, caption: str) -> list[str]:
        return []


class Dataset(ExampleDataset):
    """The example without options."""

    def __init__(self, spec: DataSpec) -> None:
        super().__init__(spec)


class OnePoolOfImages(Dataset):
    """Has the same images in both splits."""

    def sample(self, index: int, *, seed: int) -> Sample:
        return replace(super().sample(index, seed=seed), key=f"image {index}")


class CutsARow(Dataset):
    """Gives images with a row too few."""

    def sample(self, index: int, *, seed: int) -> Sample:
        sample = super().sample(index, seed=seed)
        return replace(sample, image=sample.image[:, 1:])


class Shouts(Dataset):
    """Gives samples a caption that is none of the image's."""

    def sample(self, index: int, *, seed: int) -> Sample:
        sample = super().sample(index, seed=seed)
        return replace(sample, caption=sample.caption.upper())


class TwoClasses(Dataset):
    """Says one class of an image and another of its sample."""

    def class_id(self, index: int) -> int:
        return super().class_id(index) + 1

    def sample(self, index: int, *, seed: int) -> Sample:
        sample = super().sample(index, seed=seed)
        return replace(sample, class_id=sample.class_id - 1)


class OneKey(Dataset):
    """Calls every image of a split alike."""

    def sample(self, index: int, *, seed: int) -> Sample:
        return replace(super().sample(index, seed=seed), key=self.spec.split)


class RemembersTheLast(Dataset):
    """Shows an image otherwise after another one was loaded."""

    def __init__(self, spec: DataSpec) -> None:
        super().__init__(spec)
        self.last: int | None = None

    def sample(self, index: int, *, seed: int) -> Sample:
        sample, last, self.last = super().sample(index, seed=seed), self.last, index
        return sample if last in (None, index) else replace(sample, image=sample.image.flip(2))


class HandsOutItsCache(Dataset):
    """Gives the tensor that it keeps."""

    def __init__(self, spec: DataSpec) -> None:
        super().__init__(spec)
        self.kept: dict[tuple[int, int], Sample] = {}

    def sample(self, index: int, *, seed: int) -> Sample:
        return self.kept.setdefault((index, seed), super().sample(index, seed=seed))


class HoldsAFunction(Dataset):
    """Holds what cannot travel into another process."""

    def __init__(self, spec: DataSpec) -> None:
        super().__init__(spec)
        self.load = lambda index: index


class GoesAround(Dataset):
    """Begins anew beyond its end."""

    def _look(self, index: int) -> tuple[str, str, str]:
        return super()._look(index % self.count)


MUTANTS = (
    Mutant("order_of_captions", "tokenizer", FirstComeFirstServed),
    Mutant("learning_replaces", "tokenizer", NeverForgets),
    Mutant("state_round_trip", "tokenizer", LosesAWord),
    Mutant("fingerprint_follows_the_vocabulary", "tokenizer", OneFingerprint),
    Mutant("ids_in_range", "tokenizer", CountsFromZero),
    Mutant("one_token_an_id", "tokenizer", TokensWithoutIds),
    Mutant("learned_captions_are_read", "tokenizer", ReadsTheFirstWord),
    Mutant("unknown_is_named", "tokenizer", HidesWhatItDoesNotKnow),
    Mutant("both_splits", "dataset", OnePoolOfImages),
    Mutant("images", "dataset", CutsARow),
    Mutant("captions", "dataset", Shouts),
    Mutant("classes", "dataset", TwoClasses),
    Mutant("keys", "dataset", OneKey),
    Mutant("same_seed_same_sample", "dataset", RemembersTheLast),
    Mutant("samples_are_their_own", "dataset", HandsOutItsCache),
    Mutant("pickling", "dataset", HoldsAFunction),
    Mutant("index_errors", "dataset", GoesAround),
)
