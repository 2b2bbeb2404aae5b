"""What the two tasks train, what they leave alone, and how their step sizes change."""

from __future__ import annotations

import copy
from typing import Any

import pytest
import torch
from attnforge_attngan.tasks.matching import MatchingTask
from attnforge_gan.losses import BinaryCrossEntropyLoss
from known_steps import SPEC
from small_game import SIZES, Scaled, at, batch, gradients, judges_of, play, spec, state

from attnforge.adversarial.averaging import Average
from attnforge.adversarial.pyramid import pyramid
from attnforge.adversarial.schedules import Schedule, linear_decay
from attnforge.adversarial.task import AdversarialTask
from attnforge.errors import AttnforgeError
from attnforge.specs import TaskSpec

# ---------------------------------------------------------------------------------------------------
# Matching


@pytest.mark.parametrize("options", [{}, {"swapped_captions": True, "image_noise": 0.1}])
def test_matching_learns_a_batch_by_heart(options: dict[str, Any]) -> None:
    task = MatchingTask(spec(), learning_rate=1e-2, **options)
    losses = [play(task, seed=step)["matching"] for step in range(40)]
    assert sum(losses[-5:]) < 0.6 * sum(losses[:5])


def test_the_matching_scalar_is_the_sum_of_its_terms() -> None:
    scalars = play(MatchingTask(spec()))
    assert len(scalars) == 5
    assert scalars.pop("matching") == pytest.approx(sum(scalars.values()), rel=1e-5)


def test_captions_of_the_same_class_are_not_negatives() -> None:
    alike = batch(same_class=True)
    masked = MatchingTask(spec()).step(alike, progress=at(0))["matching"]
    assert float(masked) == pytest.approx(0, abs=1e-5)
    told_apart = MatchingTask(spec(), mask_same_class=False).step(alike, progress=at(0))["matching"]
    assert float(told_apart) > 1


def test_both_encoders_learn_and_frozen_weights_do_not() -> None:
    parts = spec()
    task = MatchingTask(parts)
    before = {name: state(network) for name, network in task.networks().items()}
    assert before.keys() == {"text", "image"}
    play(task)
    for name, network in task.networks().items():
        for weight, tensor in network.named_parameters():
            assert torch.equal(tensor, before[name][weight]) == (not tensor.requires_grad), f"{name} {weight}"


def test_long_gradients_of_the_text_encoder_are_cut() -> None:
    task = MatchingTask(spec(), gradient_norm=1e-3)
    play(task)
    norm = torch.cat([grad.flatten() for grad in gradients(task.networks()["text"])]).norm()
    assert float(norm) == pytest.approx(1e-3, rel=1e-3)
    assert float(torch.cat([grad.flatten() for grad in gradients(task.networks()["image"])]).norm()) > 1e-3


@pytest.mark.parametrize(("progress", "rate"), [(0.0, 2e-3), (0.5, 2e-3 * 0.1**0.5), (1.0, 2e-4)])
def test_the_matching_step_size_falls_by_a_constant_factor(progress: float, rate: float) -> None:
    task = MatchingTask(spec())
    play(task, progress=progress)
    (group,) = task.optimizers()["encoders"].param_groups
    assert group["lr"] == pytest.approx(rate)


# ---------------------------------------------------------------------------------------------------
# The adversarial game


def test_the_encoders_stay_as_they_are_and_all_else_learns() -> None:
    task = AdversarialTask(spec())
    before = {name: state(network) for name, network in task.networks().items()}
    assert before.keys() == {
        "text",
        "image",
        "generator",
        "generator-average",
        "discriminator-16",
        "discriminator-32",
    }
    for name in ("text", "image"):
        task.networks()[name].train()  # as the matching phase leaves them
    for step in range(3):
        play(task, seed=step)
    for name, network in task.networks().items():
        changed = [
            key for key, tensor in network.state_dict().items() if not torch.equal(tensor, before[name][key])
        ]
        assert bool(changed) == (name not in ("text", "image")), (name, changed)
    for name in ("text", "image"):
        assert all(weight.grad is None for weight in task.networks()[name].parameters())


def test_the_generators_step_leaves_the_discriminators_gradients_alone() -> None:
    tasks = [AdversarialTask(spec(adversarial=Scaled(weight))) for weight in (0.0, 1000.0)]
    for task in tasks:
        play(task)
    for name, judge in judges_of(tasks[0]).items():
        other = judges_of(tasks[1])[name]
        for one, two in zip(gradients(judge), gradients(other), strict=True):
            assert torch.equal(one, two)
        assert all(weight.requires_grad for weight in other.parameters())
        for one, two in zip(judge.parameters(), other.parameters(), strict=True):
            assert torch.equal(one, two)
    still, moved = (gradients(task.networks()["generator"]) for task in tasks)
    assert all(not grad.any() for grad in still)
    assert any(grad.any() for grad in moved)


def test_the_generator_learns_from_the_discriminators_just_updated() -> None:
    loss = Scaled(1.0)
    task = AdversarialTask(spec(adversarial=loss))
    before = torch.cat(
        [weight.detach().flatten() for weight in judges_of(task)["discriminator-16"].parameters()]
    )
    play(task)
    at_first, then = loss.seen
    assert torch.equal(at_first, before)
    assert not torch.equal(then, before)


