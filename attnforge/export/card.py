"""The model card of an exported run, as Markdown with front matter."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple, cast

from torch import nn

from attnforge import __version__
from attnforge.evaluate.headlines import chance, headlines, is_share, notes, with_unit, withheld, written
from attnforge.evaluate.measured import read_measurements
from attnforge.evaluate.results import FOLDER, read_result
from attnforge.recipe.needed import GENERATING, resolve_needed
from attnforge.recipe.scalars import write as write_yaml
from attnforge.sampling.pipeline import Pipeline

OWN = "attnforge"


class _Measured(NamedTuple):
    """Values that were measured together."""

    metrics: Mapping[str, Any]
    protocol: str
    """On what, in words."""
    deviations: Sequence[str] = ()
    """In what it differs from what others did under the protocol's name."""


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


def _measured(pipeline: Pipeline) -> list[_Measured]:
    """What was measured of the checkpoint: by protocols, and by its recipe where no protocol has the same."""
    name = pipeline.checkpoint.folder.name
    results = map(read_result, sorted((pipeline.run.path / FOLDER).glob("*.json")))
    measured = [
        _Measured(result.metrics, f"protocol `{result.protocol}` of attnforge", result.deviations)
        for result in results
        if result.weights.get("checkpoint") == name
    ]
    known = [_values(part.metrics) for part in measured]
    for measurement in read_measurements(pipeline.run, phases=list(pipeline.recipe.phases)):
        if measurement.name == name and _values(measurement.metrics) not in known:
            captions = measurement.metrics.get("captions", measurement.protocol.get("captions"))
            data = measurement.protocol["data"]
            data = data.get("use", "") if isinstance(data, dict) else data
            on = f"{captions:,} captions of the test split of `{data}`"
            measured.append(_Measured(measurement.metrics, on))
    return measured


def _values(metrics: Mapping[str, Any]) -> dict[str, Any]:
    return {name: metrics[name] for name in headlines(metrics)}


def _metrics(pipeline: Pipeline) -> Iterator[str]:
    measured = [part for part in _measured(pipeline) if headlines(part.metrics) or withheld(part.metrics)]
    if not measured:
        yield "This checkpoint was not measured."
        return
    yield "| Metric | Value | By chance | Measured on |"
    yield "|---|---|---|---|"
    for metrics, protocol, _ in measured:
        for name in headlines(metrics):
            title = with_unit(name, share=is_share(name, metrics))
            yield f"| {title} | {written(name, metrics)} | {chance(name, metrics)} | {protocol} |"
        for name in withheld(metrics):
            yield f"| {name} | withheld | | {protocol} |"
    remarks = [f"- {part.protocol}: {text.rstrip('.')}." for part in measured for text in part.deviations]
    for metrics, _, _ in measured:
        remarks += [f"- {name}: {text}." for name, text in (withheld(metrics) | notes(metrics)).items()]
    yield from ([""] if remarks else [])
    yield from dict.fromkeys(remarks)


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
