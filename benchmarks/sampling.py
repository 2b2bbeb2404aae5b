"""Measures how fast images of the bird model are sampled, compared with the official code, in one run.

Two sections. `generator`: captions in, images out. `disk`: the same with image files written to a folder.
Everything is counted in processor time, that of all threads together, so that what other processes do matters
little; the ways take turns, and each ratio is one of neighbouring turns. Weights are random, with running
statistics as after training.
"""

from __future__ import annotations

import argparse
import csv
import json
import platform
import shutil
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from typing import Literal, cast

import numpy as np
import PIL
import torch
from official_sampling import OfficialSampling
from torch import nn
from training_games import KNOWN, SMALL, SMALL_IMAGE, quick_initialisation

from attnforge.build import assemble
from attnforge.build.parts import Parts
from attnforge.recipe import resolve
from attnforge.sampling.bulk.captions import CaptionLine, CaptionReader
from attnforge.sampling.bulk.generating import BlockGenerator
from attnforge.sampling.bulk.layouts import Layout
from attnforge.sampling.bulk.plan import Part
from attnforge.sampling.bulk.work import sample_blocks

OFFICIAL = "official"
WORDS = (8, 18)
"""Words of the shortest and the longest caption."""

Way = Callable[[], object]


@dataclass(frozen=True, slots=True)
class Row:
    """Measurements of one way."""

    section: str
    way: str
    milliseconds: float
    """Processor time an image: the median of all turns."""
    milliseconds_low: float
    """The 10% quantile of the turns."""
    milliseconds_high: float
    """The 90% quantile."""
    images_per_second_and_core: float
    ratio: float
    """Speed relative to the official way of the section: the median over adjacent turns."""
    ratio_low: float
    ratio_high: float


def parts_of_birds(*, small: bool) -> Parts:
    """The bird model with random weights and statistics."""
    narrow = (*SMALL, SMALL_IMAGE) if small else ()
    recipe = assemble(resolve(KNOWN["bird"].recipe, overrides=narrow))
    tokenizer = recipe.tokenizer()
    tokenizer.fit([" ".join(f"w{number}" for number in range(1, KNOWN["bird"].vocabulary))])
    parts = Parts(recipe, tokenizer=tokenizer, device=torch.device("cpu"))
    with quick_initialisation():
        generator = cast("nn.Module", parts.generator).eval()
    cast("nn.Module", parts.text).eval()
    draws = torch.Generator().manual_seed(0)
    for module in generator.modules():
        if isinstance(module, nn.BatchNorm1d | nn.BatchNorm2d):
            assert module.running_mean is not None and module.running_var is not None  # noqa: S101, PT018
            module.running_mean.normal_(0, 0.1, generator=draws)
            module.running_var.uniform_(0.5, 1.5, generator=draws)
    return parts


def random_captions(count: int) -> list[str]:
    """Captions of as many words as those of birds."""
    draw = Random(0)  # noqa: S311
    return [" ".join(f"w{draw.randrange(1, 60)}" for _ in range(draw.randint(*WORDS))) for _ in range(count)]


def ways(parts: Parts, captions: Sequence[str], folder: Path) -> dict[tuple[str, str], Way]:
    """What is compared, by section and name; each samples every caption once."""
    assert parts.generator is not None  # noqa: S101  (the recipe has one)
    network = parts.generator
    official = OfficialSampling(parts)
    lines = [CaptionLine(number, text, len(text.split())) for number, text in enumerate(captions, 1)]
    file = folder / "captions.txt"
    file.write_text("".join(f"{caption}\n" for caption in captions))
    reader = CaptionReader(path=file, tokenizer=parts.tokenizer)
    checked = reader.check(block_lines=len(captions))

    def generator(precision: Literal["float32", "bf16"]) -> BlockGenerator:
        return BlockGenerator(parts, network, seed=1, per_caption=1, precision=precision)

    single, half = generator("float32"), generator("bf16")

    def to_disk(generator: BlockGenerator, image_format: Literal["png", "jpeg"]) -> None:
        out = folder / "attnforge"
        shutil.rmtree(out, ignore_errors=True)
        sample_blocks(
            generator,
            reader,
            checked,
            Layout(folder=out, format=image_format),
            part=Part(),
            per_caption=1,
            encoders=1,
            progress=lambda images, before: None,
            warn=print,
        )

    saved = folder / OFFICIAL
    saved.mkdir()
    return {
        ("generator", OFFICIAL): lambda: official.generate(captions),
        ("generator", "attnforge"): lambda: list(single.images(lines)),
        ("generator", "attnforge, bf16"): lambda: list(half.images(lines)),
        ("disk", OFFICIAL): lambda: official.to_disk(captions, saved),
        ("disk", "attnforge, PNG"): lambda: to_disk(single, "png"),
        ("disk", "attnforge, JPEG"): lambda: to_disk(single, "jpeg"),
        ("disk", "attnforge, bf16, PNG"): lambda: to_disk(half, "png"),
        ("disk", "attnforge, bf16, JPEG"): lambda: to_disk(half, "jpeg"),
    }


