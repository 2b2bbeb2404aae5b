"""What a tracker promises: it accepts everything that a run logs, and can be closed at any time."""

from __future__ import annotations

import copy
from collections.abc import Callable
from pathlib import Path

from PIL import Image

from attnforge.testing.subject import Subject


def accepts_scalars(subject: Subject) -> None:
    """It accepts scalars by name, of several phases, with names that may change."""
    tracker = subject.build()
    tracker.scalars({"loss": 1.0, "D adversarial 64": 0.5}, phase="damsm", step=1)
    tracker.scalars({"loss": 0.5, "another": 2.0}, phase="gan", step=1)
    tracker.scalars({}, phase="gan", step=2)
    tracker.close()


def accepts_non_finite_scalars(subject: Subject) -> None:
    """It accepts infinite and NaN scalars, which a diverging run logs."""
    tracker = subject.build()
    tracker.scalars(
        {"loss": float("nan"), "other": float("inf"), "third": -float("inf")}, phase="gan", step=1
    )
    tracker.close()


def accepts_images(subject: Subject) -> None:
    """It accepts paths of images, and an empty list."""
    path = _image(subject.folder)
    tracker = subject.build()
    tracker.images([str(path)], phase="gan", step=1)
    tracker.images([], phase="gan", step=2)
    tracker.close()


def close_twice(subject: Subject) -> None:
    """A second `close` does nothing."""
    tracker = subject.build()
    tracker.scalars({"loss": 1.0}, phase="gan", step=1)
    tracker.close()
    tracker.close()


def close_without_logging(subject: Subject) -> None:
    """It can be closed before anything was logged, as when a run fails in its first step."""
    subject.build().close()


def resumed_run(subject: Subject) -> None:
    """It can be built again for the same run folder and log a step again, as a resumed run does."""
    spec = subject.spec()
    for _ in range(2):
        tracker = subject.build(spec=spec)
        tracker.scalars({"loss": 1.0}, phase="gan", step=1)
        tracker.close()


def inputs_are_unchanged(subject: Subject) -> None:
    """It modifies neither the recipe nor the scalars and paths that it logs."""
    spec = subject.spec()
    recipe, values = copy.deepcopy(dict(spec.recipe)), {"loss": 1.0}
    paths = [str(_image(subject.folder))]
    original = list(paths)
    tracker = subject.build(spec=spec)
    tracker.scalars(values, phase="gan", step=1)
    tracker.images(paths, phase="gan", step=1)
    tracker.close()
    if dict(spec.recipe) != recipe:
        raise AssertionError(f"the tracker changed the recipe to {dict(spec.recipe)}")
    if values != {"loss": 1.0} or paths != original:
        raise AssertionError(f"the tracker changed the scalars and paths to {values} and {paths}")


def _image(folder: Path) -> Path:
    path = folder / "sheet.png"
    if not path.exists():
        Image.new("RGB", (8, 8), "navy").save(path)
    return path


CHECKS: tuple[Callable[[Subject], None], ...] = (
    accepts_scalars,
    accepts_non_finite_scalars,
    accepts_images,
    close_twice,
    close_without_logging,
    resumed_run,
    inputs_are_unchanged,
)
