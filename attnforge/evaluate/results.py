"""Results of a protocol: one JSON file, and beside it what each image adds to the values that are means."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import torch
from jaxtyping import Float
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

from attnforge.errors import Place, Problem, RunError
from attnforge.evaluate.headlines import markdown_table
from attnforge.storage.folder import write_text

FOLDER = "results"
COMPARED = ("captions", "networks", "real images", "quantisation", "image size", "metrics", "images")
"""What must agree for values to be comparable, of `Result.conditions`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """The values of one system by one protocol, with everything that they depend on."""

    system: str
    """The run with its checkpoint, or the folder of images."""
    protocol: str
    """The name of the protocol."""
    metrics: dict[str, Any]
    """Values by name; `X chance`, `X deviation` and `X note` belong to value X."""
    main: dict[str, str]
    """The name of the value by which each metric compares systems, by the metric's name."""
    better: dict[str, str] = field(default_factory=dict)
    """Whether `higher` or `lower` values are better, by the metric's name."""
    conditions: dict[str, Any]
    """What must agree for values to be comparable: captions, networks, real images, options of metrics."""
    evaluation: dict[str, Any]
    """The whole protocol with every default."""
    deviations: list[str] = field(default_factory=list)
    """Where the protocol differs from what others did under its name."""
    weights: dict[str, Any] = field(default_factory=dict)
    """Of a run: network, checkpoint, digest, recipe and sampling."""
    versions: dict[str, str]
    device: str
    seconds: float
    per_image: dict[str, Float[Tensor, "n 2"]] = field(default_factory=dict)
    """What each image adds to a value and with which weight, by the value's name; not in the JSON."""

    def plain(self) -> dict[str, Any]:
        """The result as plain data, without the values of single images."""
        data = asdict(replace(self, per_image={}))
        del data["per_image"]
        return data

    def _repr_markdown_(self) -> str:
        return markdown_table(self.metrics)

    def write(self, path: Path) -> None:
        """Write the JSON file, and beside it `NAME.images.safetensors` where values are means over images.

        Raises:
            RunError: the folder cannot be written.
        """
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            write_text(path, json.dumps(self.plain(), indent=1, ensure_ascii=False) + "\n")
            rows = {name: value.contiguous() for name, value in self.per_image.items()}
            images = images_file(path)
            if rows:
                save_file(rows, images)
            else:
                images.unlink(missing_ok=True)
        except (OSError, SafetensorError) as error:
            message = f"the results cannot be written to {path}: {error}"
            expected = "--out with a file in a writable folder"
            raise RunError(Problem("metrics-not-written", message, expected=expected)) from error


def images_file(path: Path) -> Path:
    """Where the values of single images are, beside a file of results."""
    return path.with_name(f"{path.stem}.images.safetensors")


def read_result(path: Path) -> Result:
    """A result from its JSON file, with the values of single images if they are there.

    Raises:
        RunError: the file is missing or is not a result.
    """
    expected = "a JSON file that `attnforge eval --protocol NAME` wrote"
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
        result = Result(**data)
        if not isinstance(result.metrics, Mapping) or not isinstance(result.conditions, Mapping):
            raise TypeError("`metrics` and `conditions` are not maps")
    except OSError as error:
        message = f"{path} cannot be read: {error.strerror or error}"
        raise RunError(Problem("no-results", message, Place(str(path)), expected)) from error
    except (ValueError, TypeError) as error:
        message = f"{path} has no results: {error}"
        raise RunError(Problem("no-results", message, Place(str(path)), expected)) from error
    images = images_file(path)
    if images.is_file():
        try:
            rows = load_file(images)
        except (OSError, SafetensorError):
            return result
        result.per_image.update({name: value for name, value in rows.items() if _is_per_image(value)})
    return result


def find_result(source: Path, *, protocol: str | None) -> Path:
    """The file of results that a path names: itself, or that of a run or a folder of images.

    Args:
        source: A JSON file, a run or a folder.
        protocol: The name of the protocol; by default the only one.

    Raises:
        RunError: there is none, or there are several.
    """
    if source.suffix == ".json" or source.is_file():
        return source
    folder = source / FOLDER
    names = sorted(path.stem for path in folder.glob("*.json"))
    name = protocol or (names[0] if len(names) == 1 else None)
    if name in names:
        return folder / f"{name}.json"
    command = f"attnforge eval {source} --protocol {protocol or 'offline'}"
    if name is None and names:
        message = f"{source} has results of several protocols"
        expected = f"--protocol with one of {', '.join(names)}"
    else:
        message = f"{source} has no results" + (f" of protocol {protocol}" if protocol else "")
        expected = f"one of {', '.join(names)}" if names else "a file in `results`"
    raise RunError(Problem("no-results", message, Place(str(source)), expected, command))


def differences(first: Result, second: Result) -> list[str]:
    """In what the conditions of two results differ, in words; empty where values are comparable."""
    texts: list[str] = []
    for name in COMPARED:
        ours, theirs = first.conditions.get(name), second.conditions.get(name)
        if ours != theirs:
            texts += _differing(name, ours, theirs)
    return texts


def _differing(name: str, ours: Any, theirs: Any) -> list[str]:
    if isinstance(ours, Mapping) and isinstance(theirs, Mapping):
        keys = [*ours, *(key for key in theirs if key not in ours)]
        return [
            text
            for key in keys
            if ours.get(key) != theirs.get(key)
            for text in _differing(f"{name}: {key}", ours.get(key), theirs.get(key))
        ]
    return [f"{name}: {_short(ours)} and {_short(theirs)}"]


def _short(value: Any) -> str:
    if value is None:
        return "none"
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 60 else f"{text[:57]}..."


def _is_per_image(value: Tensor) -> bool:
    return value.ndim == 2 and value.shape[1] == 2 and value.dtype == torch.float64
