"""Trains and measures the runs of a sweep one after another, resuming where it stopped."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from attnforge.errors import Problem, RunError
from attnforge.evaluate.evaluating import evaluate_run
from attnforge.recipe import ResolvedRecipe
from attnforge.run.changes import changes_between, is_free
from attnforge.run.stop import StopSignal
from attnforge.run.training import train
from attnforge.storage.exclusive import exclusive
from attnforge.sweep.plan import Plan, PlannedMeasurement
from attnforge.sweep.results import overrides_of, read_results, runs_to_measure
from attnforge.sweep.state import SweepState
from attnforge.sweep.writing import write_results
from attnforge.train.progress import Reporter


@dataclass(frozen=True, slots=True)
class _Job:
    """A run to train: shared encoders or a run of the sweep."""

    label: str
    folder: Path
    resolved: ResolvedRecipe
    digest: str
    is_shared: bool
    """Whether other runs need it."""


def states(plan: Plan) -> dict[str, str]:
    """The state of each run by the name of its folder.

    It is `new`, `started`, `finished`, `remeasured` where its recipe now measures otherwise than it did, or
    `changed` where it trains otherwise.
    """
    return {job.folder.name: _state(job, SweepState(plan.out)) for job in _jobs(plan)}


def run_sweep(plan: Plan, *, reporter: Reporter, command: str, stop: StopSignal | None = None) -> bool:
    """Train and measure the runs that are not finished, and write the results after each.

    When a run fails, such as one whose losses become infinite, the others are still trained; the error is
    raised at the end.

    Args:
        plan: The runs.
        reporter: Where progress is reported.
        command: The command that resumes the sweep.
        stop: The signal handler, already entered; by default one for each run.

    Returns:
        Whether everything was trained; False when a signal stopped it.

    Raises:
        RunError: A run in the folder was started with another recipe, or runs have failed.
        DataError: The data is missing or malformed.
    """
    with exclusive(plan.out, purpose="a sweep", warn=reporter.warning):
        return _run(plan, reporter=reporter, command=command, stop=stop)


def _run(plan: Plan, *, reporter: Reporter, command: str, stop: StopSignal | None) -> bool:
    _refuse_changed(plan)
    state = SweepState(plan.out)
    problems: list[Problem] = []
    jobs = _jobs(plan)
    for number, job in enumerate(jobs, start=1):
        name = job.folder.name
        head = f"[{number}/{len(jobs)}] {job.label}"
        if state.finished(name, job.digest):
            reporter.line(f"{head}: already finished")
            continue
        reporter.line(head)
        state.record(name, job.digest, finished=False)
        try:
            outcome = train(job.resolved, job.folder, resume=True, reporter=reporter, stop=stop)
        except RunError as error:
            if job.is_shared:
                raise
            problems += [
                replace(problem, message=f"{job.label}: {problem.message}") for problem in error.problems
            ]
            reporter.line(f"{head}: failed; continuing with the next run")
            continue
        except KeyboardInterrupt:
            reporter.line(f"resume the sweep with: {command}")
            raise
        if not outcome.finished:
            reporter.line(f"resume the sweep with: {command}")
            return False
        state.record(name, job.digest, finished=True)
        write_results(plan)
    for measurement in plan.measurements:
        try:
            _measure(plan, measurement, reporter)
        except RunError as error:
            problems += error.problems
        except KeyboardInterrupt:
            reporter.line(f"resume the sweep with: {command}")
            raise
    write_results(plan)
    if problems:
        raise RunError(problems)
    return True


def _measure(plan: Plan, measurement: PlannedMeasurement, reporter: Reporter) -> None:
    """Measure the runs of a configuration again; what was measured before is reused."""
    of, runs = runs_to_measure(plan, measurement, read_results(plan))
    if not runs:
        which = f"of {of}" if of else f"with the metric `{measurement.of_highest}`"
        reporter.line(f"{measurement.configuration}: not measured, because no run {which} is finished")
    for run in runs:
        reporter.line(f"{run.label}: measuring {of} again")
        evaluate_run(
            run.folder,
            overrides=overrides_of(plan, measurement),
            device=str(run.resolved.data()["training"]["device"]),
            reporter=reporter,
        )


def _jobs(plan: Plan) -> list[_Job]:
    shared = [
        _Job(encoders.title, encoders.folder, encoders.resolved, encoders.resolved.digest, is_shared=True)
        for encoders in plan.encoders
        if encoders.resolved is not None
    ]
    runs = [_Job(run.label, run.folder, run.resolved, run.digest, is_shared=False) for run in plan.runs]
    return [*shared, *runs]


def _state(job: _Job, state: SweepState) -> str:
    name, lock = job.folder.name, job.folder / "recipe.lock.yaml"
    if state.finished(name, job.digest):
        return "finished"
    if state.digest(name) == job.digest:
        return "started"
    if not lock.is_file():
        return "new"
    # the place of encoders is no part of a digest either, so that a sweep may be moved
    changed = [key for key in changes_between(lock, job.resolved) if not key.startswith("pretrained")]
    affecting = [key for key in changed if not is_free(key)]
    return "changed" if affecting or state.digest(name) is None else "remeasured"


def _refuse_changed(plan: Plan) -> None:
    changed = [name for name, state in states(plan).items() if state == "changed"]
    if not changed:
        return
    raise RunError(
        [
            Problem(
                code="sweep-changed",
                message=f"{plan.out / name} was started with another recipe than the sweep has now",
                expected="the original values, another --out, or the folder removed",
                next_step=f"attnforge show {plan.out / name}/recipe.lock.yaml",
            )
            for name in changed
        ]
    )
