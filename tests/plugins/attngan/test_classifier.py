"""A classifier as a scorer: the gradient of a class's probability, and the official program's."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import timm
import torch
from attnforge_attngan.classifier import ClassifierScorer
from known_steps import prompt_of
from torch import Tensor

from attnforge.errors import RecipeError
from attnforge.specs import ScorerSpec

OPTIONS = {"channels": [4, 8, 8, 8], "layers": [1, 1, 1, 1], "stem_width": 8}
SPEC = ScorerSpec(words=4)


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> str:
    torch.manual_seed(0)
    network = timm.create_model("resnet10t", num_classes=5, **OPTIONS)
    file = tmp_path_factory.mktemp("classifier") / "weights.pth"
    torch.save({"state_dict": network.state_dict()}, file)
    return str(file)


def scorer(weights: str, **options: Any) -> ClassifierScorer:
    return ClassifierScorer(
        SPEC, weights=weights, **{"unit": 2, "model": "resnet10t", "model_options": OPTIONS, **options}
    )


def scored(scorer: ClassifierScorer, images: Tensor) -> tuple[Tensor, Tensor]:
    leaf = images.clone().requires_grad_()
    scores = scorer(leaf, prompt_of(torch.zeros(len(images), 4)))
    return scores.detach(), torch.autograd.grad(scores.sum(), leaf)[0]


def test_scores_and_gradients_are_those_of_the_class(weights: str) -> None:
    own = scorer(weights)
    torch.manual_seed(1)
    images = torch.rand(2, 3, 32, 32) * 2 - 1
    leaf = images.clone().requires_grad_()
    mean, deviation = torch.tensor((0.485, 0.456, 0.406)), torch.tensor((0.229, 0.224, 0.225))
    logits = own.network(((leaf + 1) / 2 - mean[:, None, None]) / deviation[:, None, None])
    scores, gradient = scored(own, images)
    torch.testing.assert_close(scores, logits.log_softmax(dim=1)[:, 2].detach())
    (expected,) = torch.autograd.grad(logits.log_softmax(dim=1)[:, 2].sum(), leaf, retain_graph=True)
    torch.testing.assert_close(gradient, expected)
    official, of_unit = scored(scorer(weights, gradient="unit"), images)
    torch.testing.assert_close(official, scores)
    target = (1 - logits.softmax(dim=1)[:, 2]).detach()
    (expected,) = torch.autograd.grad((logits[:, 2] * target).sum(), leaf)
    torch.testing.assert_close(of_unit, expected)
    assert not torch.allclose(of_unit, gradient)
    assert not torch.equal(scored(scorer(weights, size=48), images)[0], scores)


def test_other_weights_and_other_classes_are_refused(weights: str, tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match="class 5 is not one of the 5") as error:
        scorer(weights, unit=5)
    assert error.value.problems[0].code == "no-such-class"
    torch.save({"x": torch.zeros(2)}, tmp_path / "other.pth")
    with pytest.raises(RecipeError, match="has no classifier of resnet10t"):
        scorer(str(tmp_path / "other.pth"))
    with pytest.raises(RecipeError, match="there is no file"):
        scorer(str(tmp_path / "absent.pth"), unit=0)
