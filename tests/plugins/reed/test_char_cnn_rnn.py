"""The char-CNN-RNN: its steps, and the character that each word vector belongs to."""

from __future__ import annotations

import pytest
import torch
from attnforge_reed.text import CharCnnRnn
from torch import Tensor

from attnforge.errors import RecipeError
from attnforge.specs import TextSpec

SPEC = TextSpec(vocabulary_size=30)


def char_cnn_rnn(**options: object) -> CharCnnRnn:
    torch.manual_seed(0)
    network = CharCnnRnn(SPEC, dim=12, channels=(16, 24, 32), **{"characters": 75, **options})  # type: ignore[arg-type]
    for weight in network.parameters():
        torch.nn.init.uniform_(weight, -0.3, 0.3)
    return network.eval()


def drawn(lengths: list[int], *, longest: int, seed: int = 1) -> tuple[Tensor, Tensor]:
    counts = torch.tensor(lengths)
    tokens = torch.randint(1, 30, (len(lengths), longest), generator=torch.Generator().manual_seed(seed))
    return tokens.masked_fill(torch.arange(longest) >= counts[:, None], 0), counts


def test_two_hundred_and_one_characters_make_eighteen_steps() -> None:
    torch.manual_seed(0)
    network = CharCnnRnn(TextSpec(vocabulary_size=70), dim=6, channels=(4, 4, 4)).eval()
    tokens = torch.randint(1, 70, (1, 201), generator=torch.Generator().manual_seed(1))
    features = network(tokens, torch.tensor([201]))
    steps, counts = torch.unique_consecutive(features.words[0], dim=1, return_counts=True)
    assert steps.shape == (6, 18)
    assert set(counts.tolist()) == {11, 12}
    torch.testing.assert_close(features.sentence[0], steps.mean(dim=1))


def test_a_character_changes_its_own_word_vector() -> None:
    network = char_cnn_rnn()
    tokens, lengths = drawn([75], longest=75)
    before = network(tokens, lengths).words
    for place in range(75):
        changed = tokens.clone()
        changed[0, place] = tokens[0, place] % 29 + 1
        after = network(changed, lengths).words
        assert not torch.equal(after[0, :, place], before[0, :, place]), place


def test_characters_beyond_the_last_step_are_padding() -> None:
    network = char_cnn_rnn()
    tokens, lengths = drawn([90, 5], longest=90)
    features, cut = network(tokens, lengths), network(tokens[:, :75], lengths.clamp(max=75))
    assert features.words.shape == (2, 12, 90)
    assert features.lengths.tolist() == [75, 5]
    torch.testing.assert_close(features.sentence, cut.sentence)
    torch.testing.assert_close(features.words[:, :, :75], cut.words)


def test_the_shorter_network_has_eight_steps_and_may_end_with_the_last() -> None:
    tokens, lengths = drawn([201], longest=201)
    average = char_cnn_rnn(characters=201, shorter=True)(tokens, lengths)
    last = char_cnn_rnn(characters=201, shorter=True, sentence="last")(tokens, lengths)
    steps = torch.unique_consecutive(average.words[0], dim=1)
    assert steps.shape == (12, 8)
    torch.testing.assert_close(average.sentence[0], steps.mean(dim=1))
    torch.testing.assert_close(last.sentence[0], steps[:, -1])


@pytest.mark.parametrize(("characters", "shorter"), [(47, False), (65, True)])
def test_too_few_characters_are_refused_and_one_more_is_enough(characters: int, shorter: bool) -> None:
    with pytest.raises(RecipeError) as raised:
        char_cnn_rnn(characters=characters, shorter=shorter)
    assert raised.value.problems[0].code == "few-characters"
    assert f"{characters + 1} or more" in str(raised.value.problems[0].expected)
    assert char_cnn_rnn(characters=characters + 1, shorter=shorter).steps == 1


def test_a_blank_is_read_as_nothing_and_keeps_its_place() -> None:
    torch.manual_seed(0)
    spec = TextSpec(vocabulary_size=31, blank=30)
    network = CharCnnRnn(spec, dim=6, channels=(4, 4, 4), characters=75).eval()
    assert network.convolutions[0].weight.shape[1] == 30
    tokens, lengths = drawn([60], longest=60)
    tokens[0, 5] = 30
    rows = network._one_hot(tokens)
    assert float(rows[0, :, 5].abs().sum()) == 0
    assert float(rows.sum()) == 59
    assert int(lengths) == int(network(tokens, lengths).lengths)
