"""Batches of training, decided by their step alone: with any number of workers, and after a resume."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, cast

import torch
from torch.utils.data import DataLoader
from torch.utils.data import Dataset as TorchDataset

from attnforge.data.collate import EncodedSamples, collate
from attnforge.data.sampler import PositionSampler
from attnforge.data.worker_signals import endings, ignore_stops, stops_held_back
from attnforge.errors import AttnforgeError, DataError, Problem
from attnforge.interfaces import Batch, Dataset, Sample, Tokenizer
from attnforge.values import BatchOrder, Truncate


def batches(
    dataset: Dataset,
    tokenizer: Tokenizer,
    *,
    batch_size: int,
    seed: int,
    start_step: int = 0,
    steps: int,
    max_words: int,
    truncate: Truncate = "random",
    order: BatchOrder = "drawn",
    workers: int = 0,
    full_length: bool = False,
    device: torch.device | str = "cpu",
) -> Iterator[Batch]:
    """The batches of steps `start_step` to `steps`, all full: an epoch's rest is joined with the next.

    A caption without a known word gives way to another caption of its image.

    Args:
        dataset: Where samples come from.
        tokenizer: Encodes the captions.
        batch_size: Images a batch.
        seed: Decides order, crops, flips and captions.
        start_step: Steps that were made before a resume.
        steps: Steps of the whole phase.
        max_words: Longer captions lose words.
        truncate: Which words they keep; see `collate`.
        order: How the images of a batch lie; see `collate`.
        workers: Processes that load; 0 loads in this one. The batches are the same.
        full_length: Whether captions are padded to `max_words` instead of to the longest of their batch.
        device: Where the batches go.

    Raises:
        DataError: the data set is empty, or an image has no caption with a known word.
    """
    if len(dataset) == 0:
        raise DataError(Problem(code="empty-data", message="the data set has no images"))
    encode = partial(collate, tokenizer=tokenizer, max_words=max_words, truncate=truncate, order=order)
    if full_length:
        encode = partial(encode, length=max_words)
    maker = _BatchMaker(dataset, tokenizer, batch_size=batch_size, seed=seed, encode=encode)
    made = (
        _in_workers(maker, start_step, steps, workers)
        if workers
        else map(maker.make, range(start_step, steps))
    )
    return (encoded.batch(device) for encoded in made)


@dataclass(frozen=True, slots=True)
class _Failure:
    """An error on its way from a worker; exceptions with more than a text do not survive that trip."""

    kind: type[AttnforgeError]
    problems: tuple[Problem, ...]


class _BatchMaker(TorchDataset[EncodedSamples | _Failure]):
    """Makes the batch of a step."""

    def __init__(
        self,
        dataset: Dataset,
        tokenizer: Tokenizer,
        *,
        batch_size: int,
        seed: int,
        encode: Callable[..., EncodedSamples],
    ) -> None:
        self.dataset = dataset
        self.tokenizer = tokenizer
        self.batch_size = batch_size
        self.encode = encode
        self.sampler = PositionSampler(len(dataset), seed=seed)

    def make(self, step: int) -> EncodedSamples:
        first = step * self.batch_size
        drawn = [self.sampler[position] for position in range(first, first + self.batch_size)]
        samples = [
            self._with_known_words(one.index, self.dataset.sample(one.index, seed=one.seed)) for one in drawn
        ]
        seeds = [one.seed for one in drawn]
        return self.encode(samples, seeds=seeds)

    def __getitem__(self, step: int) -> EncodedSamples | _Failure:
        try:
            return self.make(step)
        except AttnforgeError as error:
            return _Failure(kind=type(error), problems=error.problems)

    def _with_known_words(self, index: int, sample: Sample) -> Sample:
        if self.tokenizer.encode(sample.caption):
            return sample
        others = (caption for caption in self.dataset.captions(index) if self.tokenizer.encode(caption))
        known = next(others, None)
        return sample if known is None else replace(sample, caption=known)


def _in_workers(maker: _BatchMaker, start: int, steps: int, workers: int) -> Iterator[EncodedSamples]:
    forking = "fork" in multiprocessing.get_all_start_methods()
    loader = DataLoader(
        maker,
        batch_size=None,
        sampler=range(start, steps),
        num_workers=workers,
        multiprocessing_context="fork" if forking else None,
        # a generator of its own, so that starting workers draws nothing from torch's global one
        generator=torch.Generator(),
        worker_init_fn=ignore_stops,
    )
    with stops_held_back():
        loading = iter(loader)
    while True:
        try:
            made = next(loading)
        except StopIteration:
            return
        except RuntimeError as error:
            # torch says that one ended, and not how
            processes = cast("Any", loading)._workers
            if how := endings(process.exitcode for process in processes):
                error.add_note(f"a process that loads data ended by {how}")
            raise
        if isinstance(made, _Failure):
            raise made.kind(made.problems)
        yield made
