"""The commands that a report suggests at its end."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TypedDict

from attnforge.report.events import end_of


class NextStep(TypedDict):
    """A command and what it does."""

    command: str
    purpose: str


def next_steps(run: Path, *, caption: str | None, extras: Mapping[str, Sequence[float]]) -> list[NextStep]:
    """Commands to type in the folder that holds the run.

    Args:
        run: The run folder.
        caption: A caption that its generator was shown with; None for a run without one.
        extras: What the generator needs besides captions, such as a box, with values of that image.
    """
    name = shlex.quote(run.resolve().name)
    finished = end_of(run).get("reason") == "finished"
    resume = NextStep(
        command=f"attnforge train --resume {name}",
        purpose="the rest of the training, from the newest checkpoint",
    )
    if caption is None:
        encoders = f"attnforge train RECIPE pretrained.encoders={name}"
        reuse = NextStep(command=encoders, purpose="a generator that is trained with these encoders")
        return [reuse] if finished else [resume]
    numbers = {key: ",".join(f"{value:.4g}" for value in values) for key, values in extras.items()}
    needed = "".join(f" --with {key}={values}" for key, values in numbers.items())
    quoted = shlex.quote(caption)
    steps = [
        (
            f"attnforge sample {name} {quoted} -n 8 --attention{needed}",
            "images of any caption, with sheets of attention",
        ),
        (f"attnforge play {name}", "a page that generates as you type"),
        (f"attnforge edit {name} {quoted} --swap WORD=WORD{needed}", "the same noise with a word changed"),
        (f"attnforge eval {name} --protocol offline", "metrics that compare with other systems"),
    ]
    commands = [NextStep(command=command, purpose=purpose) for command, purpose in steps]
    return commands if finished else [resume, *commands]
