"""Samples a file of captions: checks everything, then works in one or several processes."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from dataclasses import replace

import torch

from attnforge import __version__
from attnforge.device_names import AUTO
from attnforge.sampling.bulk.captions import CheckedCaptions
from attnforge.sampling.bulk.job import Job
from attnforge.sampling.bulk.manifest import Manifest, claim
from attnforge.sampling.bulk.plan import lines_per_block
from attnforge.sampling.bulk.processes import work_in_processes
from attnforge.sampling.pipeline import Pipeline
from attnforge.train.progress import Reporter, duration

MAX_ENCODERS = 8
LINE_SECONDS = 15.0
"""Seconds between two lines of progress."""


def sample_file(job: Job, *, processes: int, reporter: Reporter, local_rank: int = 0) -> None:
    """Sample the captions of a file that are not sampled yet; see `attnforge sample --captions`.

    Nothing is written before every line of the file was checked.

    Args:
        job: What to sample; its checkpoint may be a run, whose newest checkpoint is taken.
        processes: How many processes divide the job on this machine.
        reporter: Where progress and warnings are reported.
        local_rank: Which of the processes on this machine this is, to choose a GPU.

    Raises:
        AttnforgeError: the run or the file cannot be used, the folder holds other images, or writing fails.
    """
    # several processes use the device themselves; here only the vocabulary is needed then
    pipeline = job.load(reporter.warning, device="cpu" if processes > 1 else _device(job.device, local_rank))
    captions = job.reader(pipeline).check(block_lines=lines_per_block(job.per_caption))
    if captions.unknown:
        reporter.warning(str(captions.unknown))
    if captions.skipped:
        reporter.warning(f"{captions.skipped:,} lines without a known word are skipped")
    claim(job.layout.folder, _manifest(job, pipeline, captions))
    job = replace(job, checkpoint=pipeline.checkpoint.folder, encoders=job.encoders or _encoders(processes))
    images = sum(captions.usable[block] for block in job.part.blocks(captions.blocks)) * job.per_caption
    progress = BulkProgress(images, reporter=reporter)
    try:
        _work(job, pipeline, captions, processes=processes, progress=progress, warn=reporter.warning)
    except KeyboardInterrupt:
        reporter.line("stopped; the same command resumes")
        raise
    progress.end()


def _work(
    job: Job,
    pipeline: Pipeline,
    captions: CheckedCaptions,
    *,
    processes: int,
    progress: Callable[[int, bool], None],
    warn: Callable[[str], None],
) -> None:
    if processes == 1:
        job.work(pipeline, captions, progress=progress, warn=warn)
        return
    threads = max(1, torch.get_num_threads() // processes)
    jobs = [
        replace(job, part=part, threads=threads, device=_device(job.device, number))
        for number, part in enumerate(job.part.split(processes))
    ]
    work_in_processes(jobs, captions, progress=progress)


class BulkProgress:
    """Counts the images of a part and reports them every few seconds.

    Args:
        images: Images of the part.
        reporter: Where to report.
        clock: Seconds.
    """

    def __init__(
        self, images: int, *, reporter: Reporter, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._images = images
        self._reporter = reporter
        self._clock = clock
        self._start = self._last = clock()
        self.sampled = 0
        self.existing = 0

    def __call__(self, images: int, before: bool, /) -> None:
        """Count the images of a block, which were there `before` or were sampled."""
        if before:
            self.existing += images
            return
        self.sampled += images
        now = self._clock()
        if now - self._last >= LINE_SECONDS:
            self._last = now
            rate = self.sampled / max(1e-6, now - self._start)
            left = duration((self._images - self.existing - self.sampled) / rate)
            done = self.existing + self.sampled
            self._reporter.line(f"{done:,} of {self._images:,} images  {rate:.1f} images/s, {left} left")

    def end(self) -> None:
        """Report the sum."""
        kept = f", {self.existing:,} were there before" if self.existing else ""
        self._reporter.line(
            f"{self.sampled:,} images sampled in {duration(self._clock() - self._start)}{kept}"
        )


def _manifest(job: Job, pipeline: Pipeline, captions: CheckedCaptions) -> Manifest:
    extras = {name: [float(value) for value in values] for name, values in sorted(job.extras.items())}
    return {
        "attnforge": __version__,
        "run": pipeline.run.path.name,
        "checkpoint": pipeline.checkpoint.folder.name,
        "weights": pipeline.checkpoint.digest,
        "captions": captions.digest,
        "lines": captions.lines,
        "skipped_lines": captions.skipped,
        "block_lines": captions.block_lines,
        "per_caption": job.per_caption,
        "seed": job.seed,
        "sampling": " ".join(job.overrides) or None,
        "extras": str(extras) if extras else None,
        "precision": job.precision,
        "format": job.layout.format,
        "shards": job.layout.shards,
        "quality": job.layout.quality if job.layout.format == "jpeg" else None,
    }


def _device(name: str, process: int) -> str:
    """The device of a process: processes of one machine take turns on its GPUs."""
    if name not in (AUTO, "cuda") or not torch.cuda.is_available():
        return name
    count = torch.cuda.device_count()
    return f"cuda:{process % count}" if count > 1 else name


def _encoders(processes: int) -> int:
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, min(MAX_ENCODERS, cores // processes))
