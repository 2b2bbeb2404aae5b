"""Training batches, determined by their step alone: with any number of workers, and after resuming."""

from __future__ import annotations

import multiprocessing
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial

import torch
from torch.utils.data import DataLoader
from torch.utils.data import Dataset as TorchDataset

from attnforge.data.feeding.captioned_alike import CaptionSampler
from attnforge.data.feeding.collate import EncodedSamples, collate
from attnforge.data.feeding.sample_loader import SampleLoader, SkippedImage
from attnforge.data.feeding.sampler import BalancedSampler, ClassSampler, PositionSampler
from attnforge.data.feeding.worker_signals import (
    ignore_stop_signals,
    stop_signals_blocked,
    worker_error,
    workers_of,
)
from attnforge.errors import AttnforgeError, DataError, Problem
from attnforge.interfaces import Batch, Dataset, Tokenizer
from attnforge.values import BatchOrder, OnBadImage, Truncate

Sampler = PositionSampler | ClassSampler | CaptionSampler | BalancedSampler


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
    distinct_classes: bool = False,
    class_balance: float = 0.0,
    captions: int = 1,
    images_per_caption: int = 1,
    workers: int = 0,
    full_length: bool = False,
    device: torch.device | str = "cpu",
    rank: int = 0,
    world_size: int = 1,
    on_bad_image: OnBadImage = "error",
    on_skip: Callable[[SkippedImage], None] = lambda _: None,
) -> Iterator[Batch]:
    """The batches of steps `start_step` to `steps`, all full: the end of an epoch is joined with the next.

    A caption without a known word is replaced by another caption of its image.

    Args:
        dataset: Where samples come from.
        tokenizer: Encodes the captions.
        batch_size: Images per batch, over all processes.
        seed: Decides order, crops, flips and captions.
        start_step: Steps completed before resuming.
        steps: Steps of the whole phase.
        max_words: Longer captions lose words.
        truncate: Which words they keep; see `collate`.
        order: The order of images in a batch; see `collate`.
        distinct_classes: Whether the images of a batch are of different classes; see `ClassSampler`.
        class_balance: How much more often images of small classes are drawn; see `BalancedSampler`.
        captions: Captions of each image; see `SampleLoader`.
        images_per_caption: Images of each caption, as far as there are; see `CaptionSampler`.
        workers: Processes that load; 0 loads in this one. Batches do not depend on it.
        full_length: Whether captions are padded to `max_words` instead of to the longest of their batch.
        device: Where the batches go.
        rank: Which part of each batch is returned.
        world_size: How many parts a batch has, one for each process; they divide it.
        on_bad_image: Whether an image that cannot be read is an error, or another takes its position.
        on_skip: Called for every image that is skipped, when its batch is returned.

    Raises:
        DataError: the data set is empty, or has fewer classes than a batch needs, or an image has no caption
            with a known word, or cannot be read.
    """
    if len(dataset) == 0:
        raise DataError(Problem(code="empty-data", message="the data set has no images"))
    encode = partial(collate, tokenizer=tokenizer, max_words=max_words, truncate=truncate, order=order)
    if full_length:
        encode = partial(encode, length=max_words)
    loader = SampleLoader(dataset, tokenizer, on_bad_image=on_bad_image, captions=captions)
    sampler: Sampler = PositionSampler(len(dataset), seed=seed)
    if distinct_classes:
        sampler = ClassSampler(dataset, batch_size=batch_size, seed=seed)
    elif images_per_caption > 1:
        sampler = CaptionSampler(
            dataset, tokenizer, per_caption=images_per_caption, seed=seed, balance=class_balance
        )
    elif class_balance:
        sampler = BalancedSampler(dataset, balance=class_balance, seed=seed)
    maker = _BatchMaker(
        loader,
        sampler=sampler,
        batch_size=batch_size,
        per_caption=images_per_caption,
        share=range(batch_size)[rank * batch_size // world_size : (rank + 1) * batch_size // world_size],
        encode=encode,
    )
    loaded = (
        _in_workers(maker, start_step, steps, workers)
        if workers
        else map(maker.make, range(start_step, steps))
    )
    return (encoded.batch(device) for encoded in map(partial(_report, on_skip=on_skip), loaded))


def _report(encoded: EncodedSamples, *, on_skip: Callable[[SkippedImage], None]) -> EncodedSamples:
    for image in encoded.skipped:
        on_skip(image)
    return encoded


@dataclass(frozen=True, slots=True)
class _Failure:
    """An error sent by a worker; exceptions with more than a message cannot be pickled."""

    kind: type[AttnforgeError]
    problems: tuple[Problem, ...]


class _BatchMaker(TorchDataset[EncodedSamples | _Failure]):
    """Makes the batch of a step."""

    def __init__(
        self,
        loader: SampleLoader,
        *,
        sampler: Sampler,
        batch_size: int,
        per_caption: int,
        share: range,
        encode: Callable[..., EncodedSamples],
    ) -> None:
        self.loader = loader
        self.batch_size = batch_size
        # the images of a caption are no neighbours, which losses take for images of different captions
        self.share = [number for first in range(per_caption) for number in share[first::per_caption]]
        self.encode = encode
        self.sampler = sampler

    def make(self, step: int) -> EncodedSamples:
        first = step * self.batch_size
        positions = [self.sampler[first + number] for number in self.share]
        loaded = [self.loader.load(position) for position in positions]
        samples = [each.sample for each in loaded]
        others = [each.others for each in loaded if each.others]
        encoded = self.encode(samples, seeds=[position.seed for position in positions], others=others)
        return replace(encoded, skipped=tuple(image for each in loaded for image in each.skipped))

    def __getitem__(self, step: int) -> EncodedSamples | _Failure:
        try:
            return self.make(step)
        except AttnforgeError as error:
            return _Failure(kind=type(error), problems=error.problems)


def _in_workers(maker: _BatchMaker, start: int, steps: int, workers: int) -> Iterator[EncodedSamples]:
    forking = "fork" in multiprocessing.get_all_start_methods()
    with stop_signals_blocked(), warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="This DataLoader will create")  # training says so itself
        loader = DataLoader(
            maker,
            batch_size=None,
            sampler=range(start, steps),
            num_workers=workers,
            multiprocessing_context="fork" if forking else None,
            # its own generator, so that starting workers draws nothing from torch's global one
            generator=torch.Generator(),
            worker_init_fn=ignore_stop_signals,
        )
        loading = iter(loader)
    with workers_of(loading) as processes:
        while True:
            try:
                batch = next(loading)
            except StopIteration:
                return
            except (RuntimeError, OSError, EOFError) as error:
                if death := worker_error(error, processes):
                    raise death from error
                raise
            if isinstance(batch, _Failure):
                raise batch.kind(batch.problems)
            yield batch
