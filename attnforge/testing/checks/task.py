"""What a task promises: steps that train, and checkpoints that hold all that a step needs."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from dataclasses import fields
from typing import Any

import torch
from torch import Tensor, nn

from attnforge.specs import TaskSpec
from attnforge.testing.examples.specs import IMAGE_SIZE, VOCABULARY
from attnforge.testing.expect import all_same, finite, require
from attnforge.testing.networks import LENGTHS, example_images
from attnforge.testing.subject import Subject
from attnforge.values import Batch, Progress

PARTS = frozenset({"generator", "discriminators", "losses"})


def needs(subject: Subject) -> None:
    """`needs` names parts of recipes, and the task can be built with these and the encoders alone."""
    wanted = getattr(subject.target, "needs", None)
    require(isinstance(wanted, frozenset), f"`needs` is {wanted!r}, not a frozenset of the class")
    unknown = sorted(frozenset(wanted or ()) - PARTS)
    require(
        not unknown, f"`needs` names {', '.join(map(str, unknown))}; known are {', '.join(sorted(PARTS))}"
    )
    _task(subject)


def finite_scalars(subject: Subject) -> None:
    """A step gives finite scalars by name, free of the graph that they were computed in."""
    found = _step(_task(subject), 0)
    require(found, "a step gives nothing to log")
    for name, value in found.items():
        require(isinstance(name, str) and name.strip(), f"a scalar is called {name!r}")
        require(isinstance(value, Tensor) and value.ndim == 0, f"`{name}` is {value!r}, not a scalar tensor")
        finite(value, f"`{name}`")
        require(not value.requires_grad, f"`{name}` keeps the graph of its step in memory: detach it")


def same_names_every_step(subject: Subject) -> None:
    """The scalars have the same names in every step, so that their curves have no gaps."""
    task = _task(subject)
    names = [sorted(_step(task, number)) for number in range(3)]
    require(names[0] == names[1] == names[2], f"three steps give {names}")


def steps_change_weights(subject: Subject) -> None:
    """After two steps, weights that every optimizer holds have changed."""
    task = _task(subject)
    held = {name: _weights_of(one) for name, one in task.optimizers().items()}
    require(held, "there is no optimizer: nothing would be trained")
    before = {name: [one.detach().clone() for one in weights] for name, weights in held.items()}
    for number in range(2):
        _step(task, number)
    for name, weights in held.items():
        moved = any(not torch.equal(one, old) for one, old in zip(weights, before[name], strict=True))
        require(moved, f"two steps change no weight of the optimizer `{name}`")


def weights_stay_finite(subject: Subject) -> None:
    """After three steps every number of every network is finite."""
    task = _task(subject)
    for number in range(3):
        _step(task, number)
    for name, network in task.networks().items():
        for key, one in network.state_dict().items():
            finite(one, f"{key} of the network `{name}`")


def networks_are_complete(subject: Subject) -> None:
    """Every weight that an optimizer changes belongs to a network of `networks()`."""
    task = _task(subject)
    stored = {id(one) for network in task.networks().values() for one in network.parameters()}
    for name, optimizer in task.optimizers().items():
        lost = [list(one.shape) for one in _weights_of(optimizer) if id(one) not in stored]
        require(not lost, f"checkpoints lack weights of the optimizer `{name}`, of the shapes {lost[:3]}")


def same_networks_every_time(subject: Subject) -> None:
    """`networks()` and `optimizers()` give the same objects under the same names, before and after a step."""
    task = _task(subject)
    before, optimizers = dict(task.networks()), dict(task.optimizers())
    _step(task, 0)
    for what, old, new in (
        ("networks", before, task.networks()),
        ("optimizers", optimizers, task.optimizers()),
    ):
        require(sorted(old) == sorted(new), f"after a step the {what} are {sorted(new)}, not {sorted(old)}")
        for name in old:
            require(old[name] is new[name], f"after a step `{name}` of the {what} is another object")


def resumes_exactly(subject: Subject) -> None:
    """Another task with the state of its networks and optimizers goes on with the same step."""
    task, other = _task(subject), _task(subject, seed=2)
    for number in range(2):
        _step(task, number)
    networks = {name: copy.deepcopy(one.state_dict()) for name, one in task.networks().items()}
    optimizers = {name: copy.deepcopy(one.state_dict()) for name, one in task.optimizers().items()}
    for name, one in other.networks().items():
        one.load_state_dict(networks[name])
    for name, optimizer in other.optimizers().items():
        optimizer.load_state_dict(optimizers[name])
    for number in (2, 3):
        all_same(_step(other, number), _step(task, number), "resumed from its state")


def _task(subject: Subject, *, seed: int = 1) -> Any:
    """The task, told no more than it needs, as a run does."""
    spec: TaskSpec = subject.spec()
    wanted = getattr(subject.target, "needs", PARTS)
    told: dict[str, Any] = {one.name: getattr(spec, one.name) for one in fields(spec)}
    for name in PARTS - frozenset(wanted):
        told.pop(name)
    if seed != 1:
        _blur([told["text"], told["image"], told.get("generator"), *told.get("discriminators", ())])
    return subject.build(seed=seed, spec=TaskSpec(**told))


@torch.no_grad()
def _blur(networks: list[Any]) -> None:
    """Other weights than those that every spec has, so that only a loaded state can make them the same."""
    for network in networks:
        for one in network.parameters() if isinstance(network, nn.Module) else ():
            one.add_(0.1)


def _step(task: Any, number: int) -> Mapping[str, Tensor]:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(100 + number)
        progress = Progress(step=number, steps=10, batch_size=4, images=8)
        found: Mapping[str, Tensor] = task.step(batch(seed=number), progress=progress)
        return found


def batch(*, seed: int = 0, count: int = 4) -> Batch:
    """A batch of images with captions of different lengths."""
    lengths = torch.tensor([LENGTHS[index % len(LENGTHS)] for index in range(count)])
    longest = int(lengths.max())
    drawn = torch.randint(1, VOCABULARY, (count, longest), generator=torch.Generator().manual_seed(seed))
    return Batch(
        image=example_images(count, IMAGE_SIZE, seed=seed),
        tokens=drawn.masked_fill(torch.arange(longest) >= lengths[:, None], 0),
        lengths=lengths,
        class_ids=torch.arange(count) % 3,
        captions=tuple(f"caption {index}" for index in range(count)),
        keys=tuple(f"image {index}" for index in range(count)),
    )


def _weights_of(optimizer: torch.optim.Optimizer) -> list[Tensor]:
    return [one for group in optimizer.param_groups for one in group["params"]]


CHECKS: tuple[Callable[[Subject], None], ...] = (
    needs,
    finite_scalars,
    same_names_every_step,
    steps_change_weights,
    weights_stay_finite,
    networks_are_complete,
    same_networks_every_time,
    resumes_exactly,
)
