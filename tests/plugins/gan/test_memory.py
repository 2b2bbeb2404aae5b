"""The conditioner `memory` keeps the first captions, and recalls values of those that resemble a sentence."""

from __future__ import annotations

from pathlib import Path

import torch
import torch.nn.functional as F
from attnforge_gan.memory import Memory
from hypothesis import given
from hypothesis import strategies as st
from processes import in_processes
from torch import Tensor

from attnforge.specs import ConditionerSpec

WIDTH = 12
SLOTS = 10


def memory(*, sharpness: float = 20.0, slots: int = SLOTS) -> Memory:
    torch.manual_seed(5)
    return Memory(
        ConditionerSpec(sentence=WIDTH), slots=slots, dim=4, sharpness=9.0, sampling_sharpness=sharpness
    )


def sentences(count: int, *, seed: int = 0) -> Tensor:
    return torch.randn(count, WIDTH, generator=torch.Generator().manual_seed(seed))


@given(sizes=st.lists(st.integers(1, 13), min_size=1, max_size=5))
def test_the_first_captions_of_training_are_kept_in_order(sizes: list[int]) -> None:
    network, seen = memory(), sentences(sum(sizes))
    for part in seen.split(sizes):
        network(part)
    kept = seen[:SLOTS]
    assert int(network.filled) == len(kept)
    assert torch.equal(network.sentences[: len(kept)], kept)
    assert not network.sentences[len(kept) :].any()


def test_evaluation_keeps_nothing_and_an_empty_memory_recalls_zeros() -> None:
    network = memory().eval()
    value = network(sentences(3)).value
    assert int(network.filled) == 0
    assert not value[:, WIDTH:].any()
    torch.testing.assert_close(value[:, :WIDTH], F.layer_norm(sentences(3), (WIDTH,)))


def test_a_caption_recalls_the_mean_of_values_weighted_by_the_cosines_of_centred_sentences() -> None:
    network = memory(sharpness=3.0)
    network(sentences(6))
    network.eval()
    asked = sentences(4, seed=1)
    keys = sentences(6)
    mean = keys.mean(dim=0)
    cosines = F.cosine_similarity((asked - mean)[:, None], (keys - mean)[None], dim=2)
    expected = (3.0 * cosines).softmax(dim=1) @ network.values[:6]
    torch.testing.assert_close(network(asked).value[:, WIDTH:], expected)


def test_a_sharp_memory_gives_a_kept_caption_its_own_value() -> None:
    network = memory(sharpness=1e4)
    network(sentences(6))
    network.eval()
    torch.testing.assert_close(network(sentences(6)).value[:, WIDTH:], network.values[:6])


def test_training_and_sampling_have_a_sharpness_each() -> None:
    network, other = memory(sharpness=9.0), memory(sharpness=50.0)
    for one in (network, other):
        one(sentences(SLOTS))  # full: nothing else is kept
    asked = sentences(4, seed=1)
    torch.testing.assert_close(network(asked).value, network.eval()(asked).value)
    torch.testing.assert_close(other(asked).value, network(asked).value)
    assert not torch.allclose(other.eval()(asked).value, network(asked).value)


def test_keys_and_values_of_filled_slots_learn() -> None:
    network = memory()
    network(sentences(6)).value.square().sum().backward()
    for weights in (network.offsets, network.values):
        assert weights.grad is not None
        assert weights.grad[:6].abs().sum(dim=1).gt(0).all()
        assert not weights.grad[6:].any()


def test_a_step_may_run_the_network_again_before_its_gradients() -> None:
    network = memory()
    first, second = network(sentences(6)).value, network(sentences(6, seed=1)).value
    (first.square().sum() + second.square().sum()).backward()
    assert int(network.filled) == SLOTS


def test_no_number_leaves_the_device() -> None:
    """On the meta device there is none to copy; costs are estimated there, and CUDA graphs forbid it too."""
    network = memory().to("meta")
    assert network(sentences(6).to("meta")).value.shape == (6, WIDTH + 4)


def kept_in_a_process(own: Tensor) -> dict[str, Tensor]:
    network = memory()
    network(own)
    return {"sentences": network.sentences, "filled": network.filled}


def test_all_processes_keep_the_same_captions(tmp_path: Path) -> None:
    seen = sentences(6)
    for own in in_processes(kept_in_a_process, [(seen[:3],), (seen[3:],)], tmp_path):
        assert torch.equal(own["sentences"][:6], seen)
        assert int(own["filled"]) == len(seen)
