"""Reads a folder of COCO: in the layout of AttnGAN's release, or with COCO's own json files."""

from __future__ import annotations

import re
import shlex
from collections.abc import Sequence
from pathlib import Path

from attnforge.data.reading.fields import SPLITS
from attnforge.data.reading.findings import Findings
from attnforge.data.reading.metadata import Metadata, with_splits
from attnforge.data.reading.official import has_names, names_file, read_captions, read_names
from attnforge.data.reading.rows import Row, Rows
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
    """Read the metadata of a folder of photographs and collect its problems; invalid content never raises.

    If no json file has one of COCO's own names, the only one whose images mostly exist is used for both
    splits.

    Args:
        root: The folder.
        splits: Which of `train` and `test` are read.
        train: The training json file, relative to the folder; None looks for it, or for AttnGAN's release.
        test: The test json file.
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
    names = {"train": train, "test": test}
    files = {split: _json_file(found, split, names[split]) for split in splits}
    rows = []
    if train is not None and train == test and any(files.values()):
        # one file for both: a hash of each name decides its split
        path = root / train
        all_rows = with_splits(Rows.of(read_annotations(found, path, None)))
        rows = [row for row in all_rows if row.split in splits]
    else:
        rows = [row for split, path in files.items() if path for row in read_annotations(found, path, split)]
    paths = [path for path in files.values() if path]
    source = paths[0] if len(set(paths)) == 1 else root / "annotations"
    return found.metadata(rows, source=source, splits=splits)


def _official(found: Findings, split: str) -> list[Row]:
    """The images of AttnGAN's release: both of COCO's sets in one folder."""
    names = read_names(found, split)
    captions = read_captions(found, split, names)
    rows = [
        Row(f"images/{name}.jpg", of_image, class_id=None, box=None, split=split, line=None)
        for name, of_image in zip(names, captions, strict=True)
    ]
    existing = found.with_images(rows, at=names_file(found.root, split), folder=found.root / "images")
    return [row for row in existing if row.captions]


def _only_usable(root: Path) -> str | None:
    """The only json file whose images mostly exist; None if a file has one of COCO's names."""
    names = _json_names(root)
    if any(re.fullmatch(pattern, name) for pattern in NAMES.values() for name in names):
        return None
    usable = []
    for name in names:
        trial = Findings("coco", root)
        if len(read_annotations(trial, root / "annotations" / name, None)) > len(trial.problems):
            usable.append(f"annotations/{name}")
    return usable[0] if len(usable) == 1 else None


def _json_names(root: Path) -> list[str]:
    folder = root / "annotations"
    return sorted(path.name for path in folder.glob("*.json")) if folder.is_dir() else []


def _json_file(found: Findings, split: str, name: str | None) -> Path | None:
    """The json file of a split, or None after reporting a problem."""
    if name is not None:
        return found.root / name if found.inside(name, at=found.root) else None
    folder, names = found.root / "annotations", _json_names(found.root)
    matching = [file for file in names if re.fullmatch(NAMES[split], file)]
    if len(matching) == 1:
        return folder / matching[0]
    shown = ", ".join(matching or names) or "no json file"
    ambiguous = f"several files match split {split}: {shown}"
    message = ambiguous if matching else f"there is no file for {split}; the folder has {shown}"
    if not names:
        found.problem(code="no-annotations", message=message, at=folder, expected=OWN)
        return None
    expected = (
        f"`{split}: annotations/NAME.json` in the recipe's data, which may be the file of the other split"
    )
    step = shlex.join(["attnforge", "data", "prepare", "coco", "-o", str(found.root)])
    for option in SPLITS:
        usual = [file for file in names if re.fullmatch(NAMES[option], file)]
        step += f" --set {option}=annotations/{(usual or names)[0]}"
    found.problem(code="no-annotations", message=message, at=folder, expected=expected, next_step=step)
    return None
