"""The tracker `tensorboard`: scalars, images and the frozen recipe of a run as TensorBoard event files."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated

import numpy as np
import yaml
from PIL import Image
from pydantic import Field
from torch.utils.tensorboard import SummaryWriter

from attnforge.specs import TrackerSpec
from attnforge_tensorboard.section import FOLDER

EVENT_FILES = "events.out.tfevents.*"


class TensorBoardTracker:
    """Writes event files below `tensorboard/` of the run folder, one folder for each phase.

    Each phase is a run of TensorBoard, since each counts its own steps. Scalars have the names of
    metrics.jsonl, and the image of fixed caption 3 is `samples/03`. Where a resumed run repeats steps,
    TensorBoard shows only the later ones.

    Args:
        flush_seconds: Seconds after which scalars are on disk at the latest.
    """

    def __init__(
        self, spec: TrackerSpec, *, flush_seconds: Annotated[int, Field(ge=1, le=3_600)] = 30
    ) -> None:
        self.run = Path(spec.run)
        self.recipe = spec.recipe
        self.flush_seconds = flush_seconds
        self.writers: dict[str, SummaryWriter] = {}

    def scalars(self, values: Mapping[str, float], *, phase: str, step: int) -> None:
        """Log scalars of a step of a phase."""
        writer = self._writer(phase, step)
        for name, value in values.items():
            writer.add_scalar(name, value, step)

    def images(self, paths: Sequence[str], *, phase: str, step: int) -> None:
        """Log the samples of a phase."""
        writer = self._writer(phase, step)
        for path in paths:
            with Image.open(path) as image:
                pixels = np.asarray(image.convert("RGB"))
            writer.add_image(f"samples/{Path(path).stem}", pixels, step, dataformats="HWC")

    def close(self) -> None:
        """Flush and close the files; a second call does nothing."""
        while self.writers:
            _, writer = self.writers.popitem()
            writer.close()

    def _writer(self, phase: str, step: int) -> SummaryWriter:
        if phase not in self.writers:
            folder = self.run / FOLDER / phase
            resumed = any(folder.glob(EVENT_FILES))
            # TensorBoard drops what earlier files have from this step on, which is about to be repeated
            writer = SummaryWriter(
                str(folder), purge_step=step if resumed else None, flush_secs=self.flush_seconds
            )
            if not resumed:
                writer.add_text("recipe", _as_code(yaml.safe_dump(dict(self.recipe), sort_keys=False)), step)
                writer.add_text("captions", _captions(self.run), step)
            self.writers[phase] = writer
        return self.writers[phase]


def _as_code(text: str) -> str:
    """A text as a code block of Markdown, which TensorBoard renders."""
    return "\n".join(f"    {line}" for line in text.splitlines())


def _captions(run: Path) -> str:
    """The fixed captions as a list of Markdown, from samples/captions.json; empty without the file."""
    try:
        entries = json.loads((run / "samples" / "captions.json").read_text(encoding="utf-8"))
        return "\n".join(f"- {int(entry['index']):02d}: {entry['caption']}" for entry in entries)
    except (OSError, ValueError, TypeError, KeyError):
        return ""
