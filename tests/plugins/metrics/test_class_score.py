"""The inception score: known values, the protocol in its name, and files that are no classifier."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from attnforge_metrics.class_score import ClassScore, scores
from attnforge_metrics.inception import InceptionFeatures
from measured_images import GivenFeatures, NoNetwork, values_of
from torch import Tensor
from torchvision.models import inception_v3  # type: ignore[import-untyped]

from attnforge.errors import RecipeError
from attnforge.evaluate.networks import Networks, Reference
from attnforge.specs import MetricSpec

SPEC = MetricSpec(
    encode=None,
    image=None,
    tokenizer=None,
    data=None,
    features=Networks(Reference(None, torch.device("cpu"))),
)
CLASSES = 5


@pytest.fixture(scope="module")
def network(images: Tensor) -> torch.nn.Module:
    """A random network whose normalisation has seen the images, without which it tells none apart."""
    torch.manual_seed(0)
    made: torch.nn.Module = inception_v3(
        weights=None,
        aux_logits=False,
        transform_input=False,
        init_weights=False,
        num_classes=CLASSES,
        dropout=0.0,
    )
    torch.nn.init.normal_(made.get_parameter("fc.weight"), std=3.0)
    for layer in made.modules():
        if isinstance(layer, torch.nn.BatchNorm2d):
            layer.momentum = 1.0
    with torch.no_grad():
        made.train()(images)
    return made.eval()


@pytest.fixture(scope="module")
def weights(network: torch.nn.Module, tmp_path_factory: pytest.TempPathFactory) -> str:
    path = tmp_path_factory.mktemp("weights") / "birds.pth"
    torch.save(network.state_dict(), path)
    return str(path)


@pytest.fixture(scope="module")
def images() -> Tensor:
    """Eight images of plain colours and noise, which any network tells apart a little."""
    noise = torch.Generator().manual_seed(3)
    colours = torch.rand(8, 3, 1, 1, generator=noise) * 2 - 1
    return (colours + 0.5 * torch.randn(8, 3, 299, 299, generator=noise)).clamp(-1, 1)


def score(weights: str, **options: Any) -> ClassScore:
    return ClassScore(SPEC, network=partial(InceptionFeatures, weights=weights), **options)


def given(*, classes: int = 5, **options: Any) -> ClassScore:
    """The score of logits that are given."""
    features = GivenFeatures()
    features.network.classes = classes
    spec = MetricSpec(encode=None, image=None, tokenizer=None, data=None, features=lambda network: features)
    return ClassScore(spec, network=NoNetwork, **options)


def by_hand(logits: np.ndarray, parts: int) -> tuple[float, float]:
    """The score as its papers write it, with plain sums."""
    found = []
    for part in np.array_split(logits, parts):
        shares = np.exp(part) / np.exp(part).sum(axis=1, keepdims=True)
        overall = shares.mean(axis=0)
        divergences = [sum(p * np.log(p / q) for p, q in zip(row, overall, strict=True)) for row in shares]
        found.append(np.exp(np.mean(divergences)))
    return float(np.mean(found)), float(np.std(found))


def test_undecided_classifiers_give_one_and_sure_ones_the_number_of_classes() -> None:
    assert scores(torch.zeros(12, 4).double(), splits=3).tolist() == pytest.approx([1, 1, 1])
    sure = 1e4 * torch.eye(4).double().repeat(3, 1)
    assert scores(sure, splits=3).tolist() == pytest.approx([4, 4, 4])
    assert scores(1e4 * torch.eye(4).double()[[0, 0, 0]], splits=1).tolist() == pytest.approx([1])


def test_a_score_is_what_the_paper_writes() -> None:
    logits = torch.randn(20, 6, generator=torch.Generator().manual_seed(1)).double()
    found = scores(logits, splits=4)
    mean, deviation = by_hand(logits.numpy(), 4)
    assert float(found.mean()) == pytest.approx(mean)
    assert float(found.std(correction=0)) == pytest.approx(deviation)


def test_images_are_classified_by_the_network_of_the_file(
    network: torch.nn.Module, weights: str, images: Tensor
) -> None:
    metric = score(weights, splits=1, background=True, temperature=0.5)
    values = values_of(metric, images, [""] * 8, batch=5)
    ((name, value), (deviation_name, deviation)) = values.items()
    assert name == f"inception score* ({metric.shared.label}, 4 classes, 1 split, temperature 0.5)"
    assert deviation_name == f"{name} deviation"
    assert deviation == 0
    stored = ((images + 1) * 127.5).round() / 127.5 - 1
    with torch.inference_mode():
        logits = network(stored)[:, 1:] / 0.5
    assert value == pytest.approx(by_hand(logits.double().numpy(), 1)[0], rel=1e-5)
    assert value > 1.001


def test_splits_are_shuffled_by_seed_and_named() -> None:
    logits = torch.randn(40, 5, generator=torch.Generator().manual_seed(2))
    captions = [f"bird {number}" for number in range(40)]
    found = [given(splits=4, seed=seed).compute({"logits": logits}, captions) for seed in (1, 1, 2)]
    assert found[0] == found[1] != found[2]
    name = "class score (given, 0, 5 classes, 4 splits)"
    assert list(found[0]) == [name, f"{name} deviation"]
    assert found[0][f"{name} deviation"] > 0
    order = torch.randperm(40, generator=torch.Generator().manual_seed(4))
    shuffled = [captions[number] for number in order.tolist()]
    assert given(splits=4, seed=1).compute({"logits": logits[order]}, shuffled) == found[0]


def test_parts_of_fewer_images_than_classes_become_one_and_fewer_images_give_the_reason() -> None:
    whole, halves = (f"class score (given, 0, 5 classes, {parts})" for parts in ("1 split", "2 splits"))
    reason = "at least 5 images, one for each class, are needed, not {}"
    for count in (0, 4):
        values = given(splits=2).compute({"logits": torch.zeros(count, 5)}, [""] * count)
        assert values == {f"{whole} withheld": reason.format(count)}
    for count in (5, 9):
        assert list(given(splits=2).compute({"logits": torch.zeros(count, 5)}, [""] * count)) == [whole]
    values = given(splits=2).compute({"logits": torch.zeros(10, 5)}, [""] * 10)
    assert list(values) == [halves, f"{halves} deviation"]


def test_a_network_without_classes_is_refused() -> None:
    with pytest.raises(RecipeError) as error:
        given(classes=0)
    assert [problem.code for problem in error.value.problems] == ["no-classes"]


@pytest.mark.parametrize(("images_a_class", "too_low"), [(1, 0.43), (2, 0.25), (10, 0.05)])
def test_scores_of_few_images_are_too_low_by_what_the_docstring_says(
    images_a_class: int, too_low: float
) -> None:
    draw = torch.Generator().manual_seed(1)
    classes = torch.randint(200, (200 * images_a_class,), generator=draw)
    sure = 1e3 * torch.nn.functional.one_hot(classes, 200).double()
    assert float(scores(sure, splits=1)) == pytest.approx(200 * (1 - too_low), rel=0.03)


@pytest.mark.parametrize(
    ("state", "code"),
    [
        (None, "no-weights"),
        ({"fc.bias": torch.zeros(3)}, "other-weights"),
        ({"fc.weight": torch.zeros(3, 2048)}, "other-weights"),
        ({"fc.weight": torch.zeros(1, 2048)}, "other-weights"),
        ({"fc.weight": torch.zeros(2048)}, "other-weights"),
    ],
)
def test_a_file_of_other_weights_is_refused(
    tmp_path: Path, state: dict[str, Tensor] | None, code: str
) -> None:
    path = tmp_path / "weights.pth"
    if state is not None:
        torch.save(state, path)
    with pytest.raises(RecipeError) as error:
        score(str(path))
    assert [problem.code for problem in error.value.problems] == [code]


@pytest.mark.parametrize(("blocks", "digest"), [("ported", "6726825d"), ("torchvision", "0cc3c7bd")])
def test_missing_weights_are_named_with_their_digest_and_source(blocks: str, digest: str) -> None:
    with pytest.raises(RecipeError) as error:
        InceptionFeatures(weights="nowhere.pth", blocks=blocks)  # type: ignore[arg-type]
    (problem,) = error.value.problems
    assert problem.code == "no-weights"
    assert "nowhere.pth" in problem.message
    assert f"(sha256 {digest}...)" in str(problem.expected)
