"""`best.json` of a run: which of its checkpoints is the best by the metric of `training.keep_best`."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Annotated, Any

from pydantic import AfterValidator, TypeAdapter, ValidationError

from attnforge.errors import Problem, RunError
from attnforge.names import read_step_name
from attnforge.storage.folder import RunFolder

FILE = "best.json"


def _checkpoint_name(name: str) -> str:
    if read_step_name(name) is None:
        raise ValueError(f"{name!r} is not the name of a checkpoint")
    return name


@dataclass(frozen=True, slots=True, kw_only=True)
class Best:
    """The best checkpoint of a run."""

    checkpoint: Annotated[str, AfterValidator(_checkpoint_name)]
    """Its name, such as `gan-0001000`."""
    metric: str
    """The name of the value that was compared."""
    value: float


def write_best(run: RunFolder, best: Best) -> None:
    """Write `best.json` atomically."""
    run.write_json(FILE, asdict(best))


def delete_best(run: RunFolder) -> None:
    """Delete `best.json`, because no checkpoint on disk has been measured."""
    (run.path / FILE).unlink(missing_ok=True)


def read_best(run: RunFolder) -> Best:
    """The best checkpoint of a run.

    Raises:
        RunError: the run has none yet or never will, or the file is damaged.
    """
    path = run.path / FILE
    try:
        data: Mapping[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        return TypeAdapter(Best).validate_python(data)
    except FileNotFoundError:
        raise _none(run) from None
    except (OSError, ValueError, RecursionError, ValidationError) as error:
        reason = f"cannot be read: {error.strerror}" if isinstance(error, OSError) else "is malformed"
        raise RunError(
            Problem(
                code="no-best-checkpoint",
                message=f"{path} {reason}",
                expected="the file as attnforge wrote it; a resumed run writes it again",
                next_step=f"ls {run.path / 'measured'}",
            )
        ) from error


def _none(run: RunFolder) -> RunError:
    return RunError(
        Problem(
            code="no-best-checkpoint",
            message=f"run {run.path} has no best checkpoint",
            expected="a run that was trained with `training.keep_best` and `evaluation.every`, and measured",
            next_step=f"attnforge train --resume {run.path} training.keep_best=METRIC evaluation.every=500",
        )
    )
