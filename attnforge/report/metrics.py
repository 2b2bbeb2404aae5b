"""The metrics of a run, each with an explanation."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, TypedDict

from attnforge.evaluate.headlines import NOTE, WITHHELD


class MetricRow(TypedDict):
    """One row of the table of metrics."""

    name: str
    value: str
    share: float | None
    """The value if it is a share of one, for a bar."""
    chance: float | None
    """The value of random guessing, if known."""
    explanation: str
    main: bool
    """Whether it is a headline metric."""


_SHARES = {
    "attribute accuracy": (
        "The share of the part colours named in the captions that the generated images show."
    ),
    "r precision": (
        "How often a generated image is closer to its own caption than to the other candidates, "
        "according to a text and an image encoder."
    ),
    "semantic object accuracy": "How often a detector finds the object named in the caption.",
}
_OTHERS = {
    "fd": "Distance between the statistics of features of generated and real images; lower is better.",
    "fid": "Distance between the statistics of generated and real images; lower is better.",
    "frechet inception distance": (
        "Distance between the statistics of generated and real images; lower is better."
    ),
    "class score": "How distinct and how diverse a classifier finds the images; higher is better.",
    "inception score": "How distinct and how diverse a classifier finds the images; higher is better.",
    "inception score*": (
        "The inception score of calibrated probabilities, on a scale of its own; higher is better."
    ),
    "kid": "Kernel distance between generated and real images; lower is better.",
}


def metrics(result: Mapping[str, Any]) -> list[MetricRow]:
    """The rows of the table; `X chance`, `X deviation` and `X note` become part of the row of metric `X`."""
    flat = dict(_flat(result))
    plain = {_plain(name): name for name in flat}
    rows: list[MetricRow] = []
    for name, value in flat.items():
        if name.endswith(WITHHELD):
            rows.append(_withheld(name.removesuffix(WITHHELD), str(value)))
            continue
        base = _plain(name).removesuffix(" chance").removesuffix(" deviation").removesuffix(NOTE)
        if base != _plain(name) and base in plain:
            continue
        chance, deviation = (
            flat.get(plain.get(f"{_plain(name)} {suffix}", "")) for suffix in ("chance", "deviation")
        )
        row = _row(name, value, chance, deviation)
        if note := flat.get(plain.get(_plain(name) + NOTE, "")):
            row["explanation"] = f"{row['explanation']} {_sentence(str(note))}".strip()
        rows.append(row)
    return sorted(rows, key=lambda row: not row["main"])


def _withheld(name: str, reason: str) -> MetricRow:
    explanation = _sentence(reason)
    _, part = _known(_plain(name), _SHARES)
    return MetricRow(
        name=name.replace("_", " "),
        value="withheld",
        share=None,
        chance=None,
        explanation=explanation,
        main=not part,
    )


def _sentence(text: str) -> str:
    return f"{text[:1].upper()}{text[1:]}."


def _row(name: str, value: object, chance: object, deviation: object) -> MetricRow:
    number, spread = _number(value), _number(deviation)
    known, part = _known(_plain(name), _SHARES)
    has_range = known is not None or _number(chance) is not None
    is_share = has_range and number is not None and 0 <= number <= 1
    explanation = _SHARES[known] if known else ""
    if part:
        explanation = f"The same for {part} only."
    if not known and (other := _known(_plain(name), _OTHERS)[0]):
        explanation = _OTHERS[other]
    shown = f"{100 * number:.1f}%" if is_share and number is not None else _written(value)
    if spread is not None:
        shown += f" ± {100 * spread:.1f}%" if is_share else f" ± {_written(spread)}"
    return MetricRow(
        name=name.replace("_", " "),
        value=shown,
        share=number if is_share else None,
        chance=_number(chance) if is_share else None,
        explanation=explanation,
        main=explanation != "" and not part,
    )


def _known(name: str, table: Mapping[str, str]) -> tuple[str | None, str]:
    """The known metric that a name starts with, and the rest of the name, without its protocol."""
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
