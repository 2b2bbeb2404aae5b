"""The parts of a recipe: what they need of one another is said when it is missing."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from attnforge.build import assemble
from attnforge.build.builder import Builder
from attnforge.build.parts import Parts
from attnforge.errors import RecipeError
from attnforge.interfaces import Build, ImageEncoder
from attnforge.plugin import Component
from attnforge.recipe import resolve
from attnforge.specs import ImageSpec, TaskSpec

WITHOUT_A_GENERATOR = ("generator=null", "discriminator=null", "phases.gan=null")


def parts(*overrides: str) -> Parts:
    recipe = assemble(resolve("quickstart", overrides=[*WITHOUT_A_GENERATOR, *overrides]))
    tokenizer = recipe.tokenizer()
    tokenizer.fit(["a red bird"])
    return Parts(recipe, tokenizer=tokenizer, device=torch.device("meta"))


def test_without_a_generator_a_phase_says_how_large_images_are() -> None:
    assert parts("phases.damsm.image_size=48").image_size == 48


def test_a_recipe_that_says_no_size_is_refused() -> None:
    with pytest.raises(RecipeError) as caught:
        _ = parts("phases.damsm.image_size=null").image_size
    assert [problem.code for problem in caught.value.problems] == ["no-image-size"]


class Critic(nn.Module):
    """A child of a task."""

    def __init__(self, spec: ImageSpec) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(spec.dim))


class TaskWithChildren:
    """A task with two children of its own, one of them by default."""

    needs = frozenset[str]()
    sampling_network = None

    def __init__(
        self,
        spec: TaskSpec,
        *,
        critic: Build[ImageEncoder],
        second: Build[ImageEncoder] = Critic,
    ) -> None:
        self.critic = critic(ImageSpec(dim=4, image_size=8))
        self.second = second(ImageSpec(dim=4, image_size=8))


def test_children_of_a_task_are_seeded_by_their_names_and_moved() -> None:
    component = Component("task", "with-children", f"{__name__}:TaskWithChildren", "a test")
    build = Builder(component, TaskWithChildren, {"critic": Critic}, "a test")
    weights: list[torch.Tensor] = []
    for seed in (1, 1, 2):
        torch.manual_seed(len(weights))  # the state of the global generator does not matter
        task = parts_on("cpu", seed=seed).task("phase", build)
        assert isinstance(task, TaskWithChildren)
        weights.append(torch.stack([task.critic.weight, task.second.weight]))
    assert torch.equal(weights[0], weights[1])
    assert not torch.equal(weights[0], weights[2])
    assert not torch.equal(weights[0][0], weights[0][1])
    on_meta = parts_on("meta").task("phase", build)
    assert isinstance(on_meta, TaskWithChildren)
    assert on_meta.critic.weight.device.type == on_meta.second.weight.device.type == "meta"


def parts_on(device: str, *, seed: int = 1) -> Parts:
    recipe = assemble(resolve("quickstart", overrides=[f"training.seed={seed}"]))
    tokenizer = recipe.tokenizer()
    tokenizer.fit(["a red bird"])
    return Parts(recipe, tokenizer=tokenizer, device=torch.device(device))
