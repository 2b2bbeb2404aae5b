"""With the official toy networks, every update of a code is the official one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import pytest
import torch
from attnforge_plug_and_play.sampler import PlugAndPlaySampler
from attnforge_plug_and_play.update import UpdateRule
from golden_vectors import GOLDEN, assert_near, vectors
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode

from attnforge.interfaces import GeneratorOutput, ImageFeatures, Prompt
from attnforge.specs import SamplerSpec, ScorerSpec

TOY = {name: value.double() for name, value in vectors("ppgn", "toy_networks").items()}
SIZE, CROPPED = int(TOY["generator_size"]), int(TOY["image_size"])
CASES = sorted(path.stem for path in (GOLDEN / "ppgn").glob("*.npz") if path.stem != "toy_networks")
PROMPT = Prompt(torch.zeros(1, 1, 1), torch.zeros(1, 1), torch.zeros(1, 1, dtype=torch.bool))


def cropped(images: Tensor) -> Tensor:
    """The middle of the images, which the official classifier and encoder see."""
    start = (SIZE - CROPPED) // 2
    return images[..., start : start + CROPPED, start : start + CROPPED]


class OfficialGenerator:
    """x = 3 tanh(W h + b), of a code that is the noise alone."""

    noise = 7
    image_sizes = (SIZE,)

    def __init__(self) -> None:
        self.codes: list[Tensor] = []

    def __call__(self, noise: Tensor, prompt: Prompt, *, return_attention: bool = False) -> GeneratorOutput:
        self.codes.append(noise.detach())
        pixels = 3 * (noise @ TOY["generator_weight"].T + TOY["generator_bias"]).tanh()
        return GeneratorOutput(images=(pixels.reshape(1, 3, SIZE, SIZE),), attention=())


class OfficialEncoder(nn.Module):
    """h = 2 relu(W x + b) on the middle of an image, and a value for the sentence, which stays."""

    def forward(self, images: Tensor) -> ImageFeatures:
        code = 2 * (cropped(images).flatten(1) @ TOY["encoder_weight"].T + TOY["encoder_bias"]).relu()
        both = torch.cat((code, code[:, :1]), dim=1)
        return ImageFeatures(regions=both[..., None, None], image=both)


class OfficialClassifier:
    """The logit of a unit, whose gradient is 1 - p, as the official program has it."""

    def __init__(self, spec: ScorerSpec, *, unit: int) -> None:
        self.unit = unit

    def __call__(self, images: Tensor, prompt: Prompt) -> Tensor:
        logits = cropped(images).flatten(1) @ TOY["classifier_weight"].T + TOY["classifier_bias"]
        return logits[:, self.unit] * (1 - logits.softmax(dim=1)[:, self.unit]).detach()


class Dealt(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Standard normal values of a list, padded by a value for the sentence, one row for each request."""

    def __init__(self, rows: Sequence[Tensor]) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.rows: Iterator[Tensor] = iter(rows)

    def __torch_dispatch__(
        self, func: Any, types: Any, args: Sequence[Any] = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        if func.overloadpacket is not torch.ops.aten.randn:
            return func(*args, **(kwargs or {}))
        row, width = next(self.rows), args[0][1]
        return torch.cat((row, row.new_zeros(width - len(row))))[None]


@pytest.mark.parametrize("name", CASES)
def test_a_search_is_the_official_one(name: str) -> None:
    expected = {key: value.double() for key, value in vectors("ppgn", name).items()}
    updates, noise = int(expected["n_iters"]), float(expected["epsilon3"])
    official, encoder = OfficialGenerator(), OfficialEncoder()
    unit = int(expected["unit"])
    sampler = PlugAndPlaySampler(
        SamplerSpec(generator=official, scoring=lambda: ScorerSpec(words=1), network=lambda name: encoder),
        scorer=lambda spec: OfficialClassifier(spec, unit=unit),
        steps=updates,
        step_size=float(expected["lr"]),
        final_step_size=float(expected["lr_end"]),
        prior_weight=float(expected["epsilon1"]),
        condition_weight=float(expected["epsilon2"]),
        noise=noise,
        moved="noise",
        minimum=0.0,
        maximum=30.0,
    )
    with Dealt([expected["start"], *(row / noise for row in expected["noise"])]):
        image = sampler(PROMPT).images[-1]
    assert_near(torch.cat(official.codes), expected["h"])
    # the stored start is rounded, and steps of 40 enlarge that
    # steps of 40 amplify how the start is rounded
    tolerance = 1e-3 if name == "large_steps_hit_the_clip" else 1e-4
    assert_near(cropped(image), expected["last_image"], tolerance=tolerance)


@pytest.mark.parametrize("name", CASES)
def test_one_more_update_follows_in_the_official_program(name: str) -> None:
    expected = {key: value.double() for key, value in vectors("ppgn", name).items()}
    updates = int(expected["n_iters"])
    rule = UpdateRule(
        steps=updates,
        step_size=float(expected["lr"]),
        final_step_size=float(expected["lr_end"]),
        prior_weight=float(expected["epsilon1"]),
        condition_weight=float(expected["epsilon2"]),
        noise=1.0,  # the stored values are scaled
        minimum=0.0,
        maximum=30.0,
    )
    directions = rule.direction(
        prior=expected["d_prior"], condition=expected["d_condition"], noise=expected["noise"]
    )
    for update in range(updates):
        moved = rule.moved(expected["h"][[update]], directions[[update]], update=update)
        assert_near(moved, expected["h"][[update + 1]], tolerance=1e-5)
    last = rule.moved(expected["h"][[updates]], directions[[updates]], update=updates)
    unclipped = (
        expected["h"][[updates]]
        + expected["lr_end"] * directions[[updates]] / directions[[updates]].abs().mean()
    )
    assert_near(last, unclipped.clamp(0, 30), tolerance=1e-6)
