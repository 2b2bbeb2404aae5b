"""What was measured of a run: one small file for each checkpoint and protocol, in `measured/`.

A file is named after the phase and step whose weights were judged and the protocol that judged them, so
measuring again replaces it, and figures of different protocols never meet.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from typing import Any

from attnforge.names import step_name
from attnforge.recipe import ResolvedRecipe
from attnforge.run.folder import RunFolder

FOLDER = "measured"


@dataclass(frozen=True, slots=True, kw_only=True)
class Measurement:
    """The figures of one generator, with everything that they depend on."""

    phase: str
    step: int
    """Steps of the phase that its weights have behind them."""
    epoch: float | None
    """The same in passes through the training data; None where that data is not at hand."""
    metrics: dict[str, Any]
    """By name; a figure `X chance` or `X deviation` belongs to figure X."""
    protocol: dict[str, Any]
    """The split, the data set, and the recipe's `evaluation` with every default filled in."""
    network: str
    """Which weights drew: `generator-average` or `generator`."""
    checkpoint: str | None
    """Name of the checkpoint; None when it was measured during training and the weights were not kept."""
    weights: str | None
    """A digest of the checkpoint's files."""
    recipe: dict[str, str]
    """Name and digest of the run's recipe."""
    versions: dict[str, str]
    device: str
    seconds: float
    """How long measuring took."""

    @property
    def name(self) -> str:
        """Phase and step, as a checkpoint of them is called."""
        return step_name(self.phase, self.step)

    @property
    def protocol_digest(self) -> str:
        """Eight letters that are the same for measurements that may be compared."""
        return protocol_digest(self.protocol)


def protocol_of(resolved: ResolvedRecipe) -> dict[str, Any]:
    """What a recipe measures, and on what: its `evaluation` without what decides no value: when, how fast."""
    data = resolved.data()
    evaluation = {
        key: value for key, value in data["evaluation"].items() if key not in {"every", "batch_size"}
    }
    return {"split": "test", "data": data["data"], **evaluation}


def protocol_digest(protocol: Mapping[str, Any]) -> str:
    """A short digest of a protocol; the order of its keys does not count."""
    text = json.dumps(protocol, sort_keys=True, ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()[:8]


def write_measurement(run: RunFolder, measurement: Measurement) -> None:
    """Put a measurement into the run; one of the same weights and protocol is replaced."""
    name = f"{FOLDER}/{measurement.name}-{measurement.protocol_digest}.json"
    run.write_json(name, asdict(measurement))


def read_measurements(run: RunFolder, *, phases: Sequence[str]) -> list[Measurement]:
    """Every measurement of a run, in the order of training; damaged files are passed over.

    Args:
        run: The run folder.
        phases: The phases of its recipe, in order.
    """
    known = {field.name for field in fields(Measurement)}
    found = []
    for path in sorted((run.path / FOLDER).glob("*.json")):
        try:
            data = json.loads(path.read_text(encoding="utf-8"))
            measurement = Measurement(**{key: value for key, value in data.items() if key in known})
            order = [*phases, measurement.phase].index(measurement.phase)
            found.append((order, measurement.step, path.name, measurement))
        except (OSError, ValueError, TypeError, AttributeError):
            continue
    return [measurement for *_, measurement in sorted(found, key=lambda entry: entry[:3])]


def forget_measurements(
    run: RunFolder, *, phase: str | None = None, step: int = 0, later: Sequence[str] = ()
) -> None:
    """Drop what was measured beyond a step that training goes on from; all of it when no phase is given."""
    for path in (run.path / FOLDER).glob("*.json"):
        made, _, rest = path.stem.rpartition("-")[0].rpartition("-")
        beyond = made in later or (made == phase and rest.isdecimal() and int(rest) > step)
        if phase is None or beyond:
            path.unlink(missing_ok=True)
