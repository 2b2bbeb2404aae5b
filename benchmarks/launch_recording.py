"""Launches of Triton programs as an operation makes them, written down so that they can be made again."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from kernel_cases import GAMMAS, MATCHING
from launch_candidates import Group

from attnforge.kernels.region_matching import gpu as matching
from attnforge.kernels.region_matching import gpu_gradient as matching_gradient
from attnforge.kernels.region_matching import launches as matching_launches
from attnforge.kernels.word_attention import gpu as attention
from attnforge.kernels.word_attention import programs as attention_programs


@dataclass(frozen=True, slots=True)
class Call:
    """A launch of a program: everything but its shape."""

    program: Any
    grid: Any
    arguments: tuple[Any, ...]
    constants: dict[str, Any]

    def launch(self, options: dict[str, Any]) -> None:
        """Launch again, in another shape."""
        self.program[self.grid](*self.arguments, **(self.constants | options))

    def results(self, names: Sequence[str]) -> list[torch.Tensor]:
        """The tensors of some arguments."""
        return [self.arguments[self.program.arg_names.index(name)] for name in names]


@dataclass(slots=True)
class Recording:
    """Stands in for a program, and writes down how it is launched."""

    program: Any
    calls: list[Call]
    launched: bool
    """Whether it is launched at all."""

    def __getitem__(self, grid: Any) -> Any:
        def launch(*arguments: Any, **constants: Any) -> None:
            self.calls.append(Call(self.program, grid, arguments, constants))
            if self.launched:
                self.program[grid](*arguments, **constants)

        return launch


def recorded(group: Group, *, launched: bool) -> Call:
    """Run a group's operation and give the launch of its program that does the most work."""
    calls: list[Call] = []
    inputs = group.case.inputs().detached()
    with recording(group.program, calls, launched=launched), torch.no_grad():
        if group.case.operation == MATCHING:
            sharpness: dict[str, Any] = {**GAMMAS, "precision": "tf32" if group.kind == "tf32" else "auto"}
            vectors = inputs.words, inputs.asked, inputs.lengths
            scores = matching.forward(*vectors, **sharpness)
            matching_gradient.backward(inputs.pull, scores, *vectors, **sharpness, sparse=False)
        else:
            maps = inputs.asked, inputs.words, inputs.padding
            attention.forward(*maps, join=False, weights=False)
            attention.backward(inputs.pull, None, *maps, join=False)
    # of region matching's buckets of captions, the last holds all captions of full length
    return max(calls[:4], key=lambda call: call.constants["WORDS"])


@contextmanager
def recording(program: str, calls: list[Call], *, launched: bool) -> Iterator[None]:
    """Write down the launches of a program; where `launched` is off, no program is launched."""
    of_matching: dict[str, Any] = {str(name): one for name, one in matching_launches.PROGRAMS.items()}
    of_attention: dict[str, Any] = {name: getattr(attention_programs, name) for name in ("attend", "learn")}
    known = of_matching | of_attention
    recordings = {
        name: Recording(one, calls if name == program else [], launched) for name, one in known.items()
    }
    put_programs({name: recordings[name] for name in of_matching}, {n: recordings[n] for n in of_attention})
    try:
        yield
    finally:
        put_programs(of_matching, of_attention)


def put_programs(of_matching: dict[str, Any], of_attention: dict[str, Any]) -> None:
    """Let the operations launch these."""
    matching_launches.PROGRAMS.update(of_matching)  # type: ignore[arg-type]
    for name, program in of_attention.items():
        setattr(attention_programs, name, program)
