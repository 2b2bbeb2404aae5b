"""The report of a run on disk: draws its fixed captions, asks the plugins, writes the page."""

from __future__ import annotations

from collections.abc import Iterable
from html import escape
from pathlib import Path

from attnforge.errors import RunError
from attnforge.plugin import PluginCatalogue, load_plugins
from attnforge.plugin.hooks import Failure
from attnforge.recipe import resolve
from attnforge.run.generated import GeneratedImage
from attnforge.run.intact import intact_lock
from attnforge.run.locating import RunLocation, locate_run
from attnforge.run.pipeline import Pipeline
from attnforge.run.report.measured import section as measured_section
from attnforge.run.report.page import write_report
from attnforge.run.report.record import fixed_captions, read_record
from attnforge.run.samples import FixedSamples
from attnforge.train.checkpoints.search import saved_folders


def report_run(run: Path, *, device: str = "auto", plugins: PluginCatalogue | None = None) -> Path:
    """Write the report of a run, with what its newest checkpoint draws for the fixed captions.

    A run that has trained no generator yet gets a report without drawings.

    Args:
        run: The run folder, or the checkpoint to draw with.
        device: Where to draw; `auto` takes a GPU where there is one.
        plugins: Whose sections to add; all that are installed when not given.

    Returns:
        The path of the report.

    Raises:
        RunError: There is no run, it has no checkpoint at all, or the report cannot be written.
    """
    location = locate_run(run)
    folder = location.run
    drawings = _draw(location, device=device)
    catalogue = plugins if plugins is not None else load_plugins()
    lock = intact_lock(folder, warn=lambda text: None)  # told when the checkpoint was loaded
    digest = resolve(lock, plugins=catalogue).digest
    sections = measured_section(read_record(folder.path).measurements)
    sections += _offered(catalogue, folder.path)
    return write_report(folder.path, drawings=drawings, sections=sections, digest=digest)


def _offered(catalogue: PluginCatalogue, run: Path) -> list[tuple[str, str]]:
    """The sections of plugins; one that raises is charged, and its place in the report says why."""
    before = set(catalogue.hooks.skipped)
    failures: list[Failure] = []
    hooks = catalogue.hooks.with_listener(failures.append)
    offered = hooks.call("attnforge_report_sections", read=_sections, run=run)
    reasons = dict.fromkeys(before, "it raised earlier, and its hooks are left out")
    reasons |= {failure.plugin: str(failure) for failure in failures}
    return [section for _, some in offered for section in some] + [
        (f"Plugin {plugin}", f"<p>It has no section: {escape(reason)}.</p>")
        for plugin, reason in sorted(reasons.items())
    ]


def _sections(result: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
    sections = []
    for title, body in result:
        if not isinstance(title, str) or not isinstance(body, str):
            raise TypeError(f"a section is a title and HTML, both text, not {title!r} and {body!r}")
        sections.append((title, body))
    return sections


def _draw(location: RunLocation, *, device: str) -> list[GeneratedImage]:
    folder = location.run
    try:
        pipeline = Pipeline.load(folder.path, device=device, checkpoint=location.checkpoint)
    except RunError as error:
        saved = bool(saved_folders(folder.checkpoints))
        if saved and [problem.code for problem in error.problems] == ["no-generator-yet"]:
            return []
        raise
    captions = fixed_captions(folder.path) or FixedSamples.choose(pipeline.parts, folder).captions
    return pipeline.generate(captions, seed=pipeline.recipe.sampling.seed, attention=True)