def test_the_average_follows_the_generator() -> None:
    task = AdversarialTask(spec(), average=Average(decay=0.9), generator_learning_rate=0.05)
    generator, average = task.networks()["generator"], task.networks()["generator-average"]
    expected = {name: weight.detach().clone() for name, weight in generator.named_parameters()}
    for name, weight in average.named_parameters():
        assert torch.equal(weight, expected[name])
    for step in range(3):
        play(task, seed=step)
        live = dict(generator.named_parameters())
        expected = {name: 0.9 * mean + 0.1 * live[name].detach() for name, mean in expected.items()}
        for name, weight in average.named_parameters():
            torch.testing.assert_close(weight.detach(), expected[name], rtol=1e-6, atol=1e-7)
        assert any(not torch.equal(weight, live[name]) for name, weight in average.named_parameters())
        buffers = dict(generator.named_buffers())
        assert buffers
        for name, buffer in average.named_buffers():
            assert torch.equal(buffer, buffers[name]), name


def test_adversarial_training_resumes_from_saved_networks_and_optimizers() -> None:
    straight = AdversarialTask(spec())
    play(straight, seed=1)
    saved = {name: state(network) for name, network in straight.networks().items()}
    moments = {name: copy.deepcopy(one.state_dict()) for name, one in straight.optimizers().items()}
    resumed = AdversarialTask(spec())
    for name, network in resumed.networks().items():
        network.load_state_dict(saved[name])
    for name, optimizer in resumed.optimizers().items():
        optimizer.load_state_dict(moments[name])
    assert play(resumed, seed=2) == play(straight, seed=2)
    for name, network in straight.networks().items():
        for key, tensor in network.state_dict().items():
            assert torch.equal(tensor, resumed.networks()[name].state_dict()[key]), f"{name} {key}"


def test_terms_of_two_losses_with_the_same_name_are_both_counted() -> None:
    one = AdversarialTask(spec(bce=BinaryCrossEntropyLoss(SPEC)))
    two = AdversarialTask(spec(bce=BinaryCrossEntropyLoss(SPEC), again=BinaryCrossEntropyLoss(SPEC)))
    single, double = play(one), play(two)
    assert double["D adversarial 32"] == double["D again: adversarial 32"] == single["D adversarial 32"]
    assert {"G adversarial 16", "G again: adversarial 16"} <= double.keys()
    for name, judge in judges_of(one).items():
        for alone, both in zip(gradients(judge), gradients(judges_of(two)[name]), strict=True):
            torch.testing.assert_close(both, 2 * alone, rtol=1e-4, atol=1e-6)


def test_scalars_hold_no_graph() -> None:
    for task in (MatchingTask(spec()), AdversarialTask(spec())):
        scalars = task.step(batch(), progress=at(0))
        assert scalars
        assert not any(value.requires_grad for value in scalars.values())


@pytest.mark.parametrize(("progress", "factor"), [(0.0, 1), (0.5, 1), (0.75, 0.55), (1.0, 0.1)])
def test_both_step_sizes_fall_in_a_straight_line(progress: float, factor: float) -> None:
    task = AdversarialTask(
        spec(),
        generator_learning_rate=1e-3,
        discriminator_learning_rate=4e-3,
        schedule=Schedule(decay_from=0.5, decay_to=0.1),
    )
    play(task, progress=progress)
    rates = {name: one.param_groups[0]["lr"] for name, one in task.optimizers().items()}
    assert rates == pytest.approx({"generator": 1e-3 * factor, "discriminators": 4e-3 * factor})


@pytest.mark.parametrize("progress", [0.0, 0.5, 1.0])
def test_learning_rates_are_constant_by_default(progress: float) -> None:
    assert linear_decay(progress=progress, start=1.0, final_share=0.0) == 1


@pytest.mark.parametrize("lacking", [{"generator": None}, {"discriminators": ()}, {"losses": {}}])
def test_an_adversarial_task_without_a_part_is_refused(lacking: dict[str, Any]) -> None:
    whole = spec()
    parts: dict[str, Any] = {
        "generator": whole.generator,
        "discriminators": whole.discriminators,
        "losses": whole.losses,
    }
    with pytest.raises(AttnforgeError) as error:
        AdversarialTask(TaskSpec(text=whole.text, image=whole.image, **(parts | lacking)))
    assert [problem.code for problem in error.value.problems] == ["task-lacks-parts"]


def test_real_images_are_shown_at_every_size() -> None:
    images = batch().image
    small, large = pyramid(images, SIZES)
    assert large is images
    assert small.shape == (4, 3, 16, 16)
    torch.testing.assert_close(small.mean(dim=(2, 3)), images.mean(dim=(2, 3)), rtol=0, atol=0.02)
    stripes = torch.tensor([-1.0, 1.0, 1.0, -1.0]).repeat(16).expand(1, 3, 64, 64)
    assert (
        float(pyramid(stripes, (16,))[0][..., 2:-2].abs().max()) < 0.3
    )  # every pixel counts, not two of four
    grey = torch.full_like(images, 0.25)
    torch.testing.assert_close(pyramid(grey, (16,))[0], torch.full((4, 3, 16, 16), 0.25))


def test_encoders_frozen_by_adversarial_training_cannot_be_matched_afterwards() -> None:
    parts = spec()
    AdversarialTask(parts)
    with pytest.raises(AttnforgeError) as error:
        MatchingTask(parts)
    assert [problem.code for problem in error.value.problems] == ["nothing-to-train"]
