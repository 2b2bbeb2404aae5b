"""Small folders in the layouts of the released data sets, drawn by code."""

from __future__ import annotations

import json
import pickle
from collections.abc import Sequence
from pathlib import Path

from PIL import Image

BIRDS = (
    ("001.Albatross/one_1", "train", ("a white bird", "a big bird")),
    ("001.Albatross/one_2", "train", ("a grey bird", "a bird", "a flying bird")),
    ("003.Crow/crow_1", "train", ("a black crow",)),
    ("002.Auklet/auk_1", "test", ("a small auklet", "an auklet on a rock")),
)
"""Name, split and captions; the number of captions differs on purpose."""
PARTS = (
    "back", "beak", "belly", "breast", "crown", "forehead", "left eye", "left leg", "left wing", "nape",
    "right eye", "right leg", "right wing", "tail", "throat",
)  # fmt: skip


def write(path: Path, text: str) -> None:
    """Write a text below folders that need not be there yet."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


def image(path: Path, size: tuple[int, int] = (60, 40), colour: str = "navy") -> None:
    """Write a plain image."""
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", size, colour).save(path)


def names(root: Path, split: str, content: object, file: str = "filenames") -> None:
    """Write a pickle of a release."""
    (root / split).mkdir(parents=True, exist_ok=True)
    (root / split / f"{file}.pickle").write_bytes(pickle.dumps(content, protocol=2))


def birds(root: Path, *, pickles: bool = True) -> Path:
    """A folder in the layout of AttnGAN's birds release."""
    base = root / "CUB_200_2011"
    for name, _, captions in BIRDS:
        image(base / "images" / f"{name}.jpg")
        write(root / "text" / f"{name}.txt", "\n".join(captions) + "\n")
    numbered = list(enumerate(BIRDS, start=1))
    write(base / "images.txt", "".join(f"{number} {name}.jpg\n" for number, (name, _, _) in numbered))
    # the rows of the boxes stand in another order: they are matched by number
    write(base / "bounding_boxes.txt", "".join(f"{n} {10.0 * n} 5.0 12.0 20.0\n" for n, _ in numbered[::-1]))
    write(base / "parts" / "parts.txt", "".join(f"{n} {name}\n" for n, name in enumerate(PARTS, start=1)))
    write(
        base / "parts" / "part_locs.txt",
        "".join(
            f"{number} {part} {10.0 * number + part - 3} {5.0 + part} {int(part != 7)}\n"
            for number, _ in numbered
            for part in range(1, 16)
        ),
    )
    chosen = "".join(f"{number} {int(split == 'train')}\n" for number, (_, split, _) in numbered)
    write(base / "train_test_split.txt", chosen)
    for split in ("train", "test") if pickles else ():
        names(root, split, [name for name, of, _ in BIRDS if of == split])
        classes = [int(name[:3]) for name, of, _ in BIRDS if of == split]
        names(root, split, classes, "class_info")
    return root


def photographs(root: Path, split: str, captions: dict[str, Sequence[str]], *, first: int = 1) -> Path:
    """Add a json file of COCO and its images to a folder; gives the json file."""
    about = {"train": "train2017", "test": "val2017"}[split]
    listed = list(enumerate(captions.items(), start=first))
    for _, (name, _) in listed:
        image(root / "images" / name)
    content = {
        "images": [{"id": number, "file_name": name} for number, (name, _) in listed],
        "annotations": [
            {"id": 1, "image_id": number, "caption": one} for number, (_, of) in listed for one in of
        ],
    }
    path = root / "annotations" / f"captions_{about}.json"
    write(path, json.dumps(content))
    return path
