"""Prompts: what images are to show, and the mismatched ones that they do not show."""

from __future__ import annotations

import torch

from attnforge.interfaces import Condition, Prompt, TextFeatures


def prompt(*, whole: bool = True) -> Prompt:
    """Three rows, each filled with its number."""
    rows = torch.arange(3.0)[:, None]
    words = rows[:, :, None].expand(3, 2, 4)
    text = TextFeatures(words, rows.expand(3, 2), torch.arange(4) > torch.arange(3)[:, None])
    if not whole:
        return Prompt.of(text)
    condition = Condition(rows.expand(3, 5), rows.expand(3, 5) + 10, rows.expand(3, 5) + 20)
    tokens = rows.long().expand(3, 4)
    return Prompt.of(text, extras={"box": rows.expand(3, 4)}, condition=condition, tokens=tokens)


def test_a_prompt_is_the_encoded_captions() -> None:
    made = prompt(whole=False)
    assert isinstance(made, TextFeatures)
    assert made.lengths.tolist() == [1, 2, 3]
    assert (made.extras, made.condition, made.tokens) == ({}, None, None)


def test_a_mismatched_prompt_has_the_captions_of_others_and_the_extras_of_the_images() -> None:
    images, captions = torch.tensor([0, 1, 1]), torch.tensor([1, 2, 0])
    made = prompt().mismatched(images, captions)
    condition, tokens = made.condition, made.tokens
    assert condition is not None
    assert tokens is not None
    for of_captions in (
        made.words,
        made.sentence,
        condition.value,
        condition.mean - 10,
        condition.logvar - 20,
        tokens,
    ):
        assert of_captions.flatten(1)[:, 0].tolist() == [1, 2, 0]
    assert made.lengths.tolist() == [2, 3, 1]
    assert made.extras["box"][:, 0].tolist() == [0, 1, 1]


def test_a_mismatched_prompt_of_captions_alone_has_nothing_else() -> None:
    made = prompt(whole=False).mismatched(torch.tensor([2]), torch.tensor([0]))
    assert made.sentence.tolist() == [[0, 0]]
    assert (made.extras, made.condition, made.tokens) == ({}, None, None)


def test_what_the_generator_drew_is_detached_for_discriminators() -> None:
    mean = torch.ones(2, 3, requires_grad=True)
    condition = Condition(mean * 2, mean, mean * 3).detached()
    assert not any(value.requires_grad for value in (condition.value, condition.mean, condition.logvar))
    assert condition.value.tolist() == [[2] * 3] * 2
