"""Learning rates that change during a phase."""

from __future__ import annotations

from dataclasses import dataclass

from attnforge.interfaces import Progress
from attnforge.ranges import Positive, Share


@dataclass(frozen=True, kw_only=True)
class Schedule:
    """How learning rates change during a phase, as a section of a recipe.

    Args:
        decay_from: Share of the phase after which they decay linearly.
        decay_to: Share of them that is left at the end.
        halve_every: Epochs after which they are halved, again and again; null never halves them.
    """

    decay_from: Share = 1.0
    decay_to: Share = 1.0
    halve_every: Positive | None = None

    def factor(self, progress: Progress) -> float:
        """What the learning rates are multiplied by in a step."""
        factor = linear_decay(progress=progress.share, start=self.decay_from, final_share=self.decay_to)
        if self.halve_every is not None:
            factor *= 0.5 ** (progress.epoch // self.halve_every)
        return factor


def linear_decay(*, progress: float, start: float, final_share: float) -> float:
    """1 until `progress` reaches `start`, then linear decay to `final_share` at 1."""
    if progress <= start:
        return 1.0
    return 1.0 - (1.0 - final_share) * (progress - start) / (1.0 - start)


def decay_by_epoch(*, epoch: int, factor: float, final_share: float) -> float:
    """1, multiplied by `factor` after each epoch until it is at most `final_share`, then constant.

    With 0.98 and a tenth this is the schedule of DAMSM in the official code, which stops after 114 epochs.

    Args:
        epoch: Completed epochs.
        factor: In (0, 1].
        final_share: In (0, 1]; the result may end slightly below it.
    """
    share = 1.0
    for _ in range(epoch):
        if share <= final_share or factor == 1:
            break
        share *= factor
    return share
