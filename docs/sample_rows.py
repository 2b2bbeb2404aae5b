"""Renders docs/images/table-3.png: the last samples of trained runs, a row for each.

    attnforge sweep table-3-sketch-birds
    python docs/sample_rows.py docs/images/table-3.png RUN RUN ...

The runs are those of seed 1, in the order of the page. Samples of one caption are below each other.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from PIL import Image

GAP = 2
"""Pixels between images."""
COLORS = 256


def last_samples(run: Path) -> list[Path]:
    """The images of the last step that a run has sampled at, in the order of captions."""
    folders = sorted((run / "samples").glob("*-*/"), key=lambda folder: int(folder.name.rpartition("-")[2]))
    return sorted(folders[-1].glob("[0-9]*.png"))


def render(runs: Sequence[Path]) -> Image.Image:
    """A page with a row of samples for each run."""
    rows = [[Image.open(path).convert("RGB") for path in last_samples(run)] for run in runs]
    width, height = (side + GAP for side in rows[0][0].size)
    columns = max(map(len, rows))
    page = Image.new("RGB", (columns * width - GAP, len(rows) * height - GAP), "white")
    for number, row in enumerate(rows):
        for column, image in enumerate(row):
            page.paste(image, (column * width, number * height))
    return page.quantize(COLORS)


if __name__ == "__main__":
    render([Path(run) for run in sys.argv[2:]]).save(sys.argv[1], optimize=True)
