"""Finds the component behind an error in a phase, and its place in the recipe."""

from __future__ import annotations

import os
from collections.abc import Iterator

from attnforge.build.origin import origin
from attnforge.errors import AttnforgeError, Place, Problem
from attnforge.plugin import Component
from attnforge.recipe import ResolvedRecipe
from attnforge.recipe.tree import Choice, choices
from attnforge.run.machine import TRACEBACK


def phase_problems(error: Exception, *, phase: str, resolved: ResolvedRecipe) -> list[Problem]:
    """The problems behind an error in the first step of a phase.

    Args:
        error: The error.
        phase: The phase's name.
        resolved: The recipe, for the places of its components.
    """
    choice = _culprit(error, phase, resolved)
    place = choice.place if choice is not None else None
    if isinstance(error, AttnforgeError):
        return [_with_place(problem, place) for problem in error.problems]
    reason = " ".join(str(error).split()) or "no message"
    component = f" ({choice.component.kind} `{choice.component.name}` at `{choice.path}`)" if choice else ""
    return [
        Problem(
            "phase-cannot-train",
            f"the first step of phase `{phase}` failed{component}: {type(error).__name__}: {reason}",
            place,
            "options with which every part of the phase can be built and run",
            f"{TRACEBACK}=1 with the same command shows the traceback",
        )
    ]


def wants_traceback() -> bool:
    """Whether the user asks for the tracebacks of errors in components."""
    return bool(os.environ.get(TRACEBACK))


def _with_place(problem: Problem, place: Place | None) -> Problem:
    if problem.place is not None or place is None:
        return problem
    return Problem(problem.code, problem.message, place, problem.expected, problem.next_step)


def _culprit(error: Exception, phase: str, resolved: ResolvedRecipe) -> Choice | None:
    """The innermost component whose code or constructor raised an error; by default the phase's task."""
    known = choices(resolved.tree)
    for component in _components(error):
        uses = [choice for choice in known if choice.component is component]
        if len(uses) == 1:
            return uses[0]
        if in_phase := [choice for choice in uses if choice.path.startswith(f"phases.{phase}.")]:
            return in_phase[0]
        if uses:
            return uses[0]
    noted = [choice for choice in known if any(_names(note, choice) for note in _notes(error))]
    task = f"phases.{phase}.task"
    return noted[-1] if noted else next((choice for choice in known if choice.path == task), None)


def _components(error: Exception) -> Iterator[Component]:
    """The components in the traceback of an error, the innermost first."""
    frames = []
    trace = error.__traceback__
    while trace is not None:
        frames.append(trace.tb_frame)
        trace = trace.tb_next
    for frame in reversed(frames):
        component = origin(frame.f_locals.get("self"))
        if component is not None:
            yield component


def _notes(error: Exception) -> list[str]:
    return list(getattr(error, "__notes__", ()))


def _names(note: str, choice: Choice) -> bool:
    """Whether a builder's note is about this choice."""
    return note.startswith(f"while building {choice.path}: ")
