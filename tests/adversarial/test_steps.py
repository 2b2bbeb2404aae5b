"""What a step of the game trains, how often, and what its losses see of it."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import pytest
import torch
from attnforge_gan.losses import BinaryCrossEntropyLoss
from known_steps import SPEC
from small_game import at, batch, judges_of, play, spec, state
from torch import Tensor, nn

from attnforge.adversarial.task import AdversarialTask
from attnforge.errors import RecipeError
from attnforge.interfaces import AdversarialStep, Progress


class Seeing(BinaryCrossEntropyLoss):
    """Notes every step that each side is shown, with the weights of the smallest discriminator."""

    def __init__(self) -> None:
        super().__init__(SPEC)
        self.discriminators: list[tuple[AdversarialStep, Tensor]] = []
        self.generators: list[tuple[AdversarialStep, Tensor]] = []

    def discriminator(self, step: AdversarialStep) -> dict[str, Tensor]:
        self.discriminators.append((step, _weights(step.discriminators)))
        return super().discriminator(step)

    def generator(self, step: AdversarialStep) -> dict[str, Tensor]:
        self.generators.append((step, _weights(step.discriminators)))
        return super().generator(step)


def _weights(networks: Sequence[object]) -> Tensor:
    network = networks[0]
    assert isinstance(network, nn.Module)
    return torch.cat([weight.detach().flatten() for weight in network.parameters()])


@pytest.mark.parametrize("count", [1, 2, 3])
def test_discriminators_are_updated_as_often_as_asked_with_new_images_each_time(count: int) -> None:
    loss = Seeing()
    task = AdversarialTask(spec(seen=loss), discriminator_steps=count)
    play(task)
    weights = [weights for _, weights in loss.discriminators]
    images = [step.fake.images[-1].detach() for step, _ in loss.discriminators]
    assert len(weights) == count
    assert len(loss.generators) == 1
    step, after = loss.generators[0]
    assert step.fake.images[-1].equal(images[-1])
    for values in (images, [*weights, after]):
        for one, other in pairwise(values):
            assert not torch.equal(one, other)
    (optimizer,) = (one for name, one in task.optimizers().items() if name == "discriminators")
    assert {int(entry["step"]) for entry in optimizer.state.values()} == {count}
    assert {int(entry["step"]) for entry in task.optimizers()["generator"].state.values()} == {1}


def test_one_update_of_the_discriminators_is_the_default() -> None:
    tasks = [AdversarialTask(spec()), AdversarialTask(spec(), discriminator_steps=1)]
    assert play(tasks[0]) == play(tasks[1])
    twice = AdversarialTask(spec(), discriminator_steps=2)
    assert play(twice) != play(tasks[0])


def test_only_the_submodules_to_train_learn_and_the_others_are_trainable_after_the_step() -> None:
    task = AdversarialTask(spec(), train=("stages.1", "heads"), generator_learning_rate=0.05)
    generator = task.networks()["generator"]
    before = state(generator)
    for step in range(2):
        play(task, seed=step)
    for name, weight in generator.named_parameters():
        is_trained = name.startswith(("stages.1.", "heads."))
        assert torch.equal(weight, before[name]) != is_trained, name
        assert weight.requires_grad
        assert (weight.grad is not None) == is_trained, name
    trained = {weight for group in task.optimizers()["generator"].param_groups for weight in group["params"]}
    assert trained == {*generator.stages[1].parameters(), *generator.heads.parameters()}


def test_gradients_pass_through_a_frozen_part_to_those_before_it() -> None:
    task = AdversarialTask(spec(), train=("stages.0",), generator_learning_rate=0.05)
    generator = task.networks()["generator"]
    before = state(generator)
    play(task)
    assert any(not torch.equal(weight, before[name]) for name, weight in generator.named_parameters())
    for name, weight in generator.named_parameters():
        assert name.startswith("stages.0.") or torch.equal(weight, before[name]), name


def test_a_submodule_that_the_generator_lacks_is_refused() -> None:
    with pytest.raises(RecipeError, match="no-such-module"):
        AdversarialTask(spec(), train=("stages.7",))


def test_losses_see_the_batch_the_progress_and_what_was_drawn_without_gradients() -> None:
    loss = Seeing()
    task = AdversarialTask(spec(seen=loss))
    play(task, progress=0.5)
    ((step, _),) = loss.discriminators
    assert step.progress == at(0.5)
    assert step.batch.captions == batch().captions
    assert step.generator is task.networks()["generator"]
    assert step.discriminators == tuple(judges_of(task).values())
    assert torch.equal(step.prompt.tokens, batch().tokens)
    drawn, condition = step.prompt.condition, step.fake.condition
    assert drawn is not None
    assert condition is not None
    assert torch.equal(drawn.mean, condition.mean)
    assert condition.mean.requires_grad
    assert not any(
        value.requires_grad for value in (drawn.value, drawn.mean, drawn.logvar, step.prompt.words)
    )


class Learned(Seeing, nn.Module):
    """A loss with a weight of its own, which the discriminators' side trains."""

    def __init__(self) -> None:
        nn.Module.__init__(self)
        Seeing.__init__(self)
        self.scale = nn.Parameter(torch.ones(()))

    def discriminator(self, step: AdversarialStep) -> dict[str, Tensor]:
        return {name: self.scale * value for name, value in super().discriminator(step).items()}

    def generator(self, step: AdversarialStep) -> dict[str, Tensor]:
        return {name: self.scale * value for name, value in super().generator(step).items()}


def test_a_loss_with_weights_is_trained_with_the_discriminators_and_saved() -> None:
    task = AdversarialTask(spec(learned=Learned()))
    network = task.networks()["loss-learned"]
    play(task)
    assert float(network.scale.detach()) != 1
    parameters = task.optimizers()["discriminators"].param_groups[0]["params"]
    assert any(weight is network.scale for weight in parameters)
    assert network.scale.requires_grad


class Lazy(BinaryCrossEntropyLoss):
    """Has other operations in every fourth step."""

    def variant(self, progress: Progress) -> bool:
        return progress.step % 4 == 0


def test_steps_with_other_operations_are_captured_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    task = AdversarialTask(spec(lazy=Lazy(SPEC)))
    captured: list[str] = []
    graphed = type(task.engine).graphed
    monkeypatch.setattr(
        type(task.engine), "graphed", lambda *args, name: captured.append(name) or graphed(*args, name=name)
    )
    for step in range(9):
        play(task, progress=step / 20)
    assert len(captured) == 2
