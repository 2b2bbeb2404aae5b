"""Measures time and memory before the first batch, and what each worker adds, as the data grows.

For each number of images a folder with five captions an image is written, whose files are hard links to few
small JPEGs. Then a process of its own opens it, as training does: metadata, fingerprint, vocabulary, checks
of captions, and batches from two workers. Seconds are processor time of that process, megabytes its resident
memory; of a worker, the pages that it shares with no other process.
"""

from __future__ import annotations

import argparse
import io
import json
import multiprocessing
import os
import resource
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from functools import partial
from itertools import islice
from multiprocessing.connection import Connection
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory

import torch
from attnforge_attngan.tokenizer import WordTokenizer
from attnforge_folder.dataset import Folder
from attnforge_sketch_birds.dataset import SketchBirds
from PIL import Image

from attnforge.data.all_captions import AllCaptions
from attnforge.data.encoding import refuse_unreadable_images
from attnforge.data.feeding.loader import batches
from attnforge.data.fingerprint import fingerprint
from attnforge.interfaces import Dataset
from attnforge.specs import DataSpec

CAPTIONS_PER_IMAGE = 5
IMAGES_PER_FOLDER = 1_000
LINKS_PER_FILE = 20_000
WORDS = (
    "small red blue bird with long pointed beak wings on a branch white belly black crown yellow eye grey sky"
)
STEPS = 3_000
WORKERS = 2


@dataclass(frozen=True, slots=True)
class Growth:
    """What opening a data set of some size takes."""

    data: str
    images: int
    open_seconds: float
    fingerprint_seconds: float
    vocabulary_seconds: float
    checks_seconds: float
    seconds: float
    """Of all of these."""
    megabytes: float
    """Peak of the process."""
    worker_megabytes: float
    """Private memory that a worker adds between its first batch and its last."""


def write_folder(root: Path, images: int) -> None:
    """Write a folder of images that are links to few files."""
    content, random = io.BytesIO(), Random(0)  # noqa: S311
    Image.new("RGB", (80, 80), "red").save(content, "JPEG")
    words, source = WORDS.split(), root
    with (root / "metadata.jsonl").open("w") as stream:
        for number in range(images):
            folder = root / f"{number // IMAGES_PER_FOLDER:04d}"
            path = folder / f"{number:07d}.jpg"
            folder.mkdir(exist_ok=True)
            if number % LINKS_PER_FILE == 0:
                source = path
                source.write_bytes(content.getbuffer())
            else:
                os.link(source, path)
            captions = [
                f"a {' '.join(random.choices(words, k=11))} number {random.randrange(20_000)}"
                for _ in range(CAPTIONS_PER_IMAGE)
            ]
            split = "train" if number % 50 else "test"
            line = {"file_name": f"{folder.name}/{path.name}", "captions": captions, "split": split}
            stream.write(json.dumps(line) + "\n")


def measure(name: str, images: int, open_data: Callable[[], Dataset], *, steps: int = STEPS) -> Growth:
    """Open a data set and load from it, in a process of its own."""
    receiving, sending = multiprocessing.Pipe(duplex=False)
    process = multiprocessing.get_context("fork").Process(
        target=_measure, args=(sending, name, images, open_data, steps)
    )
    process.start()
    sending.close()
    growth: Growth = receiving.recv()
    process.join()
    return growth


def _measure(
    sending: Connection, name: str, images: int, open_data: Callable[[], Dataset], steps: int
) -> None:
    spent: dict[str, float] = {}

    @contextmanager
    def timed(part: str) -> Iterator[None]:
        start = time.process_time()
        yield
        spent[part] = time.process_time() - start

    tokenizer = WordTokenizer()
    with timed("open"):
        data = open_data()
    with timed("fingerprint"):
        fingerprint(data)
    with timed("vocabulary"):
        tokenizer.fit(AllCaptions(data))
    with timed("checks"):
        refuse_unreadable_images(tokenizer, data)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    growth = _worker_growth(data, tokenizer, steps)
    sending.send(
        Growth(
            name,
            images,
            spent["open"],
            spent["fingerprint"],
            spent["vocabulary"],
            spent["checks"],
            sum(spent.values()),
            peak,
            growth,
        )
    )


def _worker_growth(data: Dataset, tokenizer: WordTokenizer, steps: int) -> float:
    loading = batches(data, tokenizer, batch_size=16, seed=1, steps=steps, max_words=18, workers=WORKERS)
    list(islice(loading, 4 * WORKERS))
    first = _private_megabytes()
    last = first
    for number, _ in enumerate(loading):
        if number % 100 == 0 or number > steps - 8 * WORKERS:
            last = _private_megabytes() or last
    return last - first


def _private_megabytes() -> float:
    """Mean private memory of the workers; 0 once they have ended."""
    sizes = []
    for child in multiprocessing.active_children():
        try:
            lines = Path(f"/proc/{child.pid}/smaps_rollup").read_text().splitlines()
        except OSError:
            continue
        sizes.append(sum(int(line.split()[1]) for line in lines if line.startswith("Private")) / 1024)
    return sum(sizes) / len(sizes) if sizes else 0.0


def _folder(root: Path) -> Folder:
    return Folder(DataSpec(split="train", image_size=64), root=str(root))


def _birds(images: int) -> SketchBirds:
    return SketchBirds(DataSpec(split="train", image_size=64), count=images)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--images", type=int, nargs="+", default=[10_000, 100_000, 1_000_000])
    parser.add_argument("--birds", type=int, default=50_000, help="sketch birds; 0 for none")
    parser.add_argument("--steps", type=int, default=STEPS, help="batches of 16 that are loaded")
    parser.add_argument("--out", type=Path, help="a file that is written with the results as JSON")
    options = parser.parse_args()
    torch.set_num_threads(1)
    show(options.images, birds=options.birds, steps=options.steps, out=options.out)


def show(images: Sequence[int], *, birds: int, steps: int, out: Path | None = None) -> None:
    """Print a line for each number of images, and one for sketch birds."""
    results = []
    heads = ("open", "finger", "words", "checks", "all s", "MB", "worker")
    print(f"{'data':14}{'images':>10}" + "".join(f"{head:>8}" for head in heads))
    for count in images:
        with TemporaryDirectory() as scratch:
            write_folder(Path(scratch), count)
            results.append(measure("folder", count, partial(_folder, Path(scratch)), steps=steps))
        _print(results[-1])
    if birds:
        results.append(measure("sketch-birds", birds, partial(_birds, birds), steps=steps))
        _print(results[-1])
    if out is not None:
        out.write_text(json.dumps([asdict(growth) for growth in results], indent=1) + "\n")


def _print(growth: Growth) -> None:
    name, count, *numbers = asdict(growth).values()
    print(f"{name:14}{count:10,}" + "".join(f"{number:8.1f}" for number in numbers), flush=True)


if __name__ == "__main__":
    main()
