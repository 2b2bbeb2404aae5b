"""The model card of an exported run, as Markdown with front matter."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any, cast

from torch import nn

from attnforge import __version__
from attnforge.errors import RunError
from attnforge.evaluate.headlines import chance, headlines, is_share, notes, with_unit, withheld, written
from attnforge.evaluate.measured import Measurement, read_measurements
from attnforge.evaluate.results import FOLDER, Result, read_result
from attnforge.recipe.needed import GENERATING, resolve_needed
from attnforge.recipe.scalars import write as write_yaml
from attnforge.sampling.pipeline import Pipeline
from attnforge.train.progress import warn_on_stderr

OWN = "attnforge"


def card(pipeline: Pipeline, captions: Sequence[str], *, grid: str | None) -> str:
    """The model card.

    Args:
        pipeline: The run.
        captions: Captions that it was shown with.
        grid: Their images, relative to the card; None where there are none.
    """
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


def _body(pipeline: Pipeline, captions: Sequence[str], *, grid: str | None) -> Iterator[str]:
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
        yield f"![One row for each caption, one column for each noise; images not selected]({grid})"
        yield ""
    yield from ["## Use", "", "```python", "import attnforge", ""]
    caption = captions[0] if captions else "a caption"
    yield 'model = attnforge.load("FOLDER")  # this folder, downloaded'
    yield f'model({caption!r}, n=8, seed=1).save("images")'
    yield from ["```", "", f"It needs {' and '.join(_packages(pipeline))}."]
    yield "`attnforge import hub FOLDER -o RUN` makes a run of it, for the other commands."
    yield from ["", "## Metrics", ""]
    yield from _metrics(pipeline)
    yield from ["", "## Limits", ""]
    yield from _limits(pipeline)


def _packages(pipeline: Pipeline) -> list[str]:
    """The packages that generating needs, with the version that each has at least."""
    lock = pipeline.checkpoint.lock
    resolved = resolve_needed(lock, needed=GENERATING, warn=lambda text: None)
    used = [use for use in resolved.components() if use.path.partition(".")[0] in GENERATING]
    owners = [resolved.plugins.owner(use.component) for use in used]
    versions = {OWN: __version__} | {owner.distribution: owner.version for owner in owners}
    return [f"{name} {version} or newer" for name, version in sorted(versions.items())]


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
            title = with_unit(name, share=share)
            yield f"| {title} | {written(name, metrics)} | {chance(name, metrics)} | {protocol(name)} |"
        for name, reason in withheld(metrics).items():
            if name not in reported:
                yield f"| {name} | withheld: {reason} | | {protocol(name)} |"
        remarks |= notes(metrics)
    for name, remark in remarks.items():
        yield f"\n{name}: {remark}."


def _measured(pipeline: Pipeline) -> Iterator[tuple[Mapping[str, Any], Callable[[str], str]]]:
    """The values of the checkpoint, each with what it was measured on, by its name.

    What a protocol measured is also a measurement of the run, and listed once.
    """
    checkpoint, known = pipeline.checkpoint.folder.name, list[dict[str, Any]]()
    for path in sorted((pipeline.run.path / FOLDER).glob("*.json")):
        try:
            result = read_result(path)
        except RunError as error:
            warn_on_stderr(f"the card lacks damaged results: {error.problems[0].message}")
            continue
        if result.weights.get("checkpoint") == checkpoint:
            known.append(_values(result.metrics))
            yield result.metrics, partial(_result_protocol, result)
    for measurement in read_measurements(pipeline.run, phases=list(pipeline.recipe.phases)):
        if measurement.name == checkpoint and _values(measurement.metrics) not in known:
            yield measurement.metrics, partial(_protocol, measurement)


def _values(metrics: Mapping[str, Any]) -> dict[str, Any]:
    return {name: metrics[name] for name in headlines(metrics)}


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
    if extras := missing_extras(pipeline):
        yield f"- It needs {', '.join(extras)} besides a caption."
    yield "- Metrics compare systems only where everything else in their row agrees."


def _title(pipeline: Pipeline) -> str:
    return pipeline.run.path.resolve().name


def missing_extras(pipeline: Pipeline) -> list[str]:
    """What its generator needs besides captions, such as boxes."""
    return sorted(set(pipeline.parts.extras) - pipeline.parts.completed_extras)
