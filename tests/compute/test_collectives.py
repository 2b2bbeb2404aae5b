"""Rows and sums over processes, with their gradients."""

from __future__ import annotations

from pathlib import Path

import torch
from processes import in_processes
from torch import Tensor

from attnforge.compute.collectives import (
    average,
    gather,
    gather_prompt,
    gather_text,
    rank,
    sum_over_processes,
    world_size,
)
from attnforge.compute.gradients import AveragedGradients
from attnforge.train import loop
from attnforge.values import Condition, Prompt, TextFeatures

ROWS = (2, 3)
"""How many rows each of two processes has."""


def everything() -> Tensor:
    return torch.arange(5.0 * 3).reshape(5, 3)


def gathered(first: int, count: int) -> dict[str, Tensor]:
    own = everything()[first : first + count].requires_grad_()
    rows = gather(own, ROWS)
    (rows * torch.arange(1.0, 6.0)[:, None] * (rank() + 1)).sum().backward()
    assert own.grad is not None
    return {"rows": rows.detach(), "gradient": own.grad}


def test_rows_of_all_processes_are_gathered_with_gradients(tmp_path: Path) -> None:
    first, second = in_processes(gathered, [(0, 2), (2, 3)], tmp_path)
    for own in (first, second):
        torch.testing.assert_close(own["rows"], everything())
    # the losses of both processes count, the second one's twice
    gradient = 3 * torch.arange(1.0, 6.0)[:, None].expand(5, 3)
    torch.testing.assert_close(torch.cat([first["gradient"], second["gradient"]]), gradient)


def scalars_of(value: float, keys: tuple[str, ...]) -> dict[str, object]:
    scalars = {"loss": torch.tensor(value)}
    result = loop.averaged(
        loop.StepResult(phase="gan", step=1, steps=2, images=4, scalars=scalars, keys=keys)
    )
    return {"loss": result.scalars["loss"], "keys": result.keys}


def test_images_of_the_process_whose_loss_is_not_finite_are_named(tmp_path: Path) -> None:
    """The mean is not finite in any process."""
    for own in in_processes(scalars_of, [(1.0, ("a", "b")), (float("nan"), ("c", "d"))], tmp_path):
        assert own["loss"].isnan()
        assert own["keys"] == ("c", "d")
    for own in in_processes(scalars_of, [(1.0, ("a",)), (2.0, ("b",))], tmp_path):
        assert own["loss"] == 1.5
        assert "".join(own["keys"]) in "ab"


def captions(rank: int) -> list[Tensor]:
    """Two captions, and one more or two as negatives, of different lengths in each process."""
    rows, words = 3 + rank, 4 + rank
    text = TextFeatures(
        words=torch.full((rows, 2, words), float(rank)),
        sentence=torch.arange(10.0 * rank, 10 * rank + rows)[:, None],
        padding=torch.zeros(rows, words, dtype=torch.bool),
    )
    whole = gather_text(text, rows=2)
    return [whole.sentence[:, 0], whole.words[:, 0, -1], whole.lengths]


def test_captions_come_before_negatives_and_are_padded_alike(tmp_path: Path) -> None:
    for sentences, last_words, lengths in in_processes(captions, [(0,), (1,)], tmp_path):
        assert sentences.tolist() == [0, 1, 10, 11, 2, 12, 13]
        assert last_words.tolist() == [0, 0, 1, 1, 0, 1, 1]
        assert lengths.tolist() == [4, 4, 5, 5, 4, 5, 5]


def prompts(rank: int) -> list[Tensor]:
    """Two captions with token ids, longer in the second process, in the bits of float64."""
    words = 4 + rank
    drawn = torch.full((2, 3), rank + 1 / 3, dtype=torch.float64)
    prompt = Prompt(
        words=torch.full((2, 2, words), rank + 1 / 7, dtype=torch.float64),
        sentence=torch.full((2, 1), 1 / 11 + rank),
        padding=torch.zeros(2, words, dtype=torch.bool),
        extras={"box": torch.zeros(2, 4)},
        condition=Condition(drawn, 2 * drawn, 3 * drawn),
        tokens=torch.full((2, words), 9 + rank),
    )
    whole, class_ids = gather_prompt(prompt, torch.tensor([2**40 + rank, rank]))
    assert whole.condition is not None
    assert whole.tokens is not None
    assert whole.extras == {}
    fields = [whole.words[:, 0, -1], whole.sentence[:, 0], whole.tokens[:, -1], whole.lengths, class_ids]
    return [*fields, whole.condition.logvar[:, 0]]


def test_prompts_of_different_lengths_are_gathered_bit_for_bit(tmp_path: Path) -> None:
    single = torch.tensor([1 / 11, 1 / 11 + 1]).tolist()
    for words, sentence, tokens, lengths, class_ids, logvar in in_processes(prompts, [(0,), (1,)], tmp_path):
        assert words.tolist() == [0, 0, 1 + 1 / 7, 1 + 1 / 7]
        assert sentence.tolist() == [single[0]] * 2 + [single[1]] * 2
        assert tokens.tolist() == [0, 0, 10, 10]
        assert lengths.tolist() == [4, 4, 5, 5]
        assert class_ids.tolist() == [2**40, 0, 2**40 + 1, 1]
        assert logvar.tolist() == [3 * (1 / 3)] * 2 + [3 * (1 + 1 / 3)] * 2


def averaged(rank: int) -> list[Tensor]:
    tensors = [
        torch.tensor([float(rank)]),
        torch.tensor(rank),
        torch.tensor([[2.0 * rank]], dtype=torch.float64),
    ]
    average(tensors)
    return tensors


def test_floating_point_tensors_are_averaged(tmp_path: Path) -> None:
    for number, (single, whole, double) in enumerate(in_processes(averaged, [(0,), (1,)], tmp_path)):
        assert (single.item(), whole.item(), double.item()) == (0.5, number, 1.0)


def learn(rank: int, bucket_bytes: int) -> list[Tensor]:
    """Gradients of weights of which one is unused, one frozen, and one used in a penalty of second order."""
    torch.manual_seed(0)
    weights = [torch.nn.Parameter(torch.randn(3, 3)) for _ in range(4)]
    weights[2].requires_grad_(False)
    gradients = AveragedGradients(weights, bucket_bytes=bucket_bytes)
    images = torch.randn(4, 3, generator=torch.Generator().manual_seed(rank)).requires_grad_()
    for sends in (False, True):
        scores = (images @ weights[0]).tanh() @ weights[1]
        (slopes,) = torch.autograd.grad(scores.sum(), images, create_graph=True)
        loss = scores.square().mean() + slopes.square().mean()
        if sends:
            with gradients.sending():
                loss.backward()
        else:
            loss.backward()
    gradients.average()
    assert weights[2].grad is None
    assert weights[3].grad is None
    return [weight.grad for weight in weights[:2] if weight.grad is not None]


def test_gradients_are_averaged_whatever_the_buckets(tmp_path: Path) -> None:
    alone = [learn(number, 10) for number in range(2)]
    means = [torch.stack(pair).mean(0) for pair in zip(*alone, strict=True)]
    for bucket_bytes in (1, 40, 10_000):
        folder = tmp_path / str(bucket_bytes)
        folder.mkdir()
        for own in in_processes(learn, [(0, bucket_bytes), (1, bucket_bytes)], folder):
            torch.testing.assert_close(own, means)


def test_one_process_needs_no_exchange() -> None:
    values = everything()
    assert (world_size(), rank()) == (1, 0)
    assert gather(values) is values
    assert sum_over_processes(values) is values
