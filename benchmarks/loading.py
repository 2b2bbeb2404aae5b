"""Measures how fast images of CUB are loaded, compared with the official loader.

An image is loaded when a batch holds it at 64, 128 and 256 pixels as floats in [-1, 1]: decoded, cut to its
bird, resized, cut at random, mirrored. All of that is counted, on one core and in processor time, so that
what other processes do matters little; the ways take turns, and each ratio is one of neighbouring turns.

Without `--data` images of noise are drawn that have the sizes, the detail and the boxes of CUB's.
"""

from __future__ import annotations

import argparse
import csv
import json
import platform
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import mean
from tempfile import TemporaryDirectory
from typing import Literal

import large_data
import numpy as np
import PIL
import torch
from attnforge_attngan.tokenizer import WordTokenizer
from attnforge_cub.dataset import Cub
from attnforge_cub.release import read_release
from official_loading import OfficialLoading
from photographs import write_birds

from attnforge.adversarial.pyramid import pyramid
from attnforge.data.feeding.collate import EncodedSamples, collate
from attnforge.specs import DataSpec

SIZES = (64, 128, 256)
WORDS = 18
BASE = "official"

Batches = Callable[[], object]


@dataclass(frozen=True, slots=True)
class Line:
    """Measurements of one method."""

    way: str
    milliseconds: float
    """Processor time an image: the median of all turns."""
    milliseconds_low: float
    """The 10% quantile of the turns."""
    milliseconds_high: float
    """The 90% quantile."""
    wall_milliseconds: float
    images_per_second_and_core: float
    ratio: float
    """Speed relative to the official loader: the median over adjacent repetitions."""
    ratio_low: float
    ratio_high: float


def ways(root: Path, *, images: int, batch_size: int) -> dict[str, Batches]:
    """The ways of loading that are compared; each loads `images` images once when it is called."""
    rows = read_release(root, splits=("train",)).usable().rows[:images]
    starts = range(0, len(rows), batch_size)
    official = OfficialLoading(SIZES)
    listed = [(root / row.file_name, row.box) for row in rows]
    tokenizer = WordTokenizer()
    tokenizer.fit([caption for row in rows for caption in row.captions])
    turn = iter(range(1 << 30))

    def encoded(data: Cub) -> Iterator[EncodedSamples]:
        seed = next(turn) * len(rows)  # every turn draws other squares, as every epoch does
        for start in starts:
            places = range(start, min(start + batch_size, len(rows)))
            seeds = [seed + place for place in places]
            samples = [data.sample(place, seed=one) for place, one in zip(places, seeds, strict=True)]
            yield collate(samples, tokenizer=tokenizer, max_words=WORDS, seeds=seeds)

    def everything(data: Cub) -> None:
        for one in encoded(data):
            batch = one.batch()
            pyramid(batch.image, SIZES, levels=batch.levels)

    def opened(cache: Literal["memory", "none"]) -> Cub:
        return Cub(DataSpec(split="train", image_size=SIZES[-1]), root=str(root), cache=cache)

    uncached, cached = opened("none"), opened("memory")
    return {
        BASE: lambda: [official.batch(listed[start : start + batch_size]) for start in starts],
        "attnforge": lambda: everything(uncached),
        "attnforge, up to the batch of bytes": lambda: [None for _ in encoded(uncached)],
        "attnforge, cache: memory": lambda: everything(cached),
    }


def measure(compared: dict[str, Batches], *, images: int, repeats: int) -> list[Line]:
    """Alternate the methods, after one warm-up repetition."""
    spent: dict[str, list[tuple[float, float]]] = {name: [] for name in compared}
    for repeat in range(repeats + 1):
        for name, load in compared.items():
            wall, processor = time.perf_counter(), time.process_time()
            load()
            if repeat:
                taken = (time.process_time() - processor, time.perf_counter() - wall)
                spent[name].append((1e3 * taken[0] / images, 1e3 * taken[1] / images))
    base = np.array(spent[BASE])[:, 0]
    lines = []
    for name, turns in spent.items():
        processor_times, wall_times = np.array(turns).T
        low, middle, high = np.quantile(processor_times, (0.1, 0.5, 0.9)).tolist()
        ratio_low, ratio, ratio_high = np.quantile(base / processor_times, (0.1, 0.5, 0.9)).tolist()
        wall_time = float(np.median(wall_times))
        lines.append(Line(name, middle, low, high, wall_time, 1e3 / middle, ratio, ratio_low, ratio_high))
    return lines


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, help="a folder in the layout of CUB; else one is generated")
    parser.add_argument("--images", type=int, default=200)
    parser.add_argument("--batch-size", type=int, default=20)
    parser.add_argument("--repeats", type=int, default=15)
    parser.add_argument("--device", default="cpu", help="what the machine is called in the results")
    parser.add_argument("--out", type=Path, help="a folder that loading.json and loading.csv are written to")
    parser.add_argument(
        "--growth", type=int, nargs="+", help="numbers of images: measures `large_data` instead"
    )
    given = parser.parse_args()
    torch.set_num_threads(1)
    if given.growth:
        large_data.show(given.growth, birds=0, steps=large_data.STEPS)
        return
    with TemporaryDirectory() as scratch:
        root = given.data or Path(scratch)
        if given.data is None:
            write_birds(root, count=given.images)
        rows = read_release(root, splits=("train",)).usable().rows[: given.images]
        compared = ways(root, images=len(rows), batch_size=given.batch_size)
        lines = measure(compared, images=len(rows), repeats=given.repeats)
        about = {
            "device": given.device,
            "processor": platform.processor() or platform.machine(),
            "python": platform.python_version(),
            "torch": torch.__version__,
            "pillow": PIL.__version__,
            "images": len(rows),
            "kilobytes_per_image": round(
                mean((root / row.file_name).stat().st_size for row in rows) / 1e3, 1
            ),
            "data": "drawn" if given.data is None else given.data.name,
            "batch_size": given.batch_size,
            "repeats": given.repeats,
            "sizes": list(SIZES),
        }
    print(f"{'way':38}{'ms':>8}{'10-90%':>16}{'a second':>10}{'ratio':>8}{'10-90%':>14}")
    for line in lines:
        spread = f"{line.milliseconds_low:.2f}-{line.milliseconds_high:.2f}"
        ratios = f"{line.ratio_low:.2f}-{line.ratio_high:.2f}"
        speed = f"{line.images_per_second_and_core:,.0f}"
        print(f"{line.way:38}{line.milliseconds:8.2f}{spread:>16}{speed:>10}{line.ratio:8.2f}{ratios:>14}")
    if given.out is not None:
        _write(given.out, about, lines)


def _write(folder: Path, about: dict[str, object], lines: list[Line]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    plain = [
        {key: round(value, 3) if isinstance(value, float) else value for key, value in asdict(line).items()}
        for line in lines
    ]
    (folder / "loading.json").write_text(json.dumps({"about": about, "lines": plain}, indent=2) + "\n")
    with (folder / "loading.csv").open("w", newline="") as opened:
        table = csv.DictWriter(opened, fieldnames=list(plain[0]), lineterminator="\n")
        table.writeheader()
        table.writerows(plain)


if __name__ == "__main__":
    main()
