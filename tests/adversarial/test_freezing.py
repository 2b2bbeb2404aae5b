"""Frozen weights, and the submodules that are trained."""

from __future__ import annotations

from contextlib import suppress

import pytest
from torch import nn

from attnforge.adversarial.freezing import frozen, weights_of
from attnforge.errors import RecipeError


def network() -> nn.Sequential:
    stages = {"first": nn.Linear(2, 2), "second": nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 2))}
    return nn.Sequential(nn.Linear(2, 2), nn.ModuleDict(stages))


def names_of(whole: nn.Module, weights: list[nn.Parameter]) -> list[str]:
    names = {weight: name for name, weight in whole.named_parameters()}
    return [names[weight] for weight in weights]


def test_weights_are_frozen_inside_the_context_and_trained_after_it() -> None:
    whole = network()
    first, *others = whole.parameters()
    first.requires_grad_(False)
    with suppress(KeyError), frozen(whole.parameters()):
        assert not any(weight.requires_grad for weight in whole.parameters())
        raise KeyError
    assert not first.requires_grad
    assert all(weight.requires_grad for weight in others)


def test_without_names_all_weights_are_trained() -> None:
    whole = network()
    assert weights_of(whole, ()) == list(whole.parameters())


def test_the_weights_of_submodules_are_in_the_networks_order_and_once() -> None:
    whole = network()
    chosen = weights_of(whole, ("1.second", "1.second.0", "0"))
    assert names_of(whole, chosen) == [name for name, _ in whole.named_parameters() if "first" not in name]


@pytest.mark.parametrize(
    ("name", "expected"),
    [("1.secnd", "`1.second`"), ("nothing", "one of 0, 1, or a module inside one"), ("", "one of 0, 1")],
)
def test_a_name_that_no_submodule_has_is_refused_with_the_nearest(name: str, expected: str) -> None:
    with pytest.raises(RecipeError) as caught:
        weights_of(network(), ("0", name))
    (problem,) = caught.value.problems
    assert problem.code == "no-such-module"
    assert expected in str(problem.expected)
