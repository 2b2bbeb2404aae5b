"""What an error in a phase means: whose it is, and where the recipe asks for it."""

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
    """The problems of an error that ended a phase's first step.

    Args:
        error: What was raised.
        phase: The phase's name.
        resolved: The recipe, which says where the components at fault stand.
    """
    choice = _culprit(error, phase, resolved)
    place = choice.place if choice is not None else None
    if isinstance(error, AttnforgeError):
        return [_with_place(problem, place) for problem in error.problems]
    reason = " ".join(str(error).split()) or "no message"
    whose = f" ({choice.component.kind} `{choice.component.name}` at `{choice.path}`)" if choice else ""
    return [
        Problem(
            "phase-cannot-train",
            f"phase `{phase}` cannot make its first step{whose}: {type(error).__name__}: {reason}",
            place,
            "options with which every part of the phase can be built and computes",
            f"{TRACEBACK}=1 before the same command shows where it rose",
        )
    ]


def wants_traceback() -> bool:
    """Whether the user wants errors of parts as they are."""
    return bool(os.environ.get(TRACEBACK))


def _with_place(problem: Problem, place: Place | None) -> Problem:
    if problem.place is not None or place is None:
        return problem
    return Problem(problem.code, problem.message, place, problem.expected, problem.next_step)


def _culprit(error: Exception, phase: str, resolved: ResolvedRecipe) -> Choice | None:
    """The innermost component in whose code or constructor an error rose; the phase's task at least."""
    within = choices(resolved.tree)
    for component in _components(error):
        named = [choice for choice in within if choice.component is component]
        if len(named) == 1:
            return named[0]
        if of_phase := [choice for choice in named if choice.path.startswith(f"phases.{phase}.")]:
            return of_phase[0]
        if named:
            return named[0]
    noted = [choice for choice in within if any(_names(note, choice) for note in _notes(error))]
    return noted[-1] if noted else next((one for one in within if one.path == f"phases.{phase}.task"), None)


def _components(error: Exception) -> Iterator[Component]:
    """The components whose methods an error went through, the innermost first."""
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
