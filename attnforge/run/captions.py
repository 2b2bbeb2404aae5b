"""A look at a run's captions before it trains: what cannot be read is refused, what is left out is told."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice

from attnforge.build.parts import Parts
from attnforge.data.encoding import UnknownWords, refuse_unknown, refuse_unreadable_images
from attnforge.evaluate.measure import choose_captions
from attnforge.interfaces import Dataset
from attnforge.run.folder import RunFolder
from attnforge.run.progress import Reporter

LOOKED_AT = 20_000
"""Training captions whose words are compared with the vocabulary; more would delay the first step."""


def refuse_captions(parts: Parts, phases: Sequence[str]) -> None:
    """Refuse captions that a run would come to only after hours: of training, of samples, of the test split.

    Args:
        parts: The recipe's data, with the tokenizer and its vocabulary.
        phases: The phases that are going to be trained.

    Raises:
        DataError: an image has no caption with a known word, or a split that is needed is empty.
        AttnforgeError: a caption of `sampling` has no known word.
    """
    recipe = parts.recipe
    refuse_unreadable_images(parts.tokenizer, _train(parts))
    if recipe.generator is None or not any(recipe.phases[name].sample_every for name in phases):
        return
    if recipe.sampling.captions:
        refuse_unknown(parts.tokenizer, recipe.sampling.captions)
    else:
        parts.datasets.of_any_size("test")


def warn_of_lost_words(parts: Parts, run: RunFolder, reporter: Reporter) -> None:
    """Tell and log which words of captions the vocabulary lacks, and whether classes leave no contrast."""
    recipe = parts.recipe
    if parts.datasets.training_classes() == 1:
        reporter.line("warning: all images are of one class, so none has a mismatched caption to learn from")
        run.log_event("single-class")
    seen = {"training": UnknownWords.of(parts.tokenizer, islice(_all_captions(_train(parts)), LOOKED_AT))}
    if recipe.sampling.captions:
        seen["samples"] = UnknownWords.of(parts.tokenizer, recipe.sampling.captions)
    if recipe.generator is not None and recipe.evaluation.metrics:
        seen["evaluation"] = unknown_when_measured(parts)
    for where, unknown in seen.items():
        if unknown:
            reporter.line(f"warning: {where}: {unknown}")
            first = dict(islice(unknown.words.items(), 100))
            run.log_event("unknown-words", where=where, captions=unknown.captions, words=first)


def unknown_when_measured(parts: Parts) -> UnknownWords:
    """What the vocabulary lacks of the captions that the recipe's evaluation measures."""
    options = parts.recipe.evaluation
    captions = choose_captions(parts.dataset("test"), count=options.captions, seed=options.seed, parts=parts)
    return UnknownWords.of(parts.tokenizer, captions)


def _train(parts: Parts) -> Dataset:
    return parts.datasets.of_any_size("train")


def _all_captions(data: Dataset) -> Iterator[str]:
    return (caption for index in range(len(data)) for caption in data.captions(index))
