"""Encoders that learn further while a generator trains."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Protocol, runtime_checkable

from jaxtyping import Float
from torch import Tensor, nn

from attnforge.adversarial.micro_batches import merged_terms
from attnforge.compute.engine import Engine, set_learning_rate
from attnforge.errors import AttnforgeError, Problem, RecipeError
from attnforge.interfaces import AdversarialStep, Loss
from attnforge.ranges import Betas, Sharpness, StepSize
from attnforge.values import Prompt


@dataclass(frozen=True, kw_only=True)
class EncoderTuning:
    """How text and image encoder are fine-tuned while a generator trains, as a section of a recipe.

    After the generator's update of each step, the encoders minimise the terms that losses have for them, such
    as those of `damsm`. The text encoder is in training mode for it, dropout included; the image encoder is
    in evaluation mode, so that its batch normalisation keeps the statistics of pre-training. Discriminators
    and generator see captions as the encoder stood before the step. Checkpoints hold the tuned encoders and
    their optimizer's state; a run that `pretrained` names is not changed.

    Args:
        learning_rate: Adam's learning rate, which `schedule` changes as it does the others; by default that
            with which the official pre-training ends.
        betas: Adam's decay rates.
        gradient_norm: Gradients of the text encoder are clipped to this norm, as in pre-training.
    """

    learning_rate: StepSize = 2e-4
    betas: Betas = (0.5, 0.999)
    gradient_norm: Sharpness = 0.25


@runtime_checkable
class TunesEncoders(Protocol):
    """A loss with terms that the encoders minimise where a task fine-tunes them with the generator.

    Optional.
    """

    def encoders(self, step: AdversarialStep) -> Mapping[str, Float[Tensor, ""]]:
        """The terms by name; gradients reach the text encoder through the prompt, and no other network.

        The generated images of the step are those of before its updates, and must be detached.
        """
        ...


class TunedEncoders:
    """The encoders of an adversarial task, of which the weights that are trainable now are fine-tuned.

    Args:
        tuning: How.
        text: The text encoder.
        image: The image encoder, if the recipe has one.
        losses: The losses of the task, by name.
        engine: How steps are computed.

    Raises:
        RecipeError: no loss has terms for encoders.
        AttnforgeError: an earlier phase has frozen both encoders.
    """

    def __init__(
        self,
        tuning: EncoderTuning,
        *,
        text: nn.Module,
        image: nn.Module | None,
        losses: Mapping[str, Loss],
        engine: Engine,
    ) -> None:
        self.losses = {name: loss for name, loss in losses.items() if isinstance(loss, TunesEncoders)}
        if not self.losses:
            message = f"none of the losses {', '.join(losses)} has a term for the encoders"
            expected = "a loss that has, such as `damsm`, or a task without `encoders`"
            raise RecipeError(Problem("no-terms", message, None, expected, "attnforge components loss"))
        networks = [text] if image is None else [text, image]
        self.weights = [
            weight for network in networks for weight in network.parameters() if weight.requires_grad
        ]
        if not self.weights:
            message = (
                "no weight of the encoders can be fine-tuned: an earlier adversarial phase has frozen them"
            )
            expected = "`encoders` in the first adversarial phase"
            raise AttnforgeError(Problem("nothing-to-train", message, expected=expected))
        self.text = text
        self.engine = engine
        self.learning_rate = tuning.learning_rate
        self.optimizer = engine.adam(self.weights, learning_rate=tuning.learning_rate, betas=tuning.betas)
        self.update = engine.update(self.optimizer, clipped=text.parameters(), norm=tuning.gradient_norm)

    def scale_learning_rate(self, factor: float) -> None:
        """Set the learning rate to a multiple of the option's."""
        set_learning_rate(self.optimizer, self.learning_rate * factor)

    @contextmanager
    def training(self) -> Iterator[None]:
        """A context in which the weights are trainable, and the text encoder is in training mode."""
        for weight in self.weights:
            weight.requires_grad_(True)
        # recurrent layers of cuDNN have no backward pass in evaluation mode
        self.text.train()
        try:
            yield
        finally:
            self.text.eval()
            for weight in self.weights:
                weight.requires_grad_(False)

    def encoded(self, steps: Iterable[AdversarialStep]) -> Iterator[AdversarialStep]:
        """The steps with prompts through which gradients reach the text encoder, one after another."""
        for step in steps:
            with self.engine.autocast():
                text = self.text(step.batch.tokens, step.batch.lengths)
            prompt = Prompt.of(text, extras=step.prompt.extras, tokens=step.batch.tokens)
            # captions of the whole batch were encoded before; those of other processes are gathered again
            yield replace(step, prompt=prompt, everyone=None)

    def terms(self, step: AdversarialStep) -> dict[str, Float[Tensor, ""]]:
        """The terms that the encoders minimise, by name."""
        return merged_terms({name: loss.encoders(step) for name, loss in self.losses.items()})
