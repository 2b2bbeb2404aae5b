"""Discriminator saturation: it classifies everything with certainty, so the generator learns nothing."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from attnforge.run.monitors.symptom import Symptom
from attnforge.train.loop import StepResult

TERM = "D adversarial "
"""Prefix of a discriminator's classification loss, before its image size."""
SATURATED_LOSS = 0.02
"""A loss below this is certainty; guessing costs 1.4 by cross entropy and 2 by the hinge."""
LOGGED_STEPS = 5
"""How many logged steps in a row make a symptom."""


class SaturationMonitor:
    """Follows the classification loss of each discriminator."""

    def __init__(self) -> None:
        self._saturated: Counter[str] = Counter()

    def after_step(self, result: StepResult, scalars: Mapping[str, float] | None) -> Symptom | None:
        for name, loss in (scalars or {}).items():
            if not name.startswith(TERM):
                continue
            self._saturated[name] = self._saturated[name] + 1 if abs(loss) < SATURATED_LOSS else 0
            if self._saturated[name] >= LOGGED_STEPS:
                size = name.removeprefix(TERM)
                return Symptom(
                    "discriminator-saturation",
                    f"the discriminator of {size} pixels classifies every image with certainty: its loss is "
                    f"{loss:.2g}, at {LOGGED_STEPS} logged steps in a row, so the generator gets no gradient",
                    "a smaller `discriminator_learning_rate`, a discriminator with `norm: spectral` or fewer "
                    "channels, or a gradient penalty",
                )
        return None
