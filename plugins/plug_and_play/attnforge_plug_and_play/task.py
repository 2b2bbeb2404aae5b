"""Trains the network that reads the code of a generator from its image: the prior of PPGN."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import ClassVar, cast

import torch
from jaxtyping import Float
from torch import Tensor, nn

from attnforge.adversarial.schedules import Schedule
from attnforge.compute.engine import Engine, set_learning_rate
from attnforge.errors import AttnforgeError, Problem
from attnforge.interfaces import Batch, Build, ImageEncoder, Progress, Prompt
from attnforge.ranges import Betas, StepSize, Weight
from attnforge.specs import ImageSpec, TaskSpec

from .code import CodedGenerator
from .sampler import DENOISER

CONSTANT = Schedule()


class DenoiserTask:
    """Trains the second half of an autoencoder of codes, R(h) = E(G(h)), whose first half is the generator.

    Codes of captions and noise are disturbed, their images generated, and E learns the undisturbed codes by
    squared errors; so R(h) - h points to where codes are more frequent (Alain and Bengio, 2014), which the
    sampler `plug-and-play` uses as its prior. Generator and encoders are frozen, and no image of the data is
    seen. The generator must be trained: take it from a run with `pretrained`, which gives its averaged
    weights.

    Args:
        encoder: E: any image encoder, whose image vectors become as wide as the codes.
        learning_rate: Adam's learning rate.
        betas: Adam's decay rates.
        disturbance: Standard deviation of what is added to codes, as a share of their own root mean square.
        schedule: How the learning rate changes during the phase.
    """

    needs: ClassVar[frozenset[str]] = frozenset({"generator"})
    sampling_network: str = "generator"

    def __init__(
        self,
        spec: TaskSpec,
        *,
        encoder: Build[ImageEncoder],
        learning_rate: StepSize = 1e-3,
        betas: Betas = (0.9, 0.999),
        disturbance: Weight = 0.1,
        schedule: Schedule = CONSTANT,
    ) -> None:
        if spec.generator is None:
            message = "the task `denoiser` reads the codes of a generator, which is missing"
            expected = "the key `generator` in the recipe"
            raise AttnforgeError(Problem("task-lacks-parts", message, expected=expected))
        self.engine = spec.engine or Engine()
        self.text = cast("nn.Module", spec.text)
        self.image_encoder = spec.image
        self.generator = cast("nn.Module", spec.generator)
        self.coded = CodedGenerator(spec.generator, words=spec.text.dim)
        for network in (self.text, self.image_encoder, self.generator):
            if isinstance(network, nn.Module):
                network.requires_grad_(False).eval()
        size = spec.generator.image_sizes[-1]
        self.denoiser = cast("nn.Module", encoder(ImageSpec(dim=self.coded.width, image_size=size)))
        self.learning_rate = learning_rate
        self.disturbance = disturbance
        self.schedule = schedule
        self.optimizer = self.engine.adam(
            self.denoiser.parameters(), learning_rate=learning_rate, betas=betas
        )
        self.update = self.engine.update(self.optimizer)

    def networks(self) -> Mapping[str, nn.Module]:
        image = {"image": self.image_encoder} if isinstance(self.image_encoder, nn.Module) else {}
        return {"text": self.text, **image, "generator": self.generator, DENOISER: self.denoiser}

    def optimizers(self) -> Mapping[str, torch.optim.Optimizer]:
        return {DENOISER: self.optimizer}

    def step(self, batch: Batch, *, progress: Progress) -> dict[str, Tensor]:
        set_learning_rate(self.optimizer, self.learning_rate * self.schedule.factor(progress))
        self.denoiser.train()
        images, code = self._generated(batch)
        scale = torch.cat([part.square().mean().expand(part.shape[1]) for part in self.coded.parts(code)])
        parts = self.engine.micro_batches(len(code))
        errors: list[Tensor] = []

        def losses() -> Iterator[Tensor]:
            for part in parts:
                with self.engine.autocast():
                    arranged = self.engine.arranged_images(images[part], self.denoiser)
                    read = self.denoiser(arranged).image
                error = (read.float() - code[part]).square() / scale
                errors.append(error.detach().mean(dim=0))
                yield torch.stack([side.mean() for side in self.coded.parts(error)]).sum() / len(parts)

        self.update.minimise(losses(), count=len(parts))
        noise, condition = (side.mean() for side in self.coded.parts(torch.stack(errors).mean(0)[None]))
        return {"noise": noise, "condition": condition}

    @torch.no_grad()
    def _generated(self, batch: Batch) -> tuple[Float[Tensor, "b 3 h w"], Float[Tensor, "b k"]]:
        """The images of disturbed codes, and the codes before that."""
        self.text.eval()
        self.generator.eval()
        with self.engine.autocast():
            text = self.text(batch.tokens, batch.lengths)
            prompt = Prompt.of(text, extras=batch.extras, tokens=batch.tokens)
            noise = torch.randn(len(prompt.sentence), self.coded.generator.noise, device=batch.image.device)
            code = self.coded.code(noise, prompt).float()
            sides = [
                side + self.disturbance * side.square().mean().sqrt() * torch.randn_like(side)
                for side in self.coded.parts(code)
            ]
            images = self.coded(torch.cat(sides, dim=1), prompt).images[-1]
        return images.float(), code
