"""The runs of a page: their names, checkpoints and inputs, and their networks in memory."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypedDict

from attnforge.errors import Problem, RunError
from attnforge.optional import ListsWords
from attnforge.play.limits import KEPT_CHECKPOINTS, MAX_EXAMPLES, MAX_WORDS
from attnforge.sampling.pipeline import Pipeline, generator_checkpoints
from attnforge.storage.captions import fixed_captions
from attnforge.train.progress import warn_on_stderr


class RunDescription(TypedDict):
    """What the page has to know about a run."""

    name: str
    summary: str
    checkpoint: str
    """The name of the checkpoint that is shown first."""
    checkpoints: list[str]
    extras: dict[str, list[int]]
    """Names and shapes of what the model needs besides captions."""
    optional: list[str]
    """Names of those that the generator completes where they are not given."""
    searches: bool
    """Whether the recipe samples in another way than from noise alone."""
    examples: list[str]
    """Captions to begin with: those that the run was sampled with."""
    words: list[str]
    """Words that it knows, the most frequent first; none if it cannot list them."""


@dataclass(frozen=True, slots=True)
class PlayedRun:
    """A run, loaded with the checkpoint that is shown first."""

    name: str
    pipeline: Pipeline
    checkpoints: tuple[str, ...]

    def describe(self) -> RunDescription:
        """What the page has to know about the run."""
        parts, tokenizer = self.pipeline.parts, self.pipeline.parts.tokenizer
        return RunDescription(
            name=self.name,
            summary=self.pipeline.recipe.summary,
            checkpoint=self.pipeline.checkpoint.folder.name,
            checkpoints=list(self.checkpoints),
            extras={name: list(shape) for name, shape in parts.extras.items()},
            optional=sorted(parts.completed_extras),
            searches=self.pipeline.recipe.sampling is not None,
            examples=list(fixed_captions(self.pipeline.run.path))[:MAX_EXAMPLES],
            words=list(tokenizer.known_words[:MAX_WORDS]) if isinstance(tokenizer, ListsWords) else [],
        )


class PlayedRuns:
    """The runs in the order of the command line.

    Only the worker's thread asks for pipelines, so that no lock is needed.

    Args:
        runs: The runs.
        load: Loads another checkpoint of a run, by the folder of the run and the name of the checkpoint.
        kept: Checkpoints kept in memory besides those of `runs`; the least recently used is dropped.
    """

    def __init__(
        self,
        runs: Sequence[PlayedRun],
        *,
        load: Callable[[Path, str], Pipeline],
        kept: int = KEPT_CHECKPOINTS,
    ) -> None:
        self.runs = tuple(runs)
        self._load = load
        self._kept = kept
        self._others: OrderedDict[tuple[int, str], Pipeline] = OrderedDict()

    @classmethod
    def load(
        cls,
        paths: Sequence[Path],
        *,
        device: str = "auto",
        overrides: Sequence[str] = (),
        warn: Callable[[str], None] = warn_on_stderr,
    ) -> PlayedRuns:
        """Load runs.

        Args:
            paths: Run folders, or checkpoints.
            device: Where to compute; `auto` uses a GPU if there is one.
            overrides: How images are generated, as `KEY=VALUE`.
            warn: Called for every checkpoint that is skipped, and for parts that cannot be loaded.

        Raises:
            AttnforgeError: a run cannot be loaded; see `Pipeline.load`.
        """
        warned = set[str]()

        def warn_once(text: str) -> None:
            """What concerns a whole run is not repeated for each of its checkpoints."""
            if text not in warned:
                warned.add(text)
                warn(text)

        pipelines = [
            Pipeline.load(path, device=device, overrides=overrides, warn=warn_once) for path in paths
        ]
        runs = []
        for name, pipeline in zip(_names(pipelines), pipelines, strict=True):
            saved = generator_checkpoints(pipeline.run, pipeline.recipe, warn=warn_once)
            names = tuple(checkpoint.folder.name for checkpoint in saved)
            _ = pipeline.regions  # so that the first caption does not wait for the image encoder's library
            runs.append(PlayedRun(name, pipeline, names))

        def load(path: Path, checkpoint: str) -> Pipeline:
            return Pipeline.load(
                path, device=device, checkpoint=checkpoint, overrides=overrides, warn=warn_once
            )

        return cls(runs, load=load)

    def __getitem__(self, number: int) -> PlayedRun:
        """A run by its number.

        Raises:
            RunError: there is no such run on the page.
        """
        if number < len(self.runs):
            return self.runs[number]
        message = f"the page has no run {number}"
        names = ", ".join(f"{place} ({run.name})" for place, run in enumerate(self.runs))
        raise RunError(Problem("no-such-model", message, expected=f"one of {names}"))

    def pipeline(self, number: int, checkpoint: str | None = None) -> Pipeline:
        """A run with a checkpoint, loaded if it is not in memory.

        Args:
            number: The run's number on the page.
            checkpoint: The checkpoint's name; by default the one that is shown first.

        Raises:
            RunError: there is no such run or checkpoint, or it was deleted or damaged since.
        """
        run = self[number]
        if checkpoint in (None, run.pipeline.checkpoint.folder.name):
            return run.pipeline
        if checkpoint not in run.checkpoints:
            message = f"{run.name} has no checkpoint {checkpoint!r}"
            raise RunError(Problem("no-such-model", message, expected=f"one of {', '.join(run.checkpoints)}"))
        key = (number, checkpoint)
        if key not in self._others:
            while self._others and len(self._others) >= self._kept:
                self._others.popitem(last=False)
            self._others[key] = self._load(run.pipeline.run.path, checkpoint)
        self._others.move_to_end(key)
        return self._others[key]


def _names(pipelines: Sequence[Pipeline]) -> list[str]:
    """Names that differ: of the folders, with those of parents or checkpoints where needed."""
    paths = [pipeline.run.path.resolve() for pipeline in pipelines]
    names = [path.name for path in paths]
    if len(set(names)) < len(names):
        names = [f"{path.parent.name}/{path.name}" for path in paths]
    if len(set(names)) < len(names):
        names = [
            f"{name} {pipeline.checkpoint.folder.name}"
            for name, pipeline in zip(names, pipelines, strict=True)
        ]
    if len(set(names)) < len(names):
        names = [f"{number}: {name}" for number, name in enumerate(names, start=1)]
    return names
