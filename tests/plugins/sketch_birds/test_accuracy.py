"""The colours that captions request are measured where they are, and only there."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import torch
from attnforge_sketch_birds.accuracy import AttributeAccuracy
from attnforge_sketch_birds.asking import requested_colours
from attnforge_sketch_birds.attributes import draw_attributes
from attnforge_sketch_birds.dataset import SketchBirds
from attnforge_sketch_birds.painter import Painter
from measured_images import values_of
from torch import Tensor

from attnforge.interfaces import Metric
from attnforge.specs import DataSpec, MetricSpec


def metric() -> AttributeAccuracy:
    unused: Any = None
    return AttributeAccuracy(MetricSpec(encode=unused, image=unused, tokenizer=unused, data=unused))


def some_images(size: int, count: int = 200) -> tuple[Tensor, list[str]]:
    data = SketchBirds(DataSpec(split="test", image_size=size), test_count=count)
    samples = [data.sample(index, seed=index) for index in range(count)]
    return torch.stack([one.image for one in samples]) / 127.5 - 1, [one.caption for one in samples]


def metrics(images: Tensor, captions: list[str]) -> dict[str, Any]:
    return values_of(metric(), images, captions)


@pytest.mark.parametrize("size", [16, 32, 64, 128])
def test_real_images_are_read_right(size: int) -> None:
    images, captions = some_images(size)
    assert isinstance(metric(), Metric)
    assert metrics(images, captions)["attribute accuracy"] >= 0.97


def test_blur_and_noise_do_little_harm() -> None:
    images, captions = some_images(64)
    blurred = torch.nn.functional.avg_pool2d(images, 5, stride=1, padding=2, count_include_pad=False)
    noise = torch.randn(images.shape, generator=torch.Generator().manual_seed(1))
    assert metrics(blurred, captions)["attribute accuracy"] > 0.95
    assert metrics((images + 0.3 * noise).clamp(-1, 1), captions)["attribute accuracy"] > 0.95


def test_captions_of_other_images_are_met_by_chance() -> None:
    images, captions = some_images(64, count=400)
    shuffled = metrics(images, captions[13:] + captions[:13])
    assert shuffled["attribute accuracy"] == pytest.approx(1 / 8, abs=0.05)
    assert shuffled["attribute accuracy chance"] == pytest.approx(1 / 8, abs=0.02)


def test_a_wrong_part_counts_against_that_part_alone() -> None:
    painter, images, captions = Painter(64), [], []
    for index in range(30):
        bird = draw_attributes(seed=5, index=index, split="train")
        body, belly, wing, crown = bird.colours
        recoloured = replace(bird, colours=(body, belly, wing, "red" if crown != "red" else "blue"))
        images.append(torch.from_numpy(painter.image(recoloured)).permute(2, 0, 1) / 127.5 - 1)
        captions.append(f"this bird is {body} with a {belly} belly {wing} wings and a {crown} crown")
    found = metrics(torch.stack(images), captions)
    assert found["attribute accuracy crown"] == 0
    assert found["attribute accuracy"] == 0.75
    assert found["attribute accuracy wing"] == found["attribute accuracy body"] == 1


def test_batches_add_up_in_any_order() -> None:
    images, captions = some_images(32, count=40)
    order = list(range(39, -1, -1))
    turned = values_of(metric(), images[order], [captions[number] for number in order], batch=7)
    assert turned == pytest.approx(metrics(images, captions))


def test_a_whole_caption_is_right_where_all_of_its_parts_are() -> None:
    rows = torch.tensor([[[0, 1, -1, -1], [0, 1, 5, 5]], [[0, 1, -1, -1], [0, 2, 5, 5]]] * 5)
    values = metric().compute({"part colours of sketch birds": rows}, [""] * 10)
    assert (values["attribute accuracy"], values["attribute accuracy whole caption"]) == (0.75, 0.5)


def test_nothing_asked_gives_the_reason() -> None:
    reason = "at least 10 images whose captions name a colour are needed, not 0"
    withheld = {"attribute accuracy withheld": reason}
    assert metrics(torch.zeros(20, 3, 32, 32), ["a photograph", "two trees"] * 10) == withheld


def test_too_few_images_give_the_reason_of_all_parts_or_of_one() -> None:
    captions = ["a bird with a red body", "a bird with a red body and a white belly"]
    found = metrics(torch.ones(9, 3, 32, 32), captions * 4 + captions[:1])
    assert list(found) == ["attribute accuracy withheld"]
    assert found["attribute accuracy withheld"].endswith("not 9")
    found = metrics(torch.ones(10, 3, 32, 32), captions * 5)
    assert {
        "attribute accuracy",
        "attribute accuracy body",
        "attribute accuracy belly withheld",
    } < found.keys()
    assert found["attribute accuracy belly withheld"].endswith("not 5")
    assert "attribute accuracy belly" not in found
    found = metrics(torch.ones(20, 3, 32, 32), captions * 10)
    assert {"attribute accuracy", "attribute accuracy body", "attribute accuracy belly"} < found.keys()


def test_an_image_without_a_bird_scores_no_better_than_its_one_colour() -> None:
    captions = [
        f"a bird with a {colour} body a {colour} belly and {colour} wings" for colour in ("red", "white")
    ] * 5
    flat = torch.ones(10, 3, 64, 64)
    assert metrics(flat, captions)["attribute accuracy"] == 0.5


@pytest.mark.parametrize(
    ("caption", "asked"),
    [
        ("this bird is red with a white belly and has a very short beak", {"body": "red", "belly": "white"}),
        ("This small red bird has blue wings.", {"body": "red", "wing": "blue"}),
        ("its belly and its wings are black", {"belly": "black", "wing": "black"}),
        ("a bird with a green belly and crown", {"belly": "green", "crown": "green"}),
        ("the wings are brown and the cap is purple on this yellow bird",
         {"wing": "brown", "crown": "purple", "body": "yellow"}),
        ("a red bird with a short beak and wings that are white", {"body": "red", "wing": "white"}),
        ("a red bird with wings", {"body": "red"}),
        ("the bird is large and blue with a red breast", {"body": "blue", "belly": "red"}),
        ("a red apple", {}),
        ("", {}),
    ],
)  # fmt: skip
def test_captions_are_understood(caption: str, asked: dict[str, str]) -> None:
    assert requested_colours(caption) == asked
