"""The captions of an official release in an imported run, and those of any run for the official code."""

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

KEPT = "official-captions.safetensors"
"""The file of an imported run with the captions of its `captions.pickle`."""
SPLITS = ("train", "test")


@dataclass(frozen=True, slots=True)
class FoundCaptions:
    """What a run can tell the official code of its captions."""

    captions: OfficialCaptions
    origin: str
    """Where the captions come from, or why there are none, as a line to print."""
    lists: Mapping[str, Sequence[object]] = field(default_factory=dict)
    """Further pickles of the official layout, by their paths below the data folder."""


def keep_captions(run: Path, captions: OfficialCaptions) -> None:
    """Write the caption ids of an official release into a run's folder, so that they can be given back."""
    tensors: dict[str, Tensor] = {}
    for split, of_split in zip(SPLITS, (captions.train, captions.test), strict=True):
        tensors[f"{split}.ids"] = torch.tensor([one for caption in of_split for one in caption]).int()
        tensors[f"{split}.lengths"] = torch.tensor([len(caption) for caption in of_split]).int()
    save_file(tensors, run / KEPT)


def find_captions(run: Path, parts: Parts, words: Sequence[str]) -> FoundCaptions:
    """The captions of a run as the official code wants them.

    Those of the imported `captions.pickle` come first, as they were. Else the run's data is read: images
    with fewer captions than others repeat theirs, because the official code counts equally many for each,
    and captions without a known word are left out.
    """
    known = OfficialCaptions(words=tuple(words))
    if (run / KEPT).is_file():
        try:
            return _kept(run, known)
        except (OSError, SafetensorError, KeyError, RuntimeError):
            return FoundCaptions(known, f"captions: none, because {run / KEPT} is damaged")
    try:
        return _of_data(parts, known)
    except DataError as error:
        reason = error.problems[0].message
        return FoundCaptions(known, f"captions: none, because the run's data cannot be read: {reason}")


def _kept(run: Path, known: OfficialCaptions) -> FoundCaptions:
    tensors, of_split = load_file(run / KEPT), []
    for split in SPLITS:
        ids = iter(tensors[f"{split}.ids"].tolist())
        lengths = tensors[f"{split}.lengths"].tolist()
        of_split.append(tuple(tuple(islice(ids, length)) for length in lengths))
    captions = OfficialCaptions(words=known.words, train=of_split[0], test=of_split[1])
    return FoundCaptions(captions, "captions: those of the imported captions.pickle")


def _of_data(parts: Parts, known: OfficialCaptions) -> FoundCaptions:
    data = {split: parts.dataset(split) for split in SPLITS}
    encoded = {
        split: [_encoded(one, index, parts) for index in range(len(one))] for split, one in data.items()
    }
    each = max(len(image) for images in encoded.values() for image in images)
    flat = {
        split: tuple(image[place % len(image)] for image in images for place in range(each))
        for split, images in encoded.items()
    }
    lists: dict[str, Sequence[object]] = {}
    for split, one in data.items():
        if isinstance(one, CaptionedImages):
            lists[f"{split}/class_info.pickle"] = [one.class_id(index) for index in range(len(one))]
            lists[f"{split}/filenames.pickle"] = [_name(one.key(index)) for index in range(len(one))]
    origin = f"captions: those of the run's data, {each} an image (TEXT.CAPTIONS_PER_IMAGE)"
    captions = OfficialCaptions(words=known.words, train=flat["train"], test=flat["test"])
    return FoundCaptions(captions, origin, lists)


def _encoded(data: Dataset, index: int, parts: Parts) -> list[tuple[int, ...]]:
    captions = data.captions(index)
    encoded = [tuple(ids) for ids in map(parts.tokenizer.encode, captions) if ids]
    if not encoded:
        message = f"the vocabulary knows no word of {captions[0]!r}, which is all that an image has"
        raise DataError(Problem("unknown-words", message, expected="the data of the run"))
    return encoded


def _name(key: str) -> str:
    """What the official code looks for as `images/NAME.jpg`."""
    path = PurePosixPath(key).with_suffix("")
    return str(path).rpartition("images/")[2]


def write_lists(out: Path, lists: Mapping[str, Sequence[object]]) -> None:
    """Write the pickles of the official layout below a folder, for Python 2 and 3."""
    for name, content in lists.items():
        (out / name).parent.mkdir(parents=True, exist_ok=True)
        (out / name).write_bytes(pickle.dumps(list(content), protocol=2))
