"""What a tracker promises: it takes all that a run can tell it, and can always be closed."""

from __future__ import annotations

import copy
from collections.abc import Callable
from pathlib import Path

from PIL import Image

from attnforge.testing.subject import Subject


def takes_scalars(subject: Subject) -> None:
    """It takes scalars by name, new names among them, of several phases."""
    tracker = subject.build()
    tracker.scalars({"loss": 1.0, "D adversarial 64": 0.5}, phase="damsm", step=1)
    tracker.scalars({"loss": 0.5, "another": 2.0}, phase="gan", step=1)
    tracker.scalars({}, phase="gan", step=2)
    tracker.close()


def takes_odd_numbers(subject: Subject) -> None:
    """It takes numbers that are infinite or none at all: a run that diverges must say so."""
    tracker = subject.build()
    tracker.scalars(
        {"loss": float("nan"), "other": float("inf"), "third": -float("inf")}, phase="gan", step=1
    )
    tracker.close()


def takes_images(subject: Subject) -> None:
    """It takes the paths of images, and no images at all."""
    path = _image(subject.folder)
    tracker = subject.build()
    tracker.images([str(path)], phase="gan", step=1)
    tracker.images([], phase="gan", step=2)
    tracker.close()


def closing_twice(subject: Subject) -> None:
    """A second `close` does nothing."""
    tracker = subject.build()
    tracker.scalars({"loss": 1.0}, phase="gan", step=1)
    tracker.close()
    tracker.close()


def closing_at_once(subject: Subject) -> None:
    """It can be closed before it was told anything: a run may fail in its first step."""
    subject.build().close()


def resumed_runs(subject: Subject) -> None:
    """A resumed run builds it anew for the same folder, and steps may come again."""
    spec = subject.spec()
    for _ in range(2):
        tracker = subject.build(spec=spec)
        tracker.scalars({"loss": 1.0}, phase="gan", step=1)
        tracker.close()


def inputs_stay(subject: Subject) -> None:
    """It changes neither the recipe nor what it is told."""
    spec = subject.spec()
    recipe, values = copy.deepcopy(dict(spec.recipe)), {"loss": 1.0}
    paths = [str(_image(subject.folder))]
    told = list(paths)
    tracker = subject.build(spec=spec)
    tracker.scalars(values, phase="gan", step=1)
    tracker.images(paths, phase="gan", step=1)
    tracker.close()
    if dict(spec.recipe) != recipe:
        raise AssertionError(f"the recipe is now {dict(spec.recipe)}")
    if values != {"loss": 1.0} or paths != told:
        raise AssertionError(f"what it was told is now {values} and {paths}")


def _image(folder: Path) -> Path:
    path = folder / "sheet.png"
    if not path.exists():
        Image.new("RGB", (8, 8), "navy").save(path)
    return path


CHECKS: tuple[Callable[[Subject], None], ...] = (
    takes_scalars,
    takes_odd_numbers,
    takes_images,
    closing_twice,
    closing_at_once,
    resumed_runs,
    inputs_stay,
)
