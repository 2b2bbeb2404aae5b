"""What a scorer promises: a differentiable score for each image and its caption."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from attnforge.interfaces import Prompt
from attnforge.testing.expect import assert_close, assert_finite, require
from attnforge.testing.networks import example_images, prompt_of, texts
from attnforge.testing.subject import Subject

SIZE = 32


def one_score_each(subject: Subject) -> None:
    """Scores are b, finite, for one image as for several."""
    scorer = subject.build()
    for count in (1, 3):
        images, prompt = _inputs(subject, count)
        scores = scorer(images, prompt)
        require(list(scores.shape) == [count], f"scores of {count} images have shape {list(scores.shape)}")
        assert_finite(scores, f"scores of {count} images")


def batch_invariance(subject: Subject) -> None:
    """An image has the same score alone as in a batch."""
    scorer = subject.build()
    images, prompt = _inputs(subject, 3)
    with torch.no_grad():
        together = scorer(images, prompt)
        for index in range(3):
            row = torch.tensor([index])
            alone = scorer(images[row], prompt.mismatched(row, row))
            assert_close(alone, together[row], f"score of image {index} alone")


def depends_on_image(subject: Subject) -> None:
    """Different images of one caption have different scores."""
    scorer = subject.build()
    images, prompt = _inputs(subject, 3)
    with torch.no_grad():
        first, second = scorer(images, prompt), scorer(-images, prompt)
    require(not torch.equal(first, second), "the scores are the same for different images")


def depends_on_caption(subject: Subject) -> None:
    """An image has different scores for different captions."""
    scorer = subject.build()
    images, prompt = _inputs(subject, 3)
    rows = torch.tensor([1, 2, 0])
    with torch.no_grad():
        first, second = scorer(images, prompt), scorer(images, prompt.mismatched(rows, rows))
    require(not torch.equal(first, second), "the scores are the same for different captions")


def gradients_reach_the_images(subject: Subject) -> None:
    """Scores have finite gradients with respect to the images, by which a sampler may search."""
    scorer = subject.build()
    images, prompt = _inputs(subject, 3)
    images.requires_grad_()
    scores = scorer(images, prompt)
    (scores * torch.arange(1, len(scores) + 1)).sum().backward()
    require(images.grad is not None and bool(images.grad.any()), "the gradient of the images is zero")
    if images.grad is not None:
        assert_finite(images.grad, "gradient of the images")


def _inputs(subject: Subject, count: int) -> tuple[Tensor, Prompt]:
    return example_images(count, SIZE, seed=2), prompt_of(texts(count, subject.spec().words, seed=5))


CHECKS: tuple[Callable[[Subject], None], ...] = (
    one_score_each,
    batch_invariance,
    depends_on_image,
    depends_on_caption,
    gradients_reach_the_images,
)
