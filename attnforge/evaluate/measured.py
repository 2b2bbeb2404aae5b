"""The measurements of a run: one small file for each checkpoint and protocol, in `measured/`.

A file is named after the phase and step of the weights and the protocol of the evaluation, so measuring again
replaces it, and metrics of different protocols are never mixed.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields, replace
from typing import Any

from attnforge.evaluate.headlines import markdown_table
from attnforge.names import step_name
from attnforge.recipe import ResolvedRecipe
from attnforge.storage.folder import RunFolder

FOLDER = "measured"


@dataclass(frozen=True, slots=True, kw_only=True)
class Measurement:
    """The metrics of one generator, with everything that they depend on."""

    phase: str
    step: int
    """Steps of the phase that trained the weights."""
    epoch: float | None
    """The same in epochs of the training data; None when that data is not available."""
    metrics: dict[str, Any]
    """Values by name; `X chance` and `X deviation` belong to metric X."""
    main: dict[str, str] = field(default_factory=dict)
    """The name of the value by which each metric compares generators, by the metric's name in the recipe."""
    details: dict[str, Any] = field(default_factory=dict)
    """What the values depend on besides: digests of captions, networks and real images, quantisation."""
    protocol: dict[str, Any]
    """The split, the data set, and the recipe's `sampling` and `evaluation` with every default filled in."""
    network: str
    """The network that generated: `generator-average` or `generator`."""
    sampling: Any = None
    """How the generator was asked, as plain data; None for Gaussian noise."""
    checkpoint: str | None
    """Name of the checkpoint; None when it was measured during training and the weights were not kept."""
    weights: str | None
    """A digest of the checkpoint's files."""
    recipe: dict[str, str]
    """Name and digest of the run's recipe."""
    versions: dict[str, str]
    device: str
    seconds: float
    """Duration of the measurement."""

    better: dict[str, str] = field(default_factory=dict)
    """Whether `higher` or `lower` values are better, by the metric's name in the recipe."""
    per_image: dict[str, Any] = field(default_factory=dict, repr=False, compare=False)
    """What each image adds to values that are means, by their names; not saved."""

    def plain(self) -> dict[str, Any]:
        """As plain data, which is what is saved."""
        data = asdict(replace(self, per_image={}))
        del data["per_image"]
        return data

    @property
    def name(self) -> str:
        """Phase and step, in the form of a checkpoint's name."""
        return step_name(self.phase, self.step)

    def _repr_markdown_(self) -> str:
        return markdown_table(self.metrics)

    @property
    def protocol_digest(self) -> str:
        """Eight hex digits, equal for measurements that may be compared."""
        return protocol_digest(self.protocol)


def protocol_of(resolved: ResolvedRecipe) -> dict[str, Any]:
    """The data, the `sampling` and the `evaluation` of a recipe, without options that do not affect values.

    A recipe without `sampling` has none here either, as in measurements of versions without samplers.
    """
    data = resolved.data()
    evaluation = {
        key: value for key, value in data["evaluation"].items() if key not in {"every", "batch_size"}
    }
    sampling = {} if data["sampling"] is None else {"sampling": data["sampling"]}
    return {"split": "test", "data": data["data"], **sampling, **evaluation}


def images_protocol(resolved: ResolvedRecipe) -> dict[str, Any]:
    """What determines the images of some weights: the protocol without metrics, and the way of sampling."""
    protocol = protocol_of(resolved)
    return {**protocol, "metrics": None, "sampling": resolved.data()["sampling"]}


def protocol_digest(protocol: Mapping[str, Any]) -> str:
    """A short digest of a protocol, independent of the order of its keys."""
    text = json.dumps(protocol, sort_keys=True, ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()[:8]


def write_measurement(run: RunFolder, measurement: Measurement) -> None:
    """Save a measurement in the run folder; one of the same step and protocol is replaced."""
    name = f"{FOLDER}/{measurement.name}-{measurement.protocol_digest}.json"
    run.write_json(name, measurement.plain())


def read_measurements(run: RunFolder, *, phases: Sequence[str]) -> list[Measurement]:
    """Every measurement of a run, in the order of training; damaged files are skipped.

    Args:
        run: The run folder.
        phases: The phases of its recipe, in order.
    """
    known = {entry.name for entry in fields(Measurement)}
    measurements = []
    for path in sorted((run.path / FOLDER).glob("*.json")):
        try:
            data = json.loads(path.read_text(encoding="utf-8"))
            measurement = Measurement(**{key: value for key, value in data.items() if key in known})
            if not (isinstance(measurement.metrics, dict) and isinstance(measurement.protocol, dict)):
                continue
            order = [*phases, measurement.phase].index(measurement.phase)
            measurements.append((order, measurement.step, path.name, measurement))
        except (OSError, ValueError, TypeError, AttributeError):
            continue
    return [measurement for *_, measurement in sorted(measurements, key=lambda entry: entry[:3])]


def delete_measurements(
    run: RunFolder, *, phase: str | None = None, step: int = 0, later: Sequence[str] = ()
) -> None:
    """Delete the measurements after the step where training resumes; all of them when no phase is given."""
    for path in (run.path / FOLDER).glob("*.json"):
        measured, _, number = path.stem.rpartition("-")[0].rpartition("-")
        after = measured in later or (measured == phase and number.isdecimal() and int(number) > step)
        if phase is None or after:
            path.unlink(missing_ok=True)
