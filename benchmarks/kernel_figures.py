"""From repetitions to rows: quantiles, ratios of adjacent repetitions, shares of the roofline."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import torch
from kernel_cases import Case
from kernel_clocks import Turn
from kernel_memory import Memory
from kernel_providers import OFFICIAL, Provider
from kernel_rooflines import MODES, PeaksOf, work_of
from kernel_rows import About, Row, row_of

QUANTILES = (0.2, 0.5, 0.8)


@dataclass(slots=True)
class Measured:
    """What was measured of a provider."""

    provider: Provider
    notes: dict[str, str] = field(default_factory=dict)
    """By mode: why it was not measured."""
    turns: dict[int, Turn] = field(default_factory=dict)
    """By repetition: both kinds of passes together."""
    memory: Memory | None = None
    inference_peak: float | None = None
    errors: dict[str, float] = field(default_factory=dict)
    """By mode."""

    def modes(self, wanted: Collection[str]) -> list[str]:
        """Those requested modes in which it is measured."""
        return [mode for mode in MODES if mode in wanted and mode not in self.notes]

    def refuse(self, modes: Collection[str], why: str) -> None:
        """Note why it is not measured in some modes."""
        self.notes |= dict.fromkeys(modes, why)


def rows_of(
    found: Sequence[Measured],
    case: Case,
    *,
    on: About,
    clock: str,
    peaks: PeaksOf,
    modes: Collection[str],
) -> list[Row]:
    """A row for each provider and each requested mode."""
    base = next((one for one in found if one.provider.name == OFFICIAL), None)
    lengths = case.lengths()
    rows = []
    for mode in (mode for mode in MODES if mode in modes):
        for one in found:
            row = replace(row_of(case, one.provider.name, mode, on=on), **_memory(one, mode))
            if mode in one.notes or not one.turns:
                rows.append(replace(row, note=one.notes.get(mode, "")))
                continue
            row = replace(row, rounds=len(one.turns), clock=clock, error=one.errors.get(mode))
            row = replace(row, **_times(one, base, mode), **_shares(one, case, mode, lengths, peaks))
            rows.append(row)
    return rows


def _memory(one: Measured, mode: str) -> dict[str, Any]:
    if mode == "inference" or one.memory is None:
        return {"peak_megabytes": one.inference_peak}
    memory = one.memory
    kept: dict[str, Any] = {
        "kept_megabytes": memory.kept,
        "kept_beside_inputs_megabytes": memory.kept_beside_inputs,
    }
    return kept | ({"peak_megabytes": memory.peak} if mode == "both" else {})


def _times(one: Measured, base: Measured | None, mode: str) -> dict[str, Any]:
    own = {number: turn.own[mode] for number, turn in one.turns.items()}
    wall = {number: turn.wall[mode] for number, turn in one.turns.items() if turn.wall}
    figures = _quantiles("milliseconds", list(own.values()))
    figures |= _quantiles("wall_milliseconds", list(wall.values()))
    if base is None or mode in base.notes:
        return figures
    both = own.keys() & base.turns.keys()
    figures |= _quantiles("ratio", [base.turns[n].own[mode] / own[n] for n in both])
    walls = [base.turns[n].wall[mode] / wall[n] for n in both if n in wall]
    return figures | _quantiles("wall_ratio", walls)


def _quantiles(name: str, values: Sequence[float]) -> dict[str, float]:
    if not values:
        return {}
    low, middle, high = np.quantile(values, QUANTILES).tolist()
    return {f"{name}_20": low, name: middle, f"{name}_80": high}


def _shares(one: Measured, case: Case, mode: str, lengths: list[int], peaks_of: PeaksOf) -> dict[str, Any]:
    # Several threads burn processor time while they wait for one another: of them, the wall's time counts.
    together = torch.get_num_threads() > 1
    turns = [((together and turn.wall) or turn.own)[mode] for turn in one.turns.values()]
    seconds = 1e-3 * float(np.median(turns))
    work = work_of(case, mode, lengths)
    peaks = peaks_of(one.provider.products or str(case.dtype).removeprefix("torch."))
    return {
        "roofline": work.seconds(peaks) / seconds,
        "roofline_padded": work.seconds(peaks, padded=True) / seconds,
        "bound": work.bound(peaks),
        "teraoperations_per_second": 1e-12 * work.operations / seconds,
        "gigabytes_per_second": 1e-9 * work.bytes / seconds,
        "peak_teraoperations": 1e-12 * peaks.operations,
        "peak_gigabytes": 1e-9 * peaks.bytes,
    }
