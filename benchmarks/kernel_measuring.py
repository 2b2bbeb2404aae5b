"""Measure every provider of a case: errors, memory, then times, with the providers alternating."""

from __future__ import annotations

import time
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager

import torch
from kernel_cases import GAMMAS, MATCHING, Case, Inputs
from kernel_clocks import Clock, Turn, clock_for, gradients_of
from kernel_figures import Measured, rows_of
from kernel_limits import Limits
from kernel_memory import inference_peak, training_memory
from kernel_providers import OFFICIAL, Provider, providers
from kernel_rooflines import MODES, PeaksOf
from kernel_rows import About, Row
from torch import Tensor
from vectorised_attention import vectorised_region_matching, vectorised_word_attention

FEWEST = 3
"""Rounds that are run however long they take."""
EXACT = 64 * 64
"""Pairs, or pixels by 128, up to which results are compared with float64."""


def measure(
    case: Case,
    *,
    on: About,
    peaks: PeaksOf,
    limits: Limits,
    modes: Collection[str] = MODES,
    rounds: int = 15,
    seconds: float = 30.0,
    named: Collection[str] = (),
    without: Collection[str] = (),
) -> list[Row]:
    """A row for every provider and mode.

    Args:
        case: What is measured.
        on: What the rows say of the machine.
        peaks: What the device reaches, measured when it is asked for.
        limits: Which providers are left out because they would take too long or too much memory.
        modes: Which of MODES.
        rounds: How many rounds at most.
        seconds: After how long no further round is begun; a few are run in any case.
        named: Names of providers, or parts of them; without any, all. The official formulas always run.
        without: Names of providers, or parts of them, that are left out.
    """
    torch.compiler.reset()
    inputs = case.inputs()
    clock = clock_for(case.device)
    exact = exact_results(case, inputs)
    found = []
    for provider in providers(case):
        part_of = [one for one in named if one in provider.name]
        left_out = any(one in provider.name for one in without)
        if provider.name != OFFICIAL and ((named and not part_of) or left_out):
            continue
        one = Measured(provider)
        found.append(one)
        prepare(one, case, inputs, exact, clock=clock, limits=limits, modes=modes)
    begun = time.perf_counter()
    for number in range(rounds):
        if number >= FEWEST and time.perf_counter() - begun > seconds:
            break
        for one in found:
            with noted(one):
                if wanted := one.modes(modes):
                    one.turns[number] = turn(clock, one.provider, inputs, wanted)
    return rows_of(found, case, on=on, clock=clock.name, peaks=peaks, modes=modes)


def prepare(
    one: Measured,
    case: Case,
    inputs: Inputs,
    exact: Sequence[Tensor],
    *,
    clock: Clock,
    limits: Limits,
    modes: Collection[str],
) -> None:
    """Let a provider run for the first time, and find its errors and its memory; or say why not."""
    provider = one.provider
    if provider.backward_refused:
        one.refuse(MODES[1:], provider.backward_refused)
    if why := provider.refused or limits.refuse(case, provider):
        one.refuse(MODES, why)
    with noted(one):
        if wanted := one.modes(modes):
            begun = time.perf_counter()
            turn(clock, provider, inputs, wanted)
            taken = time.perf_counter() - begun
            one.errors = errors_of(provider, inputs, exact, wanted)
            begun = time.perf_counter()
            if set(wanted) - {"inference"}:
                one.memory = training_memory(provider.run, inputs)
            if "inference" in wanted:
                one.inference_peak = inference_peak(provider.run, inputs)
            if provider.compiled or case.device.type == "cuda":
                taken = time.perf_counter() - begun  # the first turn compiled
            one.refuse(*limits.note(case, provider, taken, one.memory))


@contextmanager
def noted(one: Measured) -> Iterator[None]:
    """Turn an error of a provider into a note: a library's attention may fail in its own ways."""
    try:
        yield
    except torch.OutOfMemoryError:
        one.refuse(MODES, "out of memory")
    except Exception as error:
        said = [*str(error).strip().splitlines(), ""][0]
        one.refuse(MODES, f"failed: {type(error).__name__}: {said[:120]}")


def errors_of(
    provider: Provider, inputs: Inputs, exact: Sequence[Tensor], modes: Collection[str]
) -> dict[str, float]:
    """By mode, how far results are from exact ones; nothing without those."""
    if not exact:
        return {}
    if set(modes) == {"inference"}:
        with torch.no_grad():
            return {"inference": _error([provider.run(inputs.detached())], exact[:1])}
    result = provider.run(inputs)
    of_result, of_leaves = _error([result], exact[:1]), _error(gradients_of(result, inputs), exact[1:])
    return {"inference": of_result, "forward": of_result, "backward": of_leaves, "both": of_leaves}


def turn(clock: Clock, provider: Provider, inputs: Inputs, modes: Collection[str]) -> Turn:
    """One turn of a provider in all modes that are wanted."""
    own: dict[str, float] = {}
    wall: dict[str, float] = {}
    if "inference" in modes:
        one = clock.infer(provider.run, inputs)
        own, wall = own | one.own, wall | one.wall
    if set(modes) - {"inference"}:
        one = clock.train(provider.run, inputs)
        own, wall = own | one.own, wall | one.wall
    return Turn(own, wall)


def exact_results(case: Case, inputs: Inputs) -> list[Tensor]:
    """The result and the gradients in float64; nothing where that would take too long."""
    size = case.batch**2 if case.operation == MATCHING else case.batch * case.queries // 128
    if size > EXACT:
        return []
    wide = inputs.on(case.device, torch.float64)
    if case.operation == MATCHING:
        result = vectorised_region_matching(wide.words, wide.asked, wide.lengths, **GAMMAS)
    else:
        result = vectorised_word_attention(wide.asked, wide.words, wide.padding)
        result = torch.cat((wide.asked, result), dim=1) if case.joined else result
    return [result.detach(), *gradients_of(result, wide)]


def _error(found: Sequence[Tensor], exact: Sequence[Tensor]) -> float:
    pairs = zip(found, exact, strict=True)
    return max(((one.double() - other).abs().max() / other.abs().max()).item() for one, other in pairs)
