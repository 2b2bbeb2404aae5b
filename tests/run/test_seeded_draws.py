"""Random numbers of one generation: those of the global generator, which is left alone."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest
import torch
import torch.nn.functional as functional
from torch import Tensor

from attnforge.sampling.seeded_draws import SeededDraws

LIKE = torch.zeros(3, 5)
DRAWS: dict[str, Callable[[], Tensor]] = {
    "randn": lambda: torch.randn(3, 5),
    "rand": lambda: torch.rand(3, 5, dtype=torch.float64),
    "randint": lambda: torch.randint(7, (3, 5)),
    "randint from": lambda: torch.randint(2, 7, (3, 5)),
    "randperm": lambda: torch.randperm(9),
    "normal": lambda: torch.normal(0.0, 2.0, (3, 5)),
    "normal of means": lambda: torch.normal(LIKE, 2.0),
    "bernoulli": lambda: torch.bernoulli(LIKE + 0.5),
    "multinomial": lambda: torch.multinomial(LIKE + 1.0, 2),
    "randn_like": lambda: torch.randn_like(LIKE),
    "randn_like of a transposed": lambda: torch.randn_like(LIKE.T),
    "rand_like": lambda: torch.rand_like(LIKE),
    "randint_like": lambda: torch.randint_like(LIKE, 9),
    "in place": lambda: torch.empty(3, 5).normal_() + torch.empty(3, 5).uniform_(-1, 1),
    "dropout": lambda: functional.dropout(LIKE + 1, 0.5, training=True),
    "alpha dropout": lambda: functional.alpha_dropout(LIKE + 1, 0.5, training=True),
    "dropout of channels": lambda: functional.dropout2d(torch.ones(2, 3, 4, 4), 0.5, training=True),
}


@pytest.mark.parametrize("inference", [True, False])
@pytest.mark.parametrize("name", DRAWS)
def test_the_numbers_are_those_of_a_seed_and_the_global_generator_is_left_alone(
    name: str, inference: bool
) -> None:
    draw = DRAWS[name]
    with torch.inference_mode() if inference else torch.no_grad():
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(11)
            expected = [draw(), draw()]
        state = torch.get_rng_state()
        with SeededDraws(11):
            drawn = [draw(), draw()]
        with SeededDraws(12):
            other = [draw(), draw()]
    assert torch.equal(torch.get_rng_state(), state)
    for mine, globally in zip(drawn, expected, strict=True):
        assert torch.equal(mine, globally)
    assert not all(torch.equal(*pair) for pair in zip(drawn, other, strict=True))


def test_a_generator_of_the_parts_own_is_used() -> None:
    own = torch.Generator().manual_seed(3)
    expected = torch.randn(4, generator=torch.Generator().manual_seed(3))
    with SeededDraws(11):
        assert torch.equal(torch.randn(4, generator=own), expected)


def test_two_threads_draw_what_each_would_alone() -> None:
    alone = {}
    for seed in (1, 2):
        with SeededDraws(seed):
            alone[seed] = torch.stack([torch.randn(8) for _ in range(300)])
    together: dict[int, Tensor] = {}
    begin = threading.Barrier(2)

    def draw(seed: int) -> None:
        begin.wait()
        with SeededDraws(seed):
            together[seed] = torch.stack([torch.randn(8) for _ in range(300)])

    threads = [threading.Thread(target=draw, args=[seed]) for seed in (1, 2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all(torch.equal(alone[seed], together[seed]) for seed in (1, 2))


ROWS = (11, 12, 13, 14, 15, 16, 17)
ROW_DRAWS: dict[str, Callable[[int], Tensor]] = {
    "randn": lambda rows: torch.randn(rows, 20),
    "one number a row": lambda rows: torch.rand(rows),
    "randint": lambda rows: torch.randint(2, 90, (rows, 5)),
    "normal of means": lambda rows: torch.normal(torch.zeros(rows, 20), 2.0),
    "multinomial": lambda rows: torch.multinomial(torch.ones(rows, 9), 4),
    "bernoulli": lambda rows: torch.bernoulli(torch.full((rows, 20), 0.5)),
    "randn_like": lambda rows: torch.randn_like(torch.zeros(rows, 2, 4, 4)),
    "randn_like of channels last": lambda rows: torch.randn_like(
        torch.zeros(rows, 2, 4, 4).to(memory_format=torch.channels_last)
    ),
    "randn_like of a transposed": lambda rows: torch.randn_like(torch.zeros(20, rows).T),
    "randint_like": lambda rows: torch.randint_like(torch.zeros(rows, 5), 90),
    "in place": lambda rows: torch.empty(rows, 20).normal_() + torch.empty(rows, 20).uniform_(-1, 1),
    "in place of a transposed": lambda rows: torch.empty(20, rows).T.normal_(),
    "into a tensor": lambda rows: torch.randn(rows, 20, out=torch.empty(rows, 20)),
    "dropout": lambda rows: functional.dropout(torch.ones(rows, 20), 0.5, training=True),
    "dropout of channels": lambda rows: functional.dropout2d(torch.ones(rows, 5, 4, 4), 0.5, training=True),
    "two after one another": lambda rows: torch.randn(rows, 20) + torch.randn(rows, 20),
}


@pytest.mark.parametrize("inference", [True, False])
@pytest.mark.parametrize("name", ROW_DRAWS)
def test_a_row_has_the_same_numbers_in_every_batch(name: str, inference: bool) -> None:
    draw = ROW_DRAWS[name]

    def drawn(size: int) -> Tensor:
        parts = []
        for start in range(0, len(ROWS), size):
            some = ROWS[start : start + size]
            with SeededDraws(1, rows=some):
                parts.append(draw(len(some)))
        return torch.cat(parts)

    with torch.inference_mode() if inference else torch.no_grad():
        whole = drawn(len(ROWS))
        for size in (1, 2, 3):
            assert torch.equal(drawn(size), whole)
        with SeededDraws(ROWS[2]):
            alone = draw(1)
    assert len({tuple(row.flatten().tolist()) for row in whole}) == len(ROWS)
    if "of a transposed" not in name and "channels last" not in name:  # there memory decides
        assert torch.equal(alone[0], whole[2])


def test_what_is_written_in_place_is_the_tensor_itself() -> None:
    written = torch.zeros(3, 20)
    with SeededDraws(1, rows=ROWS[:3]):
        assert written.normal_() is written
        into = torch.zeros(3, 20)
        assert torch.rand(3, 20, out=into) is into
    assert written.abs().sum() > 0
    assert into.abs().sum() > 0


def test_a_draw_that_is_not_of_rows_is_common_to_every_batch() -> None:
    with SeededDraws(1):
        expected = torch.randn(8, 4)
    for rows in (ROWS[:2], ROWS):
        with SeededDraws(1, rows=rows):
            torch.randn(len(rows), 3)
            assert torch.equal(torch.randn(8, 4), expected)
