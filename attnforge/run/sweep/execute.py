"""Trains the runs of a sweep one after another, going on where it was left."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from attnforge.errors import Problem, RunError
from attnforge.recipe import ResolvedRecipe
from attnforge.run.exclusive import exclusive
from attnforge.run.progress import Reporter
from attnforge.run.stop import StopSignal
from attnforge.run.sweep.plan import Plan
from attnforge.run.sweep.results import write_results
from attnforge.run.sweep.state import SweepState
from attnforge.run.training import train

ENCODERS = "encoders"


@dataclass(frozen=True, slots=True)
class _Job:
    """Something to train."""

    label: str
    folder: Path
    resolved: ResolvedRecipe
    digest: str


def states(plan: Plan) -> dict[str, str]:
    """How far each thing to train is, by its folder's name: `new`, `begun`, `finished` or `changed`."""
    state = SweepState(plan.out)
    found = {}
    for job in _jobs(plan):
        name = job.folder.name
        begun = state.begun(name)
        there = (job.folder / "recipe.lock.yaml").is_file()
        if state.finished(name, job.digest):
            found[name] = "finished"
        elif begun == job.digest:
            found[name] = "begun"
        else:
            found[name] = "changed" if there else "new"
    return found


def run_sweep(plan: Plan, *, reporter: Reporter, again: str, stop: StopSignal | None = None) -> bool:
    """Train and measure what is not finished, and write the results after each run.

    A run whose training fails, such as one whose losses grow beyond all numbers, is told in the end; the
    others are trained all the same.

    Args:
        plan: The runs.
        reporter: Tells the user.
        again: The command that goes on with the sweep.
        stop: What hears signals, already entered; one for each run when not given.

    Returns:
        Whether everything was trained; False when a signal asked to leave.

    Raises:
        RunError: A run in the folder was begun with another recipe, or runs have failed.
        DataError: The data is missing or malformed.
    """
    with exclusive(plan.out, purpose="a sweep", warn=reporter.warning):
        return _run(plan, reporter=reporter, again=again, stop=stop)


def _run(plan: Plan, *, reporter: Reporter, again: str, stop: StopSignal | None) -> bool:
    _refuse_changed(plan)
    state = SweepState(plan.out)
    failed: list[Problem] = []
    jobs = _jobs(plan)
    for number, job in enumerate(jobs, start=1):
        name = job.folder.name
        head = f"[{number}/{len(jobs)}] {job.label}"
        if state.finished(name, job.digest):
            reporter.line(f"{head}: finished before")
            continue
        reporter.line(head)
        state.note(name, job.digest, finished=False)
        try:
            outcome = train(job.resolved, job.folder, resume=True, reporter=reporter, stop=stop)
        except RunError as error:
            if name == ENCODERS:
                raise
            failed += [replace(one, message=f"{job.label}: {one.message}") for one in error.problems]
            reporter.line(f"{head}: failed; going on with the others")
            continue
        except KeyboardInterrupt:
            reporter.line(f"go on with: {again}")
            raise
        if not outcome.finished:
            reporter.line(f"go on with the sweep: {again}")
            return False
        state.note(name, job.digest, finished=True)
        write_results(plan)
    write_results(plan)
    if failed:
        raise RunError(failed)
    return True


def _jobs(plan: Plan) -> list[_Job]:
    jobs = []
    if plan.encoders is not None and plan.encoders.resolved is not None:
        resolved = plan.encoders.resolved
        jobs.append(_Job("encoders for all runs", plan.encoders.folder, resolved, resolved.digest))
    jobs += [_Job(run.label, run.folder, run.resolved, run.digest) for run in plan.runs]
    return jobs


def _refuse_changed(plan: Plan) -> None:
    changed = [name for name, state in states(plan).items() if state == "changed"]
    if not changed:
        return
    raise RunError(
        [
            Problem(
                code="sweep-changed",
                message=f"{plan.out / name} was begun with another recipe than the sweep asks for now",
                expected="the values that it was begun with, another --out, or the folder removed",
                next_step=f"attnforge show {plan.out / name}/recipe.lock.yaml",
            )
            for name in changed
        ]
    )
