"""Composes the report of a run: generates its fixed captions, collects plugin sections, writes the page."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from html import escape
from pathlib import Path

from attnforge.errors import AttnforgeError, RunError
from attnforge.plugin import PluginCatalogue, load_plugins
from attnforge.plugin.hooks import Failure
from attnforge.recipe.needed import GENERATING, resolve_needed
from attnforge.report.measured import section as measured_section
from attnforge.report.noises import Noises, other_noises
from attnforge.report.page import write_report
from attnforge.report.record import read_record
from attnforge.report.symptoms import section as symptoms_section
from attnforge.sampling.generated import GeneratedImage
from attnforge.sampling.pipeline import Pipeline
from attnforge.sampling.samples import SampledCaptions, sampled_captions
from attnforge.storage.captions import fixed_captions
from attnforge.storage.checkpoints.search import saved_folders
from attnforge.storage.intact import intact_lock
from attnforge.storage.locating import RunLocation, locate_run


def report_run(run: Path, *, device: str = "auto", plugins: PluginCatalogue | None = None) -> Path:
    """Write the report of a run, with images of the fixed captions from its newest checkpoint.

    A run without a generator yet gets a report without images.

    Args:
        run: The run folder, or the checkpoint to generate with.
        device: Where to generate; `auto` uses a GPU if there is one.
        plugins: The plugins whose sections to add; by default all that are installed.

    Returns:
        The path of the report.

    Raises:
        RunError: The run is missing, it has no checkpoint at all, or the report cannot be written.
    """
    location = locate_run(run)
    folder = location.run
    catalogue = plugins if plugins is not None else load_plugins()
    samples, noises, extras = _generate(location, device=device, plugins=catalogue)
    lock = intact_lock(folder, warn=lambda text: None)  # warned of when the checkpoint was loaded
    digest = resolve_needed(lock, needed=GENERATING, plugins=catalogue, warn=lambda text: None).digest
    sections = symptoms_section(folder.path)
    sections += measured_section(read_record(folder.path).measurements)
    sections += _plugin_sections(catalogue, folder.path)
    return write_report(
        folder.path, samples=samples, noises=noises, sections=sections, extras=extras, digest=digest
    )


def _plugin_sections(catalogue: PluginCatalogue, run: Path) -> list[tuple[str, str]]:
    """The sections of plugins; one that raises gets a section with the error instead."""
    disabled = set(catalogue.hooks.skipped)
    failures: list[Failure] = []
    hooks = catalogue.hooks.with_listener(failures.append)
    results = hooks.call("attnforge_report_sections", read=_sections, run=run)
    reasons = dict.fromkeys(disabled, "it raised earlier, and its hooks are disabled")
    reasons |= {failure.plugin: str(failure) for failure in failures}
    return [section for _, sections in results for section in sections] + [
        (f"Plugin {plugin}", f"<p>No section: {escape(reason)}.</p>")
        for plugin, reason in sorted(reasons.items())
    ]


def _sections(result: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
    sections = []
    for title, body in result:
        if not isinstance(title, str) or not isinstance(body, str):
            raise TypeError(f"a section must be a title and HTML, both strings, not {title!r} and {body!r}")
        sections.append((title, body))
    return sections


def _generate(
    location: RunLocation, *, device: str, plugins: PluginCatalogue
) -> tuple[list[GeneratedImage], Noises | None, Mapping[str, Sequence[float]]]:
    """Images of the fixed captions, the same with other noise, and the extras of the first."""
    folder = location.run
    try:
        pipeline = Pipeline.load(folder.path, device=device, checkpoint=location.checkpoint, plugins=plugins)
    except RunError as error:
        saved = bool(saved_folders(folder.checkpoints))
        if saved and [problem.code for problem in error.problems] == ["no-generator-yet"]:
            return [], None, {}
        raise
    chosen = _captions(pipeline)
    samples = pipeline.generate(
        chosen.captions, seed=pipeline.recipe.samples.seed, attention=True, extras=chosen.extras
    )
    extras = {name: values[0].flatten().tolist() for name, values in chosen.extras.items()}
    return samples, other_noises(pipeline, chosen), extras


def _captions(pipeline: Pipeline) -> SampledCaptions:
    """The captions that the run sampled; without its data, those that it recorded."""
    recorded = tuple(fixed_captions(pipeline.run.path))
    try:
        chosen = sampled_captions(pipeline.parts, count=pipeline.recipe.samples.count)
    except AttnforgeError:
        if not recorded or pipeline.parts.extras:
            raise
        return SampledCaptions(recorded, {})
    return chosen if recorded in ((), chosen.captions) else SampledCaptions(recorded, {})
