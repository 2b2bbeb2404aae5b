"""The recurrent text encoders: shapes, padding, and captions that do not disturb each other."""

from __future__ import annotations

import pytest
import torch
from attnforge_attngan.text import BiGRU, BiLSTM

from attnforge.interfaces import TextEncoder
from attnforge.specs import TextSpec

Encoder = BiLSTM | BiGRU
ENCODERS = [BiLSTM, BiGRU]
LENGTHS = torch.tensor([3, 7, 1, 5])


def built(encoder: type[Encoder]) -> Encoder:
    torch.manual_seed(0)
    return encoder(TextSpec(vocabulary_size=30), dim=12, embedding=9).eval()


def tokens() -> torch.Tensor:
    drawn = torch.randint(1, 30, (4, 9), generator=torch.Generator().manual_seed(1))
    return drawn.masked_fill(torch.arange(9) >= LENGTHS[:, None], 0)


@pytest.mark.parametrize("encoder", ENCODERS)
def test_words_are_zero_where_there_is_padding(encoder: type[Encoder]) -> None:
    network = built(encoder)
    features = network(tokens(), LENGTHS)
    assert isinstance(network, TextEncoder)
    assert network.dim == 12
    assert features.words.shape == (4, 12, 9)
    assert features.sentence.shape == (4, 12)
    assert torch.equal(features.lengths, LENGTHS)
    assert torch.equal(features.words.abs().sum(dim=1) == 0, features.padding)


@pytest.mark.parametrize("encoder", ENCODERS)
def test_a_caption_does_not_depend_on_its_batch_mates(encoder: type[Encoder]) -> None:
    network = built(encoder)
    together = network(tokens(), LENGTHS)
    for index, length in enumerate(LENGTHS):
        alone = network(tokens()[index : index + 1, :length], LENGTHS[index : index + 1])
        torch.testing.assert_close(together.words[index : index + 1, :, :length], alone.words)
        torch.testing.assert_close(together.sentence[index : index + 1], alone.sentence)


@pytest.mark.parametrize("encoder", ENCODERS)
def test_permuted_captions_give_permuted_features(encoder: type[Encoder]) -> None:
    network, order = built(encoder), torch.tensor([2, 0, 3, 1])
    before, after = network(tokens(), LENGTHS), network(tokens()[order], LENGTHS[order])
    torch.testing.assert_close(after.words, before.words[order])
    torch.testing.assert_close(after.sentence, before.sentence[order])


@pytest.mark.parametrize("encoder", ENCODERS)
def test_the_sentence_is_the_last_state_of_each_direction(encoder: type[Encoder]) -> None:
    features = built(encoder)(tokens(), LENGTHS)
    for index, length in enumerate(LENGTHS):
        torch.testing.assert_close(features.sentence[index, :6], features.words[index, :6, length - 1])
        torch.testing.assert_close(features.sentence[index, 6:], features.words[index, 6:, 0])


@pytest.mark.parametrize("encoder", ENCODERS)
def test_a_caption_without_known_words_is_read_as_the_end(encoder: type[Encoder]) -> None:
    features = built(encoder)(torch.zeros(2, 3, dtype=torch.int64), torch.tensor([0, 2]))
    assert features.lengths.tolist() == [1, 2]
    assert bool(features.sentence.isfinite().all())


@pytest.mark.parametrize("encoder", ENCODERS)
def test_gradients_reach_every_weight(encoder: type[Encoder]) -> None:
    network = built(encoder).train()
    features = network(tokens(), LENGTHS)
    (features.words.square().sum() + features.sentence.square().sum()).backward()
    assert all(
        weight.grad is not None and bool(weight.grad.isfinite().all()) for weight in network.parameters()
    )


def test_parameters_of_the_paper_on_birds_and_coco() -> None:
    with torch.device("meta"):
        counts = [
            sum(weight.numel() for weight in BiLSTM(TextSpec(vocabulary_size=size)).parameters())
            for size in (5450, 27297)
        ]
    assert counts == [2_075_320, 8_629_420]


@pytest.mark.parametrize("encoder", ENCODERS)
def test_the_sentence_can_be_the_mean_of_the_words_without_padding(encoder: type[Encoder]) -> None:
    torch.manual_seed(0)
    reader = encoder(TextSpec(vocabulary_size=9), dim=8, embedding=6, sentence="mean").eval()
    lengths = torch.tensor([4, 2])
    features = reader(torch.tensor([[1, 2, 3, 4], [5, 6, 0, 0]]), lengths)
    for words, sentence, length in zip(features.words, features.sentence, lengths.tolist(), strict=True):
        torch.testing.assert_close(sentence, words[:, :length].mean(dim=1))
