"""Reads a folder of COCO: in the layout of AttnGAN's release, or with COCO's own json files."""

from __future__ import annotations

import re
import shlex
from collections.abc import Sequence
from pathlib import Path

from attnforge.data.fields import SPLITS
from attnforge.data.findings import Findings
from attnforge.data.metadata import Metadata, Row, with_splits
from attnforge.data.official import has_names, names_file, read_captions, read_names
from attnforge_coco.annotations import read_annotations

NAMES = {"train": r"captions_train20\d\d\.json", "test": r"captions_val20\d\d\.json"}
OWN = "annotations/captions_train2014.json and annotations/captions_val2014.json, or those of 2017"


def read_release(
    root: Path,
    *,
    splits: Sequence[str] = SPLITS,
    train: str | None = None,
    test: str | None = None,
) -> Metadata:
    """Read what a folder says about photographs and collect its problems; raises nothing for bad content.

    Where no json file has one of COCO's own names, the only one most of whose images are there serves both
    splits.

    Args:
        root: The folder.
        splits: Which of `train` and `test` are read.
        train: The json file of training, below the folder; None finds it, or AttnGAN's release.
        test: The json file of testing.
    """
    found = Findings("coco", root)
    if not root.is_dir():
        expected = f"images, and {OWN}"
        found.problem(code="no-folder", message=f"there is no folder {root}", at=root, expected=expected)
        return found.metadata([], source=root)
    if train is None and test is None and has_names(root):
        rows = [row for split in splits for row in _official(found, split)]
        return found.metadata(rows, source=root, splits=splits)
    if train is None and test is None:
        train = test = _only_usable(root)
    given = {"train": train, "test": test}
    files = {split: _json_file(found, split, given[split]) for split in splits}
    rows = []
    if train is not None and train == test and any(files.values()):
        # one file for both: the split follows from each name
        path = root / train
        everything = with_splits(read_annotations(found, path, None))
        rows = [row for row in everything if row.split in splits]
    else:
        rows = [row for split, path in files.items() if path for row in read_annotations(found, path, split)]
    named = [path for path in files.values() if path]
    source = named[0] if len(set(named)) == 1 else root / "annotations"
    return found.metadata(rows, source=source, splits=splits)


def _official(found: Findings, split: str) -> list[Row]:
    """The images of AttnGAN's release: both of COCO's sets in one folder."""
    names = read_names(found, split)
    captions = read_captions(found, split, names)
    rows = [
        Row(f"images/{name}.jpg", of_image, class_id=None, box=None, split=split, line=None)
        for name, of_image in zip(names, captions, strict=True)
    ]
    there = found.with_images(rows, at=names_file(found.root, split), folder=found.root / "images")
    return [row for row in there if row.captions]


def _only_usable(root: Path) -> str | None:
    """The only json file most of whose images are there; None when a file has one of COCO's names."""
    names = _json_names(root)
    if any(re.fullmatch(pattern, name) for pattern in NAMES.values() for name in names):
        return None
    usable = []
    for name in names:
        tried = Findings("coco", root)
        if len(read_annotations(tried, root / "annotations" / name, None)) > len(tried.problems):
            usable.append(f"annotations/{name}")
    return usable[0] if len(usable) == 1 else None


def _json_names(root: Path) -> list[str]:
    folder = root / "annotations"
    return sorted(path.name for path in folder.glob("*.json")) if folder.is_dir() else []


def _json_file(found: Findings, split: str, given: str | None) -> Path | None:
    """The json file of a split, or None with a problem noted."""
    if given is not None:
        return found.root / given if found.inside(given, at=found.root) else None
    folder, names = found.root / "annotations", _json_names(found.root)
    fitting = [name for name in names if re.fullmatch(NAMES[split], name)]
    if len(fitting) == 1:
        return folder / fitting[0]
    shown = ", ".join(fitting or names) or "no json file"
    many = f"several files could be for {split}: {shown}"
    message = many if fitting else f"there is no file for {split}; the folder holds {shown}"
    if not names:
        found.problem(code="no-annotations", message=message, at=folder, expected=OWN)
        return None
    expected = (
        f"`{split}: annotations/NAME.json` in the recipe's data, which may be the file of the other split"
    )
    step = shlex.join(["attnforge", "data", "prepare", "coco", "-o", str(found.root)])
    for one in SPLITS:
        own = [name for name in names if re.fullmatch(NAMES[one], name)]
        step += f" --set {one}=annotations/{(own or names)[0]}"
    found.problem(code="no-annotations", message=message, at=folder, expected=expected, next_step=step)
    return None
