"""Measured metrics, with what they mean in plain words."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, TypedDict

from attnforge.evaluate.headlines import WITHHELD


class Figure(TypedDict):
    """One row of the table of measured figures."""

    name: str
    value: str
    share: float | None
    """The value where it is a share of one, for a bar."""
    chance: float | None
    """What guessing would give, where that is known."""
    explanation: str
    main: bool
    """Whether it is one of the figures that a reader looks for first."""


_SHARES = {
    "attribute accuracy": (
        "Of all part colours that the captions ask for, the share that is found on the generated images."
    ),
    "r precision": (
        "How often a generated image is closer to its own caption than to the other candidates, "
        "judged by the run's own encoders."
    ),
    "semantic object accuracy": "How often a detector finds the object that the caption asks for.",
}
_NUMBERS = {
    "fid": "Distance between the statistics of generated and real images; lower is better.",
    "frechet inception distance": (
        "Distance between the statistics of generated and real images; lower is better."
    ),
    "inception score": "How distinct and how varied the images are for a classifier; higher is better.",
    "inception score*": (
        "The inception score of calibrated probabilities, on a scale of its own; higher is better."
    ),
    "kid": "Kernel distance between generated and real images; lower is better.",
}


def metrics(result: Mapping[str, Any]) -> list[Figure]:
    """The rows of the table; figures named `X chance` and `X deviation` become part of figure `X`."""
    flat = dict(_flat(result))
    plain = {_plain(name): name for name in flat}
    rows: list[Figure] = []
    for name, value in flat.items():
        if name.endswith(WITHHELD):
            rows.append(_withheld(name.removesuffix(WITHHELD), str(value)))
            continue
        base = _plain(name).removesuffix(" chance").removesuffix(" deviation")
        if base != _plain(name) and base in plain:
            continue
        chance, deviation = (
            flat.get(plain.get(f"{_plain(name)} {other}", "")) for other in ("chance", "deviation")
        )
        rows.append(_figure(name, value, chance, deviation))
    return sorted(rows, key=lambda row: not row["main"])


def _withheld(name: str, reason: str) -> Figure:
    explanation = f"{reason[:1].upper()}{reason[1:]}."
    _, part = _known(_plain(name), _SHARES)
    return Figure(
        name=name.replace("_", " "),
        value="withheld",
        share=None,
        chance=None,
        explanation=explanation,
        main=not part,
    )


def _figure(name: str, value: object, chance: object, deviation: object) -> Figure:
    number, spread = _number(value), _number(deviation)
    known, part = _known(_plain(name), _SHARES)
    is_share = known is not None and number is not None and 0 <= number <= 1
    explanation = _SHARES[known] if known else ""
    if part:
        explanation = f"The same for {part} alone."
    if not known and (other := _known(_plain(name), _NUMBERS)[0]):
        explanation = _NUMBERS[other]
    shown = f"{100 * number:.1f}%" if is_share and number is not None else _written(value)
    if spread is not None:
        shown += f" ± {100 * spread:.1f}%" if is_share else f" ± {_written(spread)}"
    return Figure(
        name=name.replace("_", " "),
        value=shown,
        share=number if is_share else None,
        chance=_number(chance) if is_share else None,
        explanation=explanation,
        main=explanation != "" and not part,
    )


def _known(name: str, table: Mapping[str, str]) -> tuple[str | None, str]:
    """The known figure that a name begins with, and the rest of the name, without its protocol."""
    for known in table:
        if name == known or name.startswith(f"{known} "):
            return known, name.removeprefix(known).split("(")[0].split("[")[0].strip()
    return None, ""


def _plain(name: str) -> str:
    return " ".join(name.lower().replace("_", " ").replace("-", " ").split())


def _number(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        return None
    return float(value)


def _written(value: object) -> str:
    if isinstance(value, float):
        return f"{value:.4g}"
    return str(value)


def _flat(values: Mapping[str, Any], prefix: str = "") -> list[tuple[str, Any]]:
    rows: list[tuple[str, Any]] = []
    for name, value in values.items():
        if isinstance(value, Mapping):
            rows += _flat(value, f"{prefix}{name} · ")
        else:
            rows.append((f"{prefix}{name}", value))
    return rows
