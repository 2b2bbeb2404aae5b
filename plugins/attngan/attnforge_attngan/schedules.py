"""Learning rates that change during a phase."""

from __future__ import annotations


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
