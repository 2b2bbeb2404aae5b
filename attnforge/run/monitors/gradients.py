"""Exploding gradients: updates grow by orders of magnitude, shortly before losses become infinite."""

from __future__ import annotations

import math
from collections import Counter, defaultdict, deque
from collections.abc import Mapping
from functools import partial
from statistics import median

import torch
from torch.nn.utils import get_total_norm

from attnforge.interfaces import Task
from attnforge.run.monitors.symptom import Symptom
from attnforge.train.loop import StepResult

GROWTH = 100.0
"""How many times the median of the phase so far counts as exploded."""
LARGEST_NORM = 1e5
"""A norm above this is exploded from the start."""
LOGGED_STEPS = 3
"""How many logged steps in a row make a symptom: a single large gradient is harmless."""
MIN_HISTORY, MAX_HISTORY = 5, 500
"""How many norms at logged steps the median is taken of."""


class GradientMonitor:
    """Follows the norm of the gradients of each optimizer at logged steps, with one read from the device.

    Args:
        task: Its optimizers still have the gradients of the step.
        scaled: Whether these are gradients of scaled losses, whose norms mean something to one another only.
    """

    def __init__(self, task: Task, *, scaled: bool = False) -> None:
        self._task = task
        self._largest = math.inf if scaled else LARGEST_NORM
        self._history: defaultdict[str, deque[float]] = defaultdict(partial(deque, maxlen=MAX_HISTORY))
        self._exploded: Counter[str] = Counter()

    def after_step(self, result: StepResult, scalars: Mapping[str, float] | None) -> Symptom | None:
        if scalars is None:
            return None
        for name, norm in self._norms().items():
            history = self._history[name]
            usual = median(history) if len(history) >= MIN_HISTORY else 0.0
            if norm < self._largest and (not usual or norm < GROWTH * usual):
                history.append(norm)
                self._exploded[name] = 0
                continue
            self._exploded[name] += 1
            if self._exploded[name] >= LOGGED_STEPS:
                before = f", {norm / usual:,.0f} times the usual {usual:.2g}" if usual else ""
                return Symptom(
                    "exploding-gradients",
                    f"the gradients of the optimizer `{name}` explode: their norm is {norm:.2g}{before}, at "
                    f"{LOGGED_STEPS} logged steps in a row",
                    "a smaller learning rate for it, or a smaller weight of the loss that grew, resumed from "
                    "a checkpoint before this step",
                )
        return None

    def _norms(self) -> dict[str, float]:
        norms = {}
        for name, optimizer in self._task.optimizers().items():
            weights = (weight for group in optimizer.param_groups for weight in group["params"])
            if gradients := [weight.grad for weight in weights if weight.grad is not None]:
                norms[name] = get_total_norm(gradients)
        values = torch.stack(list(norms.values())).tolist() if norms else []
        return dict(zip(norms, values, strict=True))
