"""A folder for a model hub: weights that `attnforge.load` reads, and a card for people."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, cast

from torch import nn

from attnforge import __version__
from attnforge.errors import RunError
from attnforge.evaluate.headlines import CHANCE, headlines, is_share, notes, with_unit, withheld, written
from attnforge.evaluate.measured import Measurement, read_measurements
from attnforge.evaluate.results import FOLDER, Result, read_result
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
        if captions and not _missing_extras(pipeline):
            contact_sheet(pipeline.generate(captions, count=NOISES, seed=SEED), out / GRID)
            paths.append(out / GRID)
        source = pipeline.run.path / CAPTIONS
        if source.is_file():
            shutil.copyfile(source, out / CAPTIONS)
            paths.append(out / CAPTIONS)
        write_text(out / CARD, card(pipeline, captions, grid=out / GRID in paths))
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


def card(pipeline: Pipeline, captions: Sequence[str], *, grid: bool) -> str:
    """The model card, as Markdown with front matter."""
    return "\n".join([*_front_matter(pipeline), *_body(pipeline, captions, grid=grid), ""])


def _front_matter(pipeline: Pipeline) -> list[str]:
    data = {
        "title": f"{_title(pipeline)}",
        "library_name": "attnforge",
        "pipeline_tag": "text-to-image",
        "tags": ["text-to-image", "gan", "attnforge"],
    }
    licence = "license: unknown  # fill in; the licence of the training images may bind the weights too"
    return ["---", *write_yaml(data).splitlines(), licence, "---", ""]


def _body(pipeline: Pipeline, captions: Sequence[str], *, grid: bool) -> Iterator[str]:
    checkpoint, generator = pipeline.checkpoint, pipeline.generator
    sizes = ", ".join(f"{size} x {size}" for size in generator.image_sizes)
    weights = sum(weight.numel() for weight in cast("nn.Module", generator).parameters())
    yield f"# {_title(pipeline)}"
    yield ""
    yield (
        f"A text-to-image GAN, whose generator has {weights:,} weights, trained with attnforge "
        f"{checkpoint.manifest.attnforge} for {checkpoint.step:,} steps of phase `{checkpoint.phase}`. "
        f"It generates images of {sizes} pixels."
    )
    yield ""
    if grid:
        yield f"![One row for each caption, one column for each noise; images not selected]({GRID})"
        yield ""
    yield from ["## Use", "", "```python", "import attnforge", ""]
    caption = captions[0] if captions else "a caption"
    yield 'model = attnforge.load("FOLDER")  # this folder, downloaded'
    yield f'model({caption!r}, n=8, seed=1).save("images")'
    yield from [
        "```",
        "",
        f"It needs attnforge {__version__} or newer, and the plugins that `recipe.lock.yaml`",
    ]
    yield "names. `attnforge import hub FOLDER -o RUN` makes a run of it, for the other commands."
    yield from ["", "## Metrics", ""]
    yield from _metrics(pipeline)
    yield from ["", "## Limits", ""]
    yield from _limits(pipeline)


def _metrics(pipeline: Pipeline) -> Iterator[str]:
    measured = list(_measured(pipeline))
    if not measured:
        yield "This checkpoint was not measured."
        return
    yield "| Metric | Value | By chance | Measured on |"
    yield "|---|---|---|---|"
    remarks: dict[str, str] = {}
    reported = {name for metrics, _ in measured for name in headlines(metrics)}
    for metrics, protocol in measured:
        for name in headlines(metrics):
            share = is_share(name, metrics)
            chance = metrics.get(name + CHANCE)
            by_chance = f"{100 * chance:.1f}" if isinstance(chance, int | float) else ""
            title = with_unit(name, share=share)
            yield f"| {title} | {written(name, metrics)} | {by_chance} | {protocol(name)} |"
        for name, reason in withheld(metrics).items():
            if name not in reported:
                yield f"| {name} | withheld: {reason} | | {protocol(name)} |"
        remarks |= notes(metrics)
    for name, remark in remarks.items():
        yield f"\n{name}: {remark}."


def _measured(pipeline: Pipeline) -> Iterator[tuple[Mapping[str, Any], Callable[[str], str]]]:
    """The values of the checkpoint, each with what it was measured on, by its name."""
    checkpoint = pipeline.checkpoint.folder.name
    for measurement in read_measurements(pipeline.run, phases=list(pipeline.recipe.phases)):
        if measurement.name == checkpoint:
            yield measurement.metrics, partial(_protocol, measurement)
    for path in sorted((pipeline.run.path / FOLDER).glob("*.json")):
        try:
            result = read_result(path)
        except RunError as error:
            warn_on_stderr(f"the card lacks damaged results: {error.problems[0].message}")
            continue
        if result.weights.get("checkpoint") == checkpoint:
            yield result.metrics, partial(_result_protocol, result)


def _result_protocol(result: Result, name: str) -> str:
    """By which protocol a value was measured; all values of a result are by the same."""
    return f"protocol `{result.protocol}` of attnforge"


def _protocol(measurement: Measurement, name: str) -> str:
    """What a value was measured on, and the options of its metric."""
    protocol = measurement.protocol
    captions = measurement.metrics.get("captions", protocol.get("captions"))
    data = protocol.get("data")
    source = data.get("use", "") if isinstance(data, dict) else data
    text = f"{captions} captions of the test split of `{source}`, seed {protocol.get('seed')}"
    metric = next((key for key, value in measurement.main.items() if value == name), None)
    options = protocol["metrics"].get(metric) if isinstance(protocol.get("metrics"), dict) else None
    if not isinstance(options, dict):
        return text
    shown = [f"{key} {value}" for key, value in options.items() if key != "use" and value is not None]
    return "; ".join([text, ", ".join(shown)] if shown else [text])


def _limits(pipeline: Pipeline) -> Iterator[str]:
    size = pipeline.parts.tokenizer.vocabulary_size
    yield f"- It knows {size - 1:,} tokens, those of its training captions; other words are skipped."
    yield "- It shows what its training images show, with their biases; other captions give poor images."
    if extras := _missing_extras(pipeline):
        yield f"- It needs {', '.join(extras)} besides a caption."
    yield "- Metrics compare systems only where everything else in their row agrees."


def _title(pipeline: Pipeline) -> str:
    return pipeline.run.path.resolve().name


def _missing_extras(pipeline: Pipeline) -> list[str]:
    return sorted(set(pipeline.parts.extras) - pipeline.parts.completed_extras)
