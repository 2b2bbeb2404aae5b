"""A plugin for commands of tests: a signal at some moment of some work, as the environment says.

`INJECTED_FAULT` is JSON: `work` names what is interrupted, `time` which time it is done, `delay` after how
many seconds of it, `signal` the number of the signal, and `group` whether the whole process group gets it.
"""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Callable
from importlib import import_module
from typing import Any

WORK = {
    "training": ("attnforge.adversarial.task", "AdversarialTask.step"),
    "saving": ("attnforge.run.listeners", "Checkpoints._save"),
    "measuring": ("attnforge.run.training_metrics", "measure_network"),
    "reporting": ("attnforge.sampling.pipeline", "Pipeline.generate_each"),
}
"""Where each work begins: a module, and a function or method in it."""


class Interrupted:
    """Counts how often a work is begun, and sends the signal some time after its begin."""

    def __init__(self, work: str, *, time: int, delay: float, signal: int, group: bool) -> None:
        self.time = time
        self.delay = delay
        self.signal = signal
        self.group = group
        module, path = WORK[work]
        owner: Any = import_module(module)
        *outer, self.name = path.split(".")
        for name in outer:
            owner = getattr(owner, name)
        self.original: Callable[..., Any] = getattr(owner, self.name)

        def interrupted(*arguments: Any, **options: Any) -> Any:
            self.note()
            return self.original(*arguments, **options)

        setattr(owner, self.name, interrupted)

    def note(self) -> None:
        self.time -= 1
        if self.time == 0:
            timer = threading.Timer(self.delay, self.send)
            timer.daemon = True
            timer.start()

    def send(self) -> None:
        if self.group:
            os.killpg(0, self.signal)
        else:
            os.kill(os.getpid(), self.signal)


if os.environ.get("INJECTED_FAULT"):
    Interrupted(**json.loads(os.environ["INJECTED_FAULT"]))
