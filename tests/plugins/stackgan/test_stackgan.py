"""StackGAN's two stages in runs: which weights train when, and what is refused."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
from attnforge_gan.conditioning import Augmentation, Sentence
from attnforge_gan.discriminator import JointDiscriminator
from attnforge_gan.losses import BinaryCrossEntropyLoss
from attnforge_stackgan.first import FirstStage
from attnforge_stackgan.second import SecondStage
from attnforge_stackgan.tree_loss import TreeLoss
from official_stackgan import adversarial_step, loss_spec
from safetensors.torch import load_file
from small_widths import small
from torch import Tensor

from attnforge.errors import AttnforgeError, RecipeError
from attnforge.interfaces import Generator, GeneratorOutput, Prompt
from attnforge.recipe import resolve
from attnforge.run.training import train
from attnforge.sampling.pipeline import Pipeline
from attnforge.specs import DiscriminatorSpec, GeneratorSpec
from attnforge.train.progress import SilentReporter

SPEC = GeneratorSpec(words=5)
STATISTICS = ("running_mean", "running_var", "num_batches_tracked")


def second_stage(**options: Any) -> SecondStage:
    first = partial(FirstStage, conditioner=Sentence, image_size=8, channels=2, noise=3)
    return SecondStage(SPEC, conditioner=partial(Augmentation, dim=2), first=first, channels=4, **options)


def prompt() -> Prompt:
    return Prompt(torch.zeros(2, 5, 1), torch.randn(2, 5), torch.zeros(2, 1, dtype=torch.bool))


def trained(name: str, run: Path, overrides: list[str], *, resume: bool = False) -> Path:
    resolved = resolve(name, overrides=overrides)
    assert train(resolved, run, resume=resume, reporter=SilentReporter()).finished
    return run


def weights(run: Path, checkpoint: str, network: str) -> dict[str, Tensor]:
    return load_file(run / "checkpoints" / checkpoint / f"{network}.safetensors")


def first_of(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {name.removeprefix("first."): value for name, value in state.items() if name.startswith("first.")}


def same(left: Mapping[str, Tensor], right: Mapping[str, Tensor]) -> bool:
    assert left.keys() == right.keys()
    return all(torch.equal(left[name], right[name]) for name in left)


def code(error: pytest.ExceptionInfo[AttnforgeError]) -> str:
    return error.value.problems[0].code


def test_one_run_trains_both_stages_one_after_the_other(tmp_path: Path) -> None:
    overrides = [*small("stackgan-sketch-birds", tmp_path), "phases.first.checkpoint_every=1"]
    run = trained("stackgan-sketch-birds", tmp_path / "run", overrides)
    early, late = (weights(run, f"first-000000{step}", "first-generator") for step in (1, 2))
    assert not same(early, late)
    assert same(first_of(weights(run, "second-0000002", "generator")), late)
    assert {path.stem for path in (run / "checkpoints/first-0000002").glob("*.safetensors")} == {
        "text",
        "image",
        "first-generator",
        "discriminator-16",
    }
    (image,) = Pipeline.load(run).generate(["a red bird"])
    assert [size.shape for size in image.images] == [(64, 64, 3)]


def test_two_recipes_chain(tmp_path: Path) -> None:
    first = trained("stackgan-cub-first", tmp_path / "first", small("stackgan-cub-first", tmp_path))
    chained = f"pretrained={{encoders: {first}, generator.first: {first}}}"
    overrides = [*small("stackgan-cub-second", tmp_path), chained]
    second = trained("stackgan-cub-second", tmp_path / "second", overrides)
    assert [path.name for path in (second / "checkpoints").iterdir()] == ["second-0000002"]
    generator = weights(second, "second-0000002", "generator")
    assert same(first_of(generator), weights(first, "gan-0000002", "generator"))
    text = weights(second, "second-0000002", "text")
    assert same(text, weights(first, "gan-0000002", "text"))


def test_a_second_stage_on_random_weights_is_refused() -> None:
    with pytest.raises(RecipeError) as error:
        resolve("stackgan-cub", overrides=["phases.first=null"])
    assert code(error) == "untrained-first-stage"
    assert resolve("stackgan-cub-second").name == "stackgan-cub-second"


def test_the_first_stage_gets_no_gradient_and_keeps_its_mode() -> None:
    stage = second_stage().train()
    assert stage.training
    assert not any(module.training for module in stage.first.modules())
    stage(torch.randn(2, 3), prompt()).images[0].sum().backward()
    without = {name for name, weight in stage.named_parameters() if weight.grad is None}
    assert without == {f"first.{name}" for name, _ in stage.first.named_parameters()}


def test_the_official_first_stage_moves_although_it_is_frozen() -> None:
    stage = second_stage(first_mode="training").train()
    assert all(module.training for module in stage.first.modules())
    before = {name: value.clone() for name, value in stage.first.state_dict().items()}
    stage(torch.randn(2, 3), prompt())
    after = stage.first.state_dict()
    moved = {name for name in before if not torch.equal(before[name], after[name])}
    assert moved == {name for name in before if name.endswith(STATISTICS)}
    assert not any(module.training for module in stage.eval().first.modules())


def test_sizes_and_widths() -> None:
    stage = second_stage(residual_blocks=0)
    assert isinstance(stage, Generator)
    assert (stage.noise, stage.image_sizes, stage.condition) == (3, (32,), 2)
    assert second_stage().first_stage.image_sizes == (8,)


@pytest.mark.parametrize("size", [12, 48, 100])
def test_other_sizes_are_refused(size: int) -> None:
    with pytest.raises(RecipeError) as error:
        FirstStage(SPEC, conditioner=Sentence, image_size=size)
    assert code(error) == "image-size"


def test_a_task_without_a_first_stage_is_refused(tmp_path: Path) -> None:
    task = "{use: stackgan-first, discriminator: {use: joint, channels: 2, unconditional: false}}"
    overrides = [*small("stackgan-cub-first", tmp_path), f"phases.gan.task={task}"]
    with pytest.raises(RecipeError) as error:
        trained("stackgan-cub-first", tmp_path / "run", overrides)
    assert code(error) == "no-first-stage"


def test_each_discriminator_is_asked_what_it_can_answer() -> None:
    """Without the option, the loss uses the unconditional head of the discriminators that have one."""
    spec = DiscriminatorSpec(image_size=16, sentence=5)
    heads = [JointDiscriminator(spec, channels=2, unconditional=has_one) for has_one in (False, True)]
    asked: list[tuple[int, bool]] = []
    for index, network in enumerate(heads):
        network.logits = partial(_noting, asked, index, network.logits)  # type: ignore[method-assign]
    images = (torch.zeros(2, 3, 16, 16),) * 2
    step = adversarial_step(
        prompt(),
        real=images,
        fake=GeneratorOutput(images=images, attention=()),
        generator=second_stage(),
        discriminators=heads,
    )
    BinaryCrossEntropyLoss(loss_spec([16, 16], unconditional=False)).generator(step)
    assert asked == [(0, True), (1, True), (1, False)]


def _noting(asked: list[tuple[int, bool]], index: int, logits: Any, *inputs: Any) -> Tensor:
    asked.append((index, inputs[1] is not None))
    answer: Tensor = logits(*inputs)
    return answer


def test_weights_start_from_a_normal_distribution() -> None:
    torch.manual_seed(0)
    stage = FirstStage(SPEC, conditioner=Sentence, channels=64)
    assert stage.linear.weight.std().item() == pytest.approx(0.02, rel=0.02)
    spec = DiscriminatorSpec(image_size=64, sentence=5)
    for weights, near in (("normal", True), ("orthogonal", False)):
        network = JointDiscriminator(spec, channels=16, initial_weights=weights)
        deviation = network.get_parameter("trunk.3.convolution.weight").std().item()
        assert (abs(deviation - 0.02) < 0.001) == near


def test_heads_that_are_switched_off_are_not_asked() -> None:
    spec = DiscriminatorSpec(image_size=16, sentence=5)
    alone = JointDiscriminator(spec, channels=2, conditional=False)
    features = alone.features(torch.zeros(2, 3, 16, 16))
    assert alone.logits(features, None).shape == (2,)
    with pytest.raises(RecipeError) as error:
        alone.logits(features, prompt())
    assert code(error) == "no-conditional-head"
    with pytest.raises(RecipeError) as error:
        JointDiscriminator(spec, channels=2, conditional=False, unconditional=False)
    assert code(error) == "no-conditional-head"
    for options in ({"captions": False}, {"unconditional": True}):
        with pytest.raises(RecipeError) as error:
            TreeLoss(loss_spec([16], unconditional=False), **options)
        assert code(error) == "no-unconditional-head"
    with pytest.raises(RecipeError) as error:
        TreeLoss(loss_spec([16]), captions=False, unconditional=False)
    assert code(error) == "no-terms"
