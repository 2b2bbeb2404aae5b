"""Trains the runs of a sweep one after another, resuming where it stopped."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from attnforge.errors import Problem, RunError
from attnforge.recipe import ResolvedRecipe
from attnforge.run.stop import StopSignal
from attnforge.run.training import train
from attnforge.storage.exclusive import exclusive
from attnforge.sweep.plan import Plan
from attnforge.sweep.state import SweepState
from attnforge.sweep.writing import write_results
from attnforge.train.progress import Reporter

ENCODERS = "encoders"


@dataclass(frozen=True, slots=True)
class _Job:
    """A run to train: the shared encoders or a run of the sweep."""

    label: str
    folder: Path
    resolved: ResolvedRecipe
    digest: str


def states(plan: Plan) -> dict[str, str]:
    """The state of each run by the name of its folder: `new`, `started`, `finished` or `changed`."""
    state = SweepState(plan.out)
    known = {}
    for job in _jobs(plan):
        name = job.folder.name
        exists = (job.folder / "recipe.lock.yaml").is_file()
        if state.finished(name, job.digest):
            known[name] = "finished"
        elif state.digest(name) == job.digest:
            known[name] = "started"
        else:
            known[name] = "changed" if exists else "new"
    return known


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
            if name == ENCODERS:
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
    write_results(plan)
    if problems:
        raise RunError(problems)
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
                message=f"{plan.out / name} was started with another recipe than the sweep has now",
                expected="the original values, another --out, or the folder removed",
                next_step=f"attnforge show {plan.out / name}/recipe.lock.yaml",
            )
            for name in changed
        ]
    )
