"""How training steps are computed: precision, memory layout, micro-batches, processes and CUDA graphs.

A task defines what a step computes; the engine in its spec defines how. Without one, a task uses `Engine()`,
which computes as plain torch does.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from functools import partial
from typing import TypeVar

import torch
from torch import Tensor, nn

from attnforge.compute.bfloat16 import multiplies_bfloat16, refuse_old_gpus
from attnforge.compute.collectives import rank, world_size
from attnforge.compute.graphs import GraphedStep, Scalars
from attnforge.compute.update import Update
from attnforge.errors import Problem, RecipeError
from attnforge.recipe.schema import Precision, Training

Network = TypeVar("Network", bound=nn.Module)

MIN_PLANAR_WEIGHT = 4 << 20
"""Numbers in the weights of a convolution from which planes of channels are faster on a CPU, which converts
such weights again and again if channels come last."""

FUSED_DEVICES = ("cpu", "cuda")
"""Where torch updates all weights in one pass over the memory."""


@dataclass(frozen=True, kw_only=True)
class Engine:
    """How training steps are computed on one device.

    Args:
        device: Where tasks compute.
        precision: `float32` is torch's default; `bf16` and `fp16` compute convolutions and matrix products in
            bfloat16 or float16, while weights, optimizer state and sums stay float32.
        channels_last: Whether networks and images have the memory format `channels_last`; None for those that
            are faster so, see `memory_format`.
        cuda_graphs: Whether steps are captured as CUDA graphs and replayed. Without a GPU it has no effect.
        compiled: Whether torch compiles generators and image encoders.
        micro_batch_size: How many images of its share of a batch a process computes at once; None for all.
    """

    device: torch.device = field(default_factory=partial(torch.device, "cpu"))
    precision: Precision = "float32"
    channels_last: bool | None = False
    cuda_graphs: bool = False
    compiled: bool = False
    micro_batch_size: int | None = None

    @staticmethod
    def of(training: Training, device: torch.device) -> Engine:
        """The engine that a recipe's section `training` describes.

        Raises:
            AttnforgeError: the GPU is too old for bfloat16.
            RecipeError: CUDA graphs are combined with what they cannot record.
        """
        precision = training.precision
        if precision == "auto":
            precision = "bf16" if multiplies_bfloat16(device) else "float32"
        if precision == "bf16":
            refuse_old_gpus(device)
        if training.cuda_graphs:
            _refuse_unrecordable(training)
        return Engine(
            device=device,
            precision=precision,
            channels_last=training.channels_last,
            cuda_graphs=training.cuda_graphs and device.type == "cuda",
            compiled=training.compile,
            micro_batch_size=training.micro_batch_size,
        )

    def autocast(self) -> AbstractContextManager[object]:
        """A context for forward passes and losses; leave it before the backward pass."""
        if self.precision == "float32":
            return nullcontext()
        dtype = torch.bfloat16 if self.precision == "bf16" else torch.float16
        return torch.autocast(self.device.type, dtype=dtype)

    def memory_format(self, network: nn.Module) -> torch.memory_format:
        """The memory format of a network and its images.

        Where the engine may choose, networks on a CPU have channels last, unless their weights are so large
        that planes are faster.
        """
        last = self.channels_last
        if last is None:
            largest = max((weight.numel() for weight in network.parameters() if weight.dim() == 4), default=0)
            last = self.device.type == "cpu" and largest < MIN_PLANAR_WEIGHT
        return torch.channels_last if last else torch.contiguous_format

    def arranged(self, network: Network) -> Network:
        """The network in its memory format."""
        layout = self.memory_format(network)
        return network.to(memory_format=layout) if layout is torch.channels_last else network

    def compile(self, network: nn.Module) -> None:
        """Compile a network's forward pass, if this engine does so; its weights and their names stay."""
        if self.compiled:
            network.compile()

    def arranged_images(self, images: Tensor, network: nn.Module) -> Tensor:
        """Images `b c h w` in the memory format of the network that sees them."""
        if self.channels_last is False:
            return images
        return images.contiguous(memory_format=self.memory_format(network))

    def adam(
        self, parameters: Iterable[nn.Parameter], *, learning_rate: float, betas: tuple[float, float]
    ) -> torch.optim.Adam:
        """Adam: fused on CPUs and GPUs, torch's default elsewhere."""
        weights = list(parameters)
        if not weights or not all(
            weight.device.type in FUSED_DEVICES and weight.is_floating_point() for weight in weights
        ):
            return torch.optim.Adam(weights, lr=learning_rate, betas=betas)
        if not self.cuda_graphs:
            return torch.optim.Adam(weights, lr=learning_rate, betas=betas, fused=True)
        # a graph reads the learning rate from the tensor that it was captured with
        rate = torch.tensor(learning_rate, dtype=torch.float32, device=weights[0].device)
        return torch.optim.Adam(weights, lr=rate, betas=betas, fused=True, capturable=True)

    def update(
        self,
        optimizer: torch.optim.Optimizer,
        *,
        clipped: Iterable[nn.Parameter] = (),
        norm: float = 1.0,
    ) -> Update:
        """What steps an optimizer: with averaged, unscaled and clipped gradients; see `Update`.

        Args:
            optimizer: The optimizer.
            clipped: Weights whose gradients are clipped together.
            norm: The norm that they are clipped to.
        """
        scaled = self.precision == "fp16"
        return Update(optimizer, device=self.device, scaled=scaled, clipped=clipped, norm=norm)

    def share(self, rows: int) -> slice:
        """The rows of a whole batch that this process computes."""
        own = rows // world_size()
        return slice(rank() * own, (rank() + 1) * own)

    def micro_batches(self, rows: int) -> list[slice]:
        """The parts in which a process computes its `rows` images."""
        size = min(self.micro_batch_size or rows, rows)
        return [slice(start, start + size) for start in range(0, rows, size)]

    def graphed(
        self, step: Callable[[Mapping[str, Tensor]], Scalars], *, name: str
    ) -> Callable[..., Scalars]:
        """A function of named tensors that is called in every step, as a CUDA graph if graphs are on.

        Everything that changes from step to step must be among the tensors or drawn from torch's global
        generator; what the function does on the host happens only during capture.

        Args:
            step: Returns named scalars.
            name: Its name in messages.
        """
        return GraphedStep(step, name=name, device=self.device) if self.cuda_graphs else step


def _refuse_unrecordable(training: Training) -> None:
    obstacles = {
        "`training.precision: fp16`, which reads whether gradients overflowed": training.precision == "fp16",
        "`training.micro_batch_size`, which replays random numbers": training.micro_batch_size is not None,
        "several processes": world_size() > 1,
        "`training.on_not_finite: skip`, which replaces optimizer states": training.on_not_finite == "skip",
    }
    for obstacle in (name for name, present in obstacles.items() if present):
        message = f"`training.cuda_graphs` cannot be combined with {obstacle}"
        raise RecipeError(
            Problem(
                "graphs-refused",
                message,
                expected="one of the two",
                next_step="attnforge train RECIPE training.cuda_graphs=false",
            )
        )


def set_learning_rate(optimizer: torch.optim.Optimizer, learning_rate: float) -> None:
    """Set the learning rate of every parameter group, in place where a graph reads it."""
    for group in optimizer.param_groups:
        if isinstance(group["lr"], Tensor):
            group["lr"].fill_(learning_rate)
        else:
            group["lr"] = learning_rate
