"""Writes a run as a page."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from attnforge.errors import Problem, RunError
from attnforge.export.graphs import Graphs
from attnforge.export.web.contents import (
    CHECK_SEED,
    check,
    check_captions,
    page_data,
    programs,
    refuse_without_page,
    store_weights,
)
from attnforge.export.web.page import render
from attnforge.export.web.weights import Precision, Weights
from attnforge.sampling.pipeline import Pipeline
from attnforge.storage.alone import not_written
from attnforge.storage.folder import write_text


@dataclass(frozen=True, slots=True)
class WrittenPage:
    """A page that was written."""

    path: Path
    size: int
    """In bytes."""
    difference: float
    """The mean difference of its images from the run's, of values from 0 to 255, because of its precision."""


def export_page(
    run: Path, out: Path, *, precision: Precision = "int8", words: int | None = None
) -> WrittenPage:
    """Write one HTML file that generates a run's images in the browser, without a server.

    Args:
        run: The run, or one of its checkpoints.
        out: The file to create.
        precision: How weights are stored.
        words: The most tokens of a caption; see `Graphs.of`.

    Raises:
        RunError: the run needs more than captions, or has a part that pages cannot compute; or the file
            exists or cannot be written.
    """
    refuse_existing(out)
    pipeline = Pipeline.load(run, device="cpu")
    tokenizer = refuse_without_page(pipeline)
    graphs = Graphs.of(pipeline, words=words)
    text, generator, arrays = programs(graphs)
    weights = Weights(arrays, precision=precision)
    captions = check_captions(graphs)
    exact = _final_images(pipeline, captions)
    store_weights(pipeline, precision)
    stored = _final_images(pipeline, captions)
    script, state = tokenizer.page_tokenizer()
    others = {
        "arrays": weights.arrays,
        "tokenizer": state,
        "check": check(graphs, captions[0], stored[0]),
    }
    title = f"{pipeline.run.path.resolve().name} - attnforge"
    data = page_data(graphs, text, generator, others)
    page = render(title, data=data, weights=weights.text(), tokenizer=script)
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        write_text(out, page)
    except OSError as error:
        raise not_written(out, error) from error
    difference = np.mean([np.abs(a - b.astype(float)).mean() for a, b in zip(exact, stored, strict=True)])
    return WrittenPage(out, out.stat().st_size, float(difference))


def refuse_existing(out: Path) -> None:
    """Refuse to replace a file, or to write where a folder is.

    Raises:
        RunError: there is one.
    """
    if out.exists() or out.is_symlink():
        what = "is a folder" if out.is_dir() else "exists"
        message = f"{out} {what}, and exporting replaces nothing"
        step = f"ls {out.parent}"
        raise RunError(Problem("export-exists", message, expected="the name of a new file", next_step=step))


def _final_images(pipeline: Pipeline, captions: list[str]) -> list[np.ndarray]:
    return [image.images[-1] for image in pipeline.generate(captions, seed=CHECK_SEED)]
