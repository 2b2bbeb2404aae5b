"""Checks of a run's captions before training: unreadable ones are errors, unknown words are warnings."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import islice

from attnforge.build.parts import Parts
from attnforge.data.all_captions import AllCaptions
from attnforge.data.checks.few_images import few_images
from attnforge.data.encoding import UnknownWords, refuse_unknown, refuse_unreadable_images
from attnforge.evaluate.measure import unknown_evaluation_words
from attnforge.interfaces import Dataset
from attnforge.storage.folder import RunFolder
from attnforge.train.progress import Reporter

MAX_CHECKED_CAPTIONS = 20_000
"""Training captions whose words are compared with the vocabulary; more would delay the first step."""


def check_captions(parts: Parts, phases: Sequence[str]) -> None:
    """Check the captions of training, of samples and of the test split, which may be used only after hours.

    Args:
        parts: The recipe's data, with the tokenizer and its vocabulary.
        phases: The phases to train.

    Raises:
        DataError: an image has no caption with a known word, or a required split is empty.
        AttnforgeError: a caption of `samples` has no known word.
    """
    recipe = parts.recipe
    refuse_unreadable_images(parts.tokenizer, _train(parts))
    if recipe.generator is None or not any(recipe.phases[name].sample_every for name in phases):
        return
    if recipe.samples.captions:
        refuse_unknown(parts.tokenizer, recipe.samples.captions)
    else:
        parts.datasets.of_any_size("test")


def warn_of_data(parts: Parts, run: RunFolder, reporter: Reporter) -> None:
    """Warn of few images, of one class, which has no mismatched captions, and of words that are unknown."""
    recipe = parts.recipe
    if few := few_images(len(_train(parts))):
        reporter.line(f"warning: {few}")
        run.log_event("few-images", images=len(_train(parts)))
    if parts.datasets.training_classes() == 1:
        reporter.line("warning: all images belong to one class, so there are no mismatched captions")
        run.log_event("single-class")
    training = islice(AllCaptions(_train(parts)), MAX_CHECKED_CAPTIONS)
    unknown_words = {"training": UnknownWords.of(parts.tokenizer, training)}
    if recipe.samples.captions:
        unknown_words["samples"] = UnknownWords.of(parts.tokenizer, recipe.samples.captions)
    if recipe.generator is not None and recipe.evaluation.metrics:
        unknown_words["evaluation"] = unknown_evaluation_words(parts)
    for where, unknown in unknown_words.items():
        if unknown:
            reporter.line(f"warning: {where}: {unknown}")
            first = dict(islice(unknown.words.items(), 100))
            run.log_event("unknown-words", where=where, captions=unknown.captions, words=first)


def _train(parts: Parts) -> Dataset:
    return parts.datasets.of_any_size("train")
