"""The tracker `wandb`: scalars, images and the frozen recipe of a run in Weights & Biases."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Annotated

from pydantic import Field

from attnforge.specs import TrackerSpec
from attnforge_wandb.accounts import end_of, keep_account, open_account
from attnforge_wandb.opening import Mode, open_run

Project = Annotated[str, Field(min_length=1, max_length=128, pattern=r"^[^/\\#?%:]*$")]
"""A valid project name of wandb."""


class WandbTracker:
    """Logs a run to Weights & Biases, with one id however often training is stopped and resumed.

    The scalar `loss` of the phase `gan` becomes `gan/loss`, plotted over `gan/step`; the samples of a phase
    become `gan/samples` with their captions. The frozen recipe becomes the run's config. wandb writes to
    `wandb/` of the run folder, and `wandb.json` there has the id.

    Args:
        project: The project that the run belongs to.
        entity: The user or team that the project belongs to; by default wandb's.
        name: The run's name in wandb; by default that of the run folder.
        mode: `online` sends during training and needs a key; `offline` only writes files, which
            `wandb sync` sends later. The variable WANDB_MODE is ignored.
        tags: Labels to find the run by.

    Raises:
        RunError: `wandb-no-key`, `wandb-unreachable` or `wandb-refused`; it never prompts.
    """

    def __init__(
        self,
        spec: TrackerSpec,
        *,
        project: Project = "attnforge",
        entity: str | None = None,
        name: str | None = None,
        mode: Mode = "online",
        tags: tuple[str, ...] = (),
    ) -> None:
        self.folder = Path(spec.run)
        self.account = open_account(self.folder, entity=entity, project=project)
        self.run = open_run(
            self.account,
            mode=mode,
            name=name or self.folder.name,
            tags=tags,
            config=spec.recipe,
            folder=self.folder,
        )
        if mode == "online":
            self.account = replace(self.account, url=self.run.url)
            keep_account(self.folder, self.account)
        self.phases: set[str] = set()
        self.closed = False

    def scalars(self, values: Mapping[str, float], *, phase: str, step: int) -> None:
        """Log scalars of a step of a phase."""
        self._log({f"{phase}/{name}": value for name, value in values.items()}, phase=phase, step=step)

    def images(self, paths: Sequence[str], *, phase: str, step: int) -> None:
        """Log the samples of a phase, each with its caption."""
        from wandb import Image

        captions = _captions(self.folder)
        images = [
            Image(path, caption=captions.get(int(Path(path).stem)) if Path(path).stem.isdigit() else None)
            for path in paths
        ]
        self._log({f"{phase}/samples": images}, phase=phase, step=step)

    def close(self) -> None:
        """Finish the run, as crashed if training failed; a second call does nothing."""
        if self.closed:
            return
        self.closed = True
        self.run.finish(exit_code=1 if end_of(self.folder, self.account) == "failed" else 0)

    def _log(self, values: Mapping[str, object], *, phase: str, step: int) -> None:
        if phase not in self.phases:
            # each phase counts its own steps, and a resumed run repeats some: wandb's own counter, which
            # can only grow, would drop both
            self.run.define_metric(f"{phase}/*", step_metric=f"{phase}/step")
            self.phases.add(phase)
        self.run.log({**values, f"{phase}/step": step})


def _captions(folder: Path) -> dict[int, str]:
    """The fixed captions by number, from samples/captions.json of the run folder; empty without the file."""
    try:
        entries = json.loads((folder / "samples" / "captions.json").read_text(encoding="utf-8"))
        return {int(entry["index"]): str(entry["caption"]) for entry in entries}
    except (OSError, ValueError, TypeError, KeyError):
        return {}
