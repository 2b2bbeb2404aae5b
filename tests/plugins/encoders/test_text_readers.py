"""The transformer and the char-CNN-RNN: shapes, padding, and captions that do not disturb each other."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from attnforge_encoders.transformer import TransformerTextEncoder
from attnforge_reed.text import CharCnnRnn
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from attnforge.errors import DataError, RecipeError
from attnforge.interfaces import TextEncoder
from attnforge.specs import TextSpec

SPEC = TextSpec(vocabulary_size=30)
Encoder = TransformerTextEncoder | CharCnnRnn


def transformer(**options: object) -> TransformerTextEncoder:
    torch.manual_seed(0)
    return TransformerTextEncoder(SPEC, dim=12, heads=3, layers=2, **options).eval()  # type: ignore[arg-type]


def large_weights(network: CharCnnRnn) -> CharCnnRnn:
    """Weights with which a narrow network passes signals on, as its own do at published widths."""
    for weight in network.parameters():
        torch.nn.init.uniform_(weight, -0.3, 0.3)
    return network.eval()


def char_cnn_rnn() -> CharCnnRnn:
    torch.manual_seed(0)
    return large_weights(CharCnnRnn(SPEC, dim=12, channels=(16, 24, 32), characters=75))


ENCODERS: dict[str, Callable[[], Encoder]] = {
    "transformer": transformer,
    "transformer-learned-first": lambda: transformer(positions="learned", sentence="first"),
    "char-cnn-rnn": char_cnn_rnn,
}
every_encoder = pytest.mark.parametrize("name", ENCODERS)


def drawn(lengths: list[int], *, longest: int, seed: int = 1) -> tuple[Tensor, Tensor]:
    counts = torch.tensor(lengths)
    tokens = torch.randint(1, 30, (len(lengths), longest), generator=torch.Generator().manual_seed(seed))
    return tokens.masked_fill(torch.arange(longest) >= counts[:, None], 0), counts


@every_encoder
def test_words_are_zero_where_there_is_padding(name: str) -> None:
    network = ENCODERS[name]()
    tokens, lengths = drawn([3, 7, 1, 5], longest=9)
    features = network(tokens, lengths)
    assert isinstance(network, TextEncoder)
    assert network.dim == 12
    assert features.words.shape == (4, 12, 9)
    assert features.sentence.shape == (4, 12)
    assert torch.equal(features.lengths, lengths)
    assert torch.equal(features.words.abs().sum(dim=1) == 0, features.padding)


@every_encoder
@settings(max_examples=20)
@given(lengths=st.lists(st.integers(1, 20), min_size=1, max_size=5), seed=st.integers(0, 99), data=st.data())
def test_a_caption_depends_neither_on_batch_mates_nor_on_padding(
    name: str, lengths: list[int], seed: int, data: st.DataObject
) -> None:
    network = ENCODERS[name]()
    tokens, counts = drawn(lengths, longest=20, seed=seed)
    order = torch.tensor(data.draw(st.permutations(range(len(lengths)))))
    together, permuted = network(tokens, counts), network(tokens[order], counts[order])
    torch.testing.assert_close(permuted.words, together.words[order])
    torch.testing.assert_close(permuted.sentence, together.sentence[order])
    for index, length in enumerate(lengths):
        alone = network(tokens[index : index + 1, :length], counts[index : index + 1])
        torch.testing.assert_close(together.words[index : index + 1, :, :length], alone.words)
        torch.testing.assert_close(together.sentence[index : index + 1], alone.sentence)


@every_encoder
def test_what_stands_in_padding_is_never_read(name: str) -> None:
    network = ENCODERS[name]()
    tokens, lengths = drawn([3, 7], longest=9)
    padded = torch.arange(9) >= lengths[:, None]
    filled, plain = network(tokens.masked_fill(padded, 5), lengths), network(tokens, lengths)
    torch.testing.assert_close(filled.words, plain.words)
    torch.testing.assert_close(filled.sentence, plain.sentence)
    assert torch.equal(filled.padding, plain.padding)


@every_encoder
def test_the_order_of_tokens_matters(name: str) -> None:
    features = ENCODERS[name]()(torch.tensor([[4, 5, 6, 7], [4, 6, 5, 7]]), torch.tensor([4, 4]))
    assert not torch.allclose(features.sentence[0], features.sentence[1], atol=1e-4)


@every_encoder
def test_a_caption_without_known_words_is_read_as_one_token(name: str) -> None:
    features = ENCODERS[name]()(torch.zeros(2, 3, dtype=torch.int64), torch.tensor([0, 2]))
    assert features.lengths.tolist() == [1, 2]
    assert bool(features.sentence.isfinite().all())


@every_encoder
def test_gradients_reach_every_weight(name: str) -> None:
    network = ENCODERS[name]().train()
    features = network(*drawn([20, 12], longest=20))
    (features.words.pow(4).sum() + features.sentence.pow(4).sum()).backward()
    assert all(
        weight.grad is not None and bool(weight.grad.isfinite().all()) and bool(weight.grad.any())
        for weight in network.parameters()
    )


def test_the_transformer_gives_the_same_with_and_without_gradients() -> None:
    network = transformer()
    tokens, lengths = drawn([3, 7, 1], longest=9)
    with torch.inference_mode():
        fast = network(tokens, lengths)
    torch.testing.assert_close(fast.words, network(tokens, lengths).words)


def test_a_sentence_is_the_mean_or_the_first_of_the_words() -> None:
    tokens, lengths = drawn([3, 7], longest=9)
    mean, first = transformer()(tokens, lengths), transformer(sentence="first")(tokens, lengths)
    torch.testing.assert_close(mean.sentence[0], mean.words[0, :, :3].mean(dim=1))
    torch.testing.assert_close(first.sentence, first.words[:, :, 0])


def test_learned_positions_start_as_sinusoidal_ones_and_end_with_a_reason() -> None:
    tokens, lengths = drawn([3, 7], longest=9)
    learned = transformer(positions="learned", max_length=9)
    torch.testing.assert_close(learned(tokens, lengths).words, transformer()(tokens, lengths).words)
    with pytest.raises(DataError) as raised:
        learned(*drawn([10], longest=10))
    assert raised.value.problems[0].code == "caption-length"


def test_heads_that_do_not_share_the_width_are_refused() -> None:
    with pytest.raises(RecipeError) as raised:
        TransformerTextEncoder(SPEC, dim=12, heads=5)
    assert raised.value.problems[0].code == "attention-heads"
