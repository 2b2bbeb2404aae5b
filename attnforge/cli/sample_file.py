"""What `attnforge sample --captions FILE` does."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Literal

import click

OF_FILES = frozenset(
    {
        "image_format",
        "quality",
        "shards",
        "skip_unknown",
        "processes",
        "part",
        "batch_size",
        "encoders",
        "precision",
    }
)
"""The options that have no effect without a file."""


def sample_captions_of(
    file: Path,
    *,
    run: Path,
    out: Path,
    count: int,
    seed: int,
    overrides: tuple[str, ...],
    device: str,
    extras: Mapping[str, Sequence[float]],
    image_format: Literal["png", "jpeg", "npz"],
    quality: int,
    shards: bool,
    skip_unknown: bool,
    processes: int,
    part: str | None,
    batch_size: int | None,
    encoders: int,
    precision: Literal["float32", "bf16"],
) -> None:
    """Sample every line of a file; the arguments are the options of the command.

    Raises:
        AttnforgeError: the run or the file cannot be used, the folder holds other images, or writing fails.
    """
    from attnforge.sampling.bulk.job import Job
    from attnforge.sampling.bulk.layouts import Layout
    from attnforge.sampling.bulk.plan import Part
    from attnforge.sampling.bulk.start import sample_file
    from attnforge.sampling.caption_files import caption_file
    from attnforge.train.progress import ConsoleReporter

    if image_format == "npz" and shards:
        raise click.UsageError("--format npz is an archive already: use it without --shards.")
    share = Part.parse(part) if part is not None else Part.of_environment(os.environ)
    job = Job(
        checkpoint=run,
        captions=caption_file(file),
        layout=Layout(folder=out, format=image_format, shards=shards, quality=quality),
        part=share,
        per_caption=count,
        seed=seed,
        skip_unknown=skip_unknown,
        extras=extras,
        overrides=overrides,
        precision=precision,
        device=device,
        batch_size=batch_size,
        encoders=encoders,
    )
    reporter = ConsoleReporter()
    if share.count > 1:
        reporter.line(f"part {share}")
    rank = os.environ.get("LOCAL_RANK", "0")
    local_rank = int(rank) if part is None and rank.isdecimal() else 0
    sample_file(job, processes=processes, reporter=reporter, local_rank=local_rank)
    reporter.line(str(out))
