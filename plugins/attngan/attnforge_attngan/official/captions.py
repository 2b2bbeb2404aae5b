"""Stores the captions of an official release in an imported run, and exports those of any run."""

from __future__ import annotations

import pickle
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path, PurePosixPath

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

from attnforge.build.parts import Parts
from attnforge.data.captioned import CaptionedImages
from attnforge.errors import DataError, Problem
from attnforge.interfaces import Dataset
from attnforge_attngan.official.vocabulary import OfficialCaptions

FILE = "official-captions.safetensors"
"""The file of an imported run with the captions of its `captions.pickle`."""
SPLITS = ("train", "test")


@dataclass(frozen=True, slots=True)
class FoundCaptions:
    """The captions of a run for the official code."""

    captions: OfficialCaptions
    origin: str
    """Where the captions come from, or why there are none, as a line to print."""
    lists: Mapping[str, Sequence[object]] = field(default_factory=dict)
    """Further pickles of the official layout, by path in the data folder."""


def keep_captions(run: Path, captions: OfficialCaptions) -> None:
    """Write the caption ids of an official release to a run folder, so that they can be exported again."""
    tensors: dict[str, Tensor] = {}
    for split, encoded in zip(SPLITS, (captions.train, captions.test), strict=True):
        tensors[f"{split}.ids"] = torch.tensor([word for caption in encoded for word in caption]).int()
        tensors[f"{split}.lengths"] = torch.tensor([len(caption) for caption in encoded]).int()
    save_file(tensors, run / FILE)


def find_captions(run: Path, parts: Parts, words: Sequence[str]) -> FoundCaptions:
    """The captions of a run in the layout of the official code.

    Those of an imported `captions.pickle` come first, unchanged. Otherwise the run's data is read: images
    with fewer captions than others repeat theirs, because the official code expects the same number for each,
    and captions without a known word are skipped.
    """
    known = OfficialCaptions(words=tuple(words))
    if (run / FILE).is_file():
        try:
            return _kept(run, known)
        except (OSError, SafetensorError, KeyError, RuntimeError):
            return FoundCaptions(known, f"captions: none, because {run / FILE} is damaged")
    try:
        return _of_data(parts, known)
    except DataError as error:
        reason = error.problems[0].message
        return FoundCaptions(known, f"captions: none, because the run's data cannot be read: {reason}")


def _kept(run: Path, known: OfficialCaptions) -> FoundCaptions:
    tensors, captions_of = load_file(run / FILE), []
    for split in SPLITS:
        ids = iter(tensors[f"{split}.ids"].tolist())
        lengths = tensors[f"{split}.lengths"].tolist()
        captions_of.append(tuple(tuple(islice(ids, length)) for length in lengths))
    captions = OfficialCaptions(words=known.words, train=captions_of[0], test=captions_of[1])
    return FoundCaptions(captions, "captions: those of the imported captions.pickle")


def _of_data(parts: Parts, known: OfficialCaptions) -> FoundCaptions:
    data = {split: parts.dataset(split) for split in SPLITS}
    encoded = {
        split: [_encoded(images, index, parts) for index in range(len(images))]
        for split, images in data.items()
    }
    each = max(len(image) for images in encoded.values() for image in images)
    flat = {
        split: tuple(image[number % len(image)] for image in images for number in range(each))
        for split, images in encoded.items()
    }
    lists: dict[str, Sequence[object]] = {}
    for split, images in data.items():
        if isinstance(images, CaptionedImages):
            indices = range(len(images))
            lists[f"{split}/class_info.pickle"] = [images.class_id(index) for index in indices]
            lists[f"{split}/filenames.pickle"] = [_name(images.key(index)) for index in indices]
    origin = f"captions: those of the run's data, {each} per image (TEXT.CAPTIONS_PER_IMAGE)"
    captions = OfficialCaptions(words=known.words, train=flat["train"], test=flat["test"])
    return FoundCaptions(captions, origin, lists)


def _encoded(data: Dataset, index: int, parts: Parts) -> list[tuple[int, ...]]:
    captions = data.captions(index)
    encoded = [tuple(ids) for ids in map(parts.tokenizer.encode, captions) if ids]
    if not encoded:
        message = f"no caption of an image has a known word, such as {captions[0]!r}"
        raise DataError(Problem("unknown-words", message, expected="the data of the run"))
    return encoded


def _name(key: str) -> str:
    """The NAME in the official path `images/NAME.jpg`."""
    path = PurePosixPath(key).with_suffix("")
    return str(path).rpartition("images/")[2]


def write_lists(out: Path, lists: Mapping[str, Sequence[object]]) -> None:
    """Write the pickles of the official layout to a folder, for Python 2 and 3."""
    for name, content in lists.items():
        (out / name).parent.mkdir(parents=True, exist_ok=True)
        (out / name).write_bytes(pickle.dumps(list(content), protocol=2))
