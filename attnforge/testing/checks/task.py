"""What a task promises: steps that train, and networks and optimizers that hold all training state."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from dataclasses import fields, replace
from typing import Any

import torch
from torch import Tensor, nn

from attnforge.errors import AttnforgeError
from attnforge.specs import TaskSpec
from attnforge.testing.examples.steps import IMAGE_SIZE, VOCABULARY
from attnforge.testing.expect import assert_all_close, assert_finite, require
from attnforge.testing.networks import LENGTHS, example_images
from attnforge.testing.subject import Subject
from attnforge.values import Batch, Progress

PARTS = frozenset({"generator", "discriminators", "losses"})


def needs(subject: Subject) -> None:
    """`needs` names sections of a recipe, and the task can be built from these and the encoders alone."""
    declared = getattr(subject.target, "needs", None)
    require(isinstance(declared, frozenset), f"`needs` is {declared!r}, not a frozenset on the class")
    unknown = sorted(frozenset(declared or ()) - PARTS)
    require(
        not unknown,
        f"`needs` names {', '.join(map(str, unknown))}; valid names are {', '.join(sorted(PARTS))}",
    )
    _task(subject)


def other_specs(subject: Subject) -> None:
    """Built without an image encoder, or with data that has extras, it works or raises an AttnforgeError."""
    spec: TaskSpec = subject.spec()
    boxes = {"box": torch.full((4, 4), 0.25)}
    cases = {
        "without an image encoder": (replace(spec, image=None), {}),
        "with boxes": (spec, boxes),
    }
    for case, (other, extras) in cases.items():
        try:
            task = _task(replace(subject, spec_source=other))
        except AttnforgeError:
            continue
        try:
            scalars = _step(subject, task, 0, extras=extras)
        except Exception as error:
            raise AssertionError(f"a step {case}: {type(error).__name__}: {error}") from error
        for name, value in scalars.items():
            assert_finite(value, f"`{name}` {case}")


def sampling_network(subject: Subject) -> None:
    """`sampling_network` is one of its networks, or None for a task that trains no generator."""
    task = _task(subject)
    name, names = task.sampling_network, sorted(task.networks())
    require(
        name is None or name in names,
        f"`sampling_network` is {name!r}, but its networks are {', '.join(names)}",
    )


def finite_scalars(subject: Subject) -> None:
    """A step returns finite, detached scalars by name."""
    scalars = _step(subject, _task(subject), 0)
    require(scalars, "a step returns no scalars")
    for name, value in scalars.items():
        require(isinstance(name, str) and name.strip(), f"a scalar is called {name!r}")
        require(isinstance(value, Tensor) and value.ndim == 0, f"`{name}` is {value!r}, not a scalar tensor")
        assert_finite(value, f"`{name}`")
        require(not value.requires_grad, f"`{name}` keeps the graph of its step in memory: detach it")


def same_names_every_step(subject: Subject) -> None:
    """The scalars have the same names in every step, so that logged curves have no gaps."""
    task = _task(subject)
    names = [sorted(_step(subject, task, number)) for number in range(3)]
    require(names[0] == names[1] == names[2], f"the names of the scalars change between steps: {names}")


def steps_update_weights(subject: Subject) -> None:
    """Two steps change weights of every optimizer."""
    task = _task(subject)
    weights_of = {name: _weights(optimizer) for name, optimizer in task.optimizers().items()}
    require(weights_of, "the task has no optimizer, so nothing would be trained")
    before = {name: [weight.detach().clone() for weight in weights] for name, weights in weights_of.items()}
    for number in range(2):
        _step(subject, task, number)
    for name, weights in weights_of.items():
        changed = any(not torch.equal(new, old) for new, old in zip(weights, before[name], strict=True))
        require(changed, f"two steps change no weight of the optimizer `{name}`")


def weights_stay_finite(subject: Subject) -> None:
    """After three steps the state of every network is finite."""
    task = _task(subject)
    for number in range(3):
        _step(subject, task, number)
    for name, network in task.networks().items():
        for key, tensor in network.state_dict().items():
            assert_finite(tensor, f"{key} of the network `{name}`")


def networks_hold_all_trained_weights(subject: Subject) -> None:
    """Every weight of an optimizer belongs to a network of `networks()`, so that checkpoints hold it."""
    task = _task(subject)
    stored = {id(weight) for network in task.networks().values() for weight in network.parameters()}
    for name, optimizer in task.optimizers().items():
        missing = [list(weight.shape) for weight in _weights(optimizer) if id(weight) not in stored]
        require(not missing, f"no network holds weights of the optimizer `{name}`, of shapes {missing[:3]}")


def same_networks_every_call(subject: Subject) -> None:
    """`networks()` and `optimizers()` return the same objects under the same names in every call."""
    task = _task(subject)
    before, optimizers = dict(task.networks()), dict(task.optimizers())
    _step(subject, task, 0)
    for what, old, new in (
        ("networks", before, task.networks()),
        ("optimizers", optimizers, task.optimizers()),
    ):
        require(sorted(old) == sorted(new), f"after a step the {what} are {sorted(new)}, not {sorted(old)}")
        for name in old:
            require(old[name] is new[name], f"after a step `{name}` of the {what} is another object")


def resumes_exactly(subject: Subject) -> None:
    """Another task that loads the state of its networks and optimizers resumes with the same steps."""
    task, other = _task(subject), _task(subject, seed=2)
    for number in range(2):
        _step(subject, task, number)
    networks = {name: copy.deepcopy(network.state_dict()) for name, network in task.networks().items()}
    optimizers = {
        name: copy.deepcopy(optimizer.state_dict()) for name, optimizer in task.optimizers().items()
    }
    for name, network in other.networks().items():
        network.load_state_dict(networks[name])
    for name, optimizer in other.optimizers().items():
        optimizer.load_state_dict(optimizers[name])
    for number in (2, 3):
        assert_all_close(_step(subject, other, number), _step(subject, task, number), "step after resuming")


def _task(subject: Subject, *, seed: int = 1) -> Any:
    """The task, given only the parts that it needs, as in a run."""
    spec: TaskSpec = subject.spec()
    needed = getattr(subject.target, "needs", PARTS)
    parts: dict[str, Any] = {field.name: getattr(spec, field.name) for field in fields(spec)}
    for name in PARTS - frozenset(needed):
        parts.pop(name)
    if seed != 1:
        _perturb([parts["text"], parts["image"], parts.get("generator"), *parts.get("discriminators", ())])
    return subject.build(seed=seed, spec=TaskSpec(**parts))


@torch.no_grad()
def _perturb(networks: list[Any]) -> None:
    """Change the weights, which are the same in every spec, so that only loading a state makes them equal."""
    for network in networks:
        for weight in network.parameters() if isinstance(network, nn.Module) else ():
            weight.add_(0.1)


def _step(
    subject: Subject, task: Any, number: int, *, extras: Mapping[str, Tensor] | None = None
) -> Mapping[str, Tensor]:
    spec: TaskSpec = subject.spec()
    generator = torch.Generator().manual_seed(number)
    declared = {name: torch.rand(4, *shape, generator=generator) for name, shape in spec.extras.items()}
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(100 + number)
        progress = Progress(step=number, steps=10, batch_size=4, images=8)
        scalars: Mapping[str, Tensor] = task.step(
            replace(batch(seed=number), extras={**declared, **(extras or {})}), progress=progress
        )
        return scalars


def batch(*, seed: int = 0, count: int = 4) -> Batch:
    """A batch of images with captions of different lengths."""
    lengths = torch.tensor([LENGTHS[index % len(LENGTHS)] for index in range(count)])
    longest = int(lengths.max())
    tokens = torch.randint(1, VOCABULARY, (count, longest), generator=torch.Generator().manual_seed(seed))
    return Batch(
        image=example_images(count, IMAGE_SIZE, seed=seed),
        tokens=tokens.masked_fill(torch.arange(longest) >= lengths[:, None], 0),
        lengths=lengths,
        class_ids=torch.arange(count) % 3,
        captions=tuple(f"caption {index}" for index in range(count)),
        keys=tuple(f"image {index}" for index in range(count)),
    )


def _weights(optimizer: torch.optim.Optimizer) -> list[Tensor]:
    return [weight for group in optimizer.param_groups for weight in group["params"]]


CHECKS: tuple[Callable[[Subject], None], ...] = (
    needs,
    other_specs,
    sampling_network,
    finite_scalars,
    same_names_every_step,
    steps_update_weights,
    weights_stay_finite,
    networks_hold_all_trained_weights,
    same_networks_every_call,
    resumes_exactly,
)