def measure(compared: dict[tuple[str, str], Way], *, images: int, repeats: int) -> list[Row]:
    """Alternate the ways, after one turn to warm up."""
    spent: dict[tuple[str, str], list[float]] = {key: [] for key in compared}
    for repeat in range(repeats + 1):
        for key, sample in compared.items():
            start = time.process_time()
            sample()
            if repeat:
                spent[key].append(1e3 * (time.process_time() - start) / images)
    rows = []
    for (section, way), turns in spent.items():
        times, base = np.array(turns), np.array(spent[section, OFFICIAL])
        low, middle, high = np.quantile(times, (0.1, 0.5, 0.9)).tolist()
        ratio_low, ratio, ratio_high = np.quantile(base / times, (0.1, 0.5, 0.9)).tolist()
        rows.append(Row(section, way, middle, low, high, 1e3 / middle, ratio, ratio_low, ratio_high))
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--images", type=int, default=10, help="captions of a turn: the official batch")
    parser.add_argument("--repeats", type=int, default=7)
    parser.add_argument("--small", action="store_true", help="narrow networks, to check that it runs")
    parser.add_argument("--device", default="cpu", help="what the machine is called in the results")
    parser.add_argument("--out", type=Path, help="a folder for sampling.json and sampling.csv")
    options = parser.parse_args()
    torch.set_num_threads(1)
    parts = parts_of_birds(small=options.small)
    with TemporaryDirectory() as scratch:
        compared = ways(parts, random_captions(options.images), Path(scratch))
        rows = measure(compared, images=options.images, repeats=options.repeats)
    print(f"{'section':12}{'way':24}{'ms':>8}{'10-90%':>16}{'a second':>10}{'ratio':>8}{'10-90%':>14}")
    for row in rows:
        spread = f"{row.milliseconds_low:.1f}-{row.milliseconds_high:.1f}"
        ratios = f"{row.ratio_low:.2f}-{row.ratio_high:.2f}"
        speed = f"{row.images_per_second_and_core:,.1f}"
        print(f"{row.section:12}{row.way:24}{row.milliseconds:8.1f}{spread:>16}{speed:>10}", end="")
        print(f"{row.ratio:8.2f}{ratios:>14}")
    if options.out is not None:
        _write(options.out, options, rows)


def _write(folder: Path, options: argparse.Namespace, rows: list[Row]) -> None:
    about = {
        "device": options.device,
        "processor": platform.processor() or platform.machine(),
        "python": platform.python_version(),
        "torch": torch.__version__,
        "pillow": PIL.__version__,
        "recipe": KNOWN["bird"].recipe,
        "images": options.images,
        "repeats": options.repeats,
    }
    plain = [
        {key: round(value, 3) if isinstance(value, float) else value for key, value in asdict(row).items()}
        for row in rows
    ]
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "sampling.json").write_text(json.dumps({"about": about, "rows": plain}, indent=2) + "\n")
    with (folder / "sampling.csv").open("w", newline="") as opened:
        table = csv.DictWriter(opened, fieldnames=list(plain[0]), lineterminator="\n")
        table.writeheader()
        table.writerows(plain)


if __name__ == "__main__":
    main()
