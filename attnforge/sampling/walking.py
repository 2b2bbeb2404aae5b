"""Images on the way from one caption and noise to another."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

from attnforge.errors import AttnforgeError, Problem
from attnforge.interfaces import Prompt
from attnforge.sampling.seeded_draws import SeededDraws


@dataclass(frozen=True, slots=True)
class Walk:
    """A way from one caption and noise to another, in equal steps.

    Sentences are interpolated linearly, and so are words. Between its ends, the shorter caption is stretched
    to the length of the longer one, some of its words repeated, so that word i of one turns into word i of
    the other. Normal random numbers turn from those of the first seed into those of the last on a circle,
    which keeps their distribution.

    Args:
        first: The first caption.
        last: The last caption.
        first_seed: Seed of the noise of the first image.
        last_seed: Seed of the noise of the last image.
        steps: The number of images, both ends included.

    Raises:
        AttnforgeError: there are fewer than two steps.
    """

    first: str
    last: str
    first_seed: int
    last_seed: int
    steps: int

    def __post_init__(self) -> None:
        if self.steps < 2:
            message = f"a walk of {self.steps} steps has no way between its ends"
            raise AttnforgeError(Problem("bad-walk", message, expected="at least 2 steps"))

    def shares(self) -> Iterator[float]:
        """How far each image is on the way: 0 for the first, 1 for the last."""
        return (step / (self.steps - 1) for step in range(self.steps))

    def caption(self, share: float) -> str:
        """What an image shows, for people."""
        if self.first == self.last or share == 0:
            return self.first
        return self.last if share == 1 else f"{self.first} → {self.last}, {share:.0%}"


def between(first: Prompt, last: Prompt, share: float) -> Prompt:
    """The prompt at a share of the way between two of one caption each; the ends themselves at 0 and 1."""
    if share in (0, 1):
        return last if share else first
    length = max(first.words.shape[2], last.words.shape[2])
    start, end = _stretched(first, length), _stretched(last, length)
    return Prompt(
        words=torch.lerp(start.words, end.words, share),
        sentence=torch.lerp(start.sentence, end.sentence, share),
        padding=start.padding & end.padding,
        extras=first.extras,
        tokens=start.tokens if share < 0.5 else end.tokens,
    )


def words_between(first: tuple[str, ...], last: tuple[str, ...], share: float) -> tuple[str, ...]:
    """The names of the words of `between`: both words where they differ."""
    if share in (0, 1):
        return last if share else first
    length = max(len(first), len(last))
    pairs = zip(
        (first[place] for place in _places(len(first), length)),
        (last[place] for place in _places(len(last), length)),
        strict=True,
    )
    return tuple(old if old == new else f"{old}→{new}" for old, new in pairs)


class TurningDraws(SeededDraws):  # type: ignore[no-untyped-call]
    """Random numbers between those of two seeds, of the same distribution.

    Normal numbers are `cos(a) x + sin(a) y`, which are normal again; uniform ones are turned as the normal
    numbers of equal probability. Others, such as integers, are those of the nearer seed.

    Args:
        first: The seed at share 0.
        last: The seed at share 1.
        share: How far on the way.
    """

    def __init__(self, first: int, last: int, share: float) -> None:
        super().__init__(first if share < 0.5 else last)
        self._ends = (SeededDraws(first), SeededDraws(last))
        self._angle = share * math.pi / 2

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        name = func.overloadpacket.__name__
        turn = _TURNS.get(name)
        if turn is None or (kwargs or {}).get("generator") is not None:
            return super().__torch_dispatch__(func, types, args, kwargs)
        first, last = (end.__torch_dispatch__(func, types, args, kwargs) for end in self._ends)
        return turn(first, last, self._angle)


def _turned(first: Tensor, last: Tensor, angle: float) -> Tensor:
    return math.cos(angle) * first + math.sin(angle) * last


def _turned_uniform(first: Tensor, last: Tensor, angle: float) -> Tensor:
    tiny = torch.finfo(torch.float64).eps
    normal = [torch.special.ndtri(values.double().clamp(tiny, 1 - tiny)) for values in (first, last)]
    shares: Tensor = torch.special.ndtr(_turned(normal[0], normal[1], angle))
    return shares.to(first.dtype)


_TURNS = {
    "randn": _turned,
    "randn_like": _turned,
    "rand": _turned_uniform,
    "rand_like": _turned_uniform,
}
"""How the results of random operations are turned, by the operation."""


def _stretched(prompt: Prompt, length: int) -> Prompt:
    places = torch.tensor(_places(prompt.words.shape[2], length), device=prompt.words.device)
    tokens = None if prompt.tokens is None else prompt.tokens[:, places]
    return replace(prompt, words=prompt.words[:, :, places], padding=prompt.padding[:, places], tokens=tokens)


def _places(words: int, length: int) -> list[int]:
    """The word at each place of a caption that is stretched to a length."""
    return [place * words // length for place in range(length)]
