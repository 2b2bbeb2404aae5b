"""Estimates the work of a sweep before it is trained: steps, floating point operations, hours on one GPU."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import chain

from attnforge.build import assemble
from attnforge.build.datasets import Datasets
from attnforge.errors import AttnforgeError, DataError
from attnforge.recipe import ResolvedRecipe
from attnforge.recipe.schema import Recipe
from attnforge.run.estimate.step import estimate_step
from attnforge.run.pretrained import phases_to_train
from attnforge.run.tasks import steps_of
from attnforge.sweep.plan import Plan

SECONDS_PER_HOUR = 3600


@dataclass(frozen=True, slots=True, kw_only=True)
class PhaseWork:
    """What one phase of a run computes."""

    run: str
    phase: str
    steps: int | None
    """None where an epoch's images are unknown."""
    flop_per_step: int | None
    """None where the step could not be estimated; `reason` says why."""
    reason: str = ""

    def hours(self, teraflops: float) -> float | None:
        """Hours at so many 10^12 operations a second, without loading, sampling and measuring."""
        if self.steps is None or self.flop_per_step is None:
            return None
        return self.steps * self.flop_per_step / (teraflops * 1e12) / SECONDS_PER_HOUR


def work_of(plan: Plan, *, images: int | None = None) -> Iterator[PhaseWork]:
    """What each phase of each run computes, shared encoders first.

    Runs of one configuration compute the same, so a phase is estimated once for all seeds.

    Args:
        plan: The sweep's plan.
        images: Images of the training split, for recipes of epochs whose data is missing.
    """
    known: dict[str, list[PhaseWork]] = {}
    encoders = ((shared.title, shared.title, shared.resolved) for shared in plan.encoders)
    runs = ((run.label, run.configuration, run.resolved) for run in plan.runs)
    for label, configuration, resolved in chain(encoders, runs):
        if resolved is None:
            continue
        if configuration not in known:
            known[configuration] = list(_phases(resolved, images=images))
        yield from (replace(phase, run=label) for phase in known[configuration])


def _phases(resolved: ResolvedRecipe, *, images: int | None) -> Iterator[PhaseWork]:
    recipe = assemble(resolved)
    count = _training_images(recipe) or images
    for name in phases_to_train(recipe)[0]:
        phase = recipe.phases[name]
        known = phase.steps is not None or count is not None
        steps = steps_of(phase, images=count or 0) if known else None
        flop, reason = None, ""
        try:
            flop = estimate_step(recipe, name).flop
        except (NotImplementedError, AttnforgeError) as error:
            text = error.problems[0].message if isinstance(error, AttnforgeError) else str(error)
            reason = " ".join(text.split("\n")[0].split())
        yield PhaseWork(run="", phase=name, steps=steps, flop_per_step=flop, reason=reason)


def _training_images(recipe: Recipe) -> int | None:
    try:
        return len(Datasets(recipe.data, on_bad_image="error").of_any_size("train"))
    except DataError:
        return None
