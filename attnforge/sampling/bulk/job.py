"""The work of one process on a file of captions."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch

from attnforge.compute.allocation import keep_freed_memory
from attnforge.recipe.schema import Precision
from attnforge.sampling.bulk.captions import CaptionReader, CheckedCaptions
from attnforge.sampling.bulk.generating import BlockGenerator
from attnforge.sampling.bulk.layouts import Layout
from attnforge.sampling.bulk.plan import Part
from attnforge.sampling.bulk.work import sample_blocks
from attnforge.sampling.pipeline import Pipeline


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """What a process samples, and how: plain values.

    Args:
        checkpoint: The folder of the checkpoint.
        captions: The file.
        layout: Where images are written.
        part: Which blocks.
        per_caption: Images of each caption.
        seed: Seed of the noise.
        skip_unknown: Whether lines without a known word are skipped.
        extras: What the model needs besides captions, for lines without their own.
        overrides: How the generator is asked, `KEY=VALUE` each; by default as the recipe says.
        precision: `bf16` computes convolutions and matrix products in bfloat16.
        device: Where to compute.
        batch_size: Images of a batch; by default what suits the device.
        encoders: Threads that encode images; 0 for as many as the machine has cores, up to 8.
        threads: Threads that compute on a CPU; None for torch's choice.
    """

    checkpoint: Path
    captions: Path
    layout: Layout
    part: Part = field(default_factory=Part)
    per_caption: int = 1
    seed: int = 1
    skip_unknown: bool = False
    extras: Mapping[str, Any] = field(default_factory=dict)
    overrides: tuple[str, ...] = ()
    precision: Precision = "float32"
    device: str = "auto"
    batch_size: int | None = None
    encoders: int = 0
    threads: int | None = None

    def load(self, warn: Callable[[str], None], *, device: str | None = None) -> Pipeline:
        """The run; see `Pipeline.load`."""
        return Pipeline.load(
            self.checkpoint, device=device or self.device, overrides=self.overrides, warn=warn
        )

    def reader(self, pipeline: Pipeline) -> CaptionReader:
        """What reads the captions for a run."""
        return CaptionReader(
            path=self.captions,
            tokenizer=pipeline.parts.tokenizer,
            shapes=pipeline.parts.extras,
            extras=self.extras,
            completed=pipeline.parts.completed_extras,
            skip_unknown=self.skip_unknown,
        )

    def work(
        self,
        pipeline: Pipeline,
        captions: CheckedCaptions,
        *,
        progress: Callable[[int, bool], None],
        warn: Callable[[str], None],
    ) -> None:
        """Sample the blocks of the part in this process.

        Args:
            pipeline: The run.
            captions: The checked file.
            progress: Called with the images of each block, and whether they were there before.
            warn: Called where the file system has no locks.

        Raises:
            AttnforgeError: images cannot be written, or the file was changed.
        """
        if self.threads is not None:
            torch.set_num_threads(self.threads)
        keep_freed_memory(pipeline.parts.device)
        generator = BlockGenerator(
            pipeline.parts,
            pipeline.generator,
            seed=self.seed,
            per_caption=self.per_caption,
            batch_size=self.batch_size,
            precision=self.precision,
        )
        sample_blocks(
            generator,
            self.reader(pipeline),
            captions,
            self.layout,
            part=self.part,
            per_caption=self.per_caption,
            encoders=self.encoders,
            progress=progress,
            warn=warn,
        )
