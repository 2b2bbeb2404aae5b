"""Several processes with a share of a batch train as one does with all of it; so do micro-batches."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from processes import in_processes
from shared_steps import IMAGES, KINDS, train
from torch import Tensor


@pytest.mark.parametrize("count", [2, pytest.param(4, marks=pytest.mark.long)])
@pytest.mark.parametrize("kind", KINDS)
def test_processes_with_shares_train_as_one_with_all(kind: str, count: int, tmp_path: Path) -> None:
    whole = train(kind)
    for own in in_processes(train, [(kind,)] * count, tmp_path):
        is_near(own, whole)


@pytest.mark.parametrize("kind", ["df-gan", "damsm"])
def test_micro_batches_train_as_the_batch_does(kind: str) -> None:
    is_near(train(kind, micro_batch_size=IMAGES // 4), train(kind))


def test_micro_batches_in_several_processes_train_as_one_batch(tmp_path: Path) -> None:
    whole = train("df-gan")
    for own in in_processes(train, [("df-gan", 2)] * 2, tmp_path):
        is_near(own, whole)


def is_near(own: dict[str, Tensor], whole: dict[str, Tensor]) -> None:
    assert own.keys() == whole.keys()
    for name, value in whole.items():
        torch.testing.assert_close(
            own[name], value, rtol=1e-5, atol=1e-8, msg=lambda text, name=name: f"{name}: {text}"
        )
