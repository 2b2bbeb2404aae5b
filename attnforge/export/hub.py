"""A folder for a model hub: weights that `attnforge.load` reads, and a card for people."""

from __future__ import annotations

import shutil
from pathlib import Path

from attnforge.export.card import card, missing_extras
from attnforge.export.graphs import sample_captions
from attnforge.recipe.needed import GENERATING, resolve_needed
from attnforge.recipe.scalars import write as write_yaml
from attnforge.sampling.pipeline import Pipeline
from attnforge.sheets.pages import contact_sheet
from attnforge.storage.alone import import_alone, not_written, read_alone, write_alone
from attnforge.storage.folder import RunFolder, write_text
from attnforge.train.progress import warn_on_stderr

CARD, GRID, CAPTIONS = "README.md", "samples/grid.png", "samples/captions.json"
MAX_CAPTIONS, NOISES, SEED = 6, 4, 1


def export_hub(run: Path, out: Path) -> list[Path]:
    """Write a folder for a model hub; nothing is uploaded.

    Args:
        run: The run, or one of its checkpoints.
        out: The folder to create.

    Raises:
        RunError: the run has no generator yet, or the folder has files or cannot be written.
    """
    pipeline = Pipeline.load(run)
    paths = write_alone(pipeline.checkpoint, out)
    captions = sample_captions(pipeline)[:MAX_CAPTIONS]
    try:
        (out / "samples").mkdir()
        if captions and not missing_extras(pipeline):
            contact_sheet(pipeline.generate(captions, count=NOISES, seed=SEED), out / GRID)
            paths.append(out / GRID)
        source = pipeline.run.path / CAPTIONS
        if source.is_file():
            shutil.copyfile(source, out / CAPTIONS)
            paths.append(out / CAPTIONS)
        write_text(out / CARD, card(pipeline, captions, grid=GRID if out / GRID in paths else None))
    except OSError as error:
        raise not_written(out, error) from error
    return [*paths, out / CARD]


def export_weights(run: Path, out: Path) -> list[Path]:
    """Write the weights of a run with what `attnforge.load` needs to read them.

    Args:
        run: The run, or one of its checkpoints.
        out: The folder to create.

    Raises:
        RunError: the run has no generator yet, or the folder has files or cannot be written.
    """
    return write_alone(Pipeline.load(run, device="cpu").checkpoint, out)


def import_hub(folder: Path, out: Path) -> RunFolder:
    """Create a run from an exported folder.

    Raises:
        RunError: there is no exported run in `folder`, or it is damaged, or `out` holds a run or cannot be
            written.
        RecipeError: generating needs a plugin that is not installed.
    """
    checkpoint = read_alone(folder)
    recipe = ""
    if checkpoint is not None:
        resolved = resolve_needed(checkpoint.lock, needed=GENERATING, warn=warn_on_stderr)
        recipe = write_yaml(resolved.plain())
    return import_alone(folder, out, recipe=recipe)
