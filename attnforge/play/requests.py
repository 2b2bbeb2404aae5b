"""What the page asks for, as its JSON is checked."""

from __future__ import annotations

from typing import Annotated, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from attnforge.errors import AttnforgeError, Problem
from attnforge.play.limits import (
    MAX_CAPTION_CHARACTERS,
    MAX_EXTRA_NUMBERS,
    MAX_EXTRAS,
    MAX_NOISES,
    MAX_SEED,
    MAX_STEPS,
    MAX_SWAPS,
)

Seed = Annotated[int, Field(ge=0, le=MAX_SEED)]
Caption = Annotated[str, Field(max_length=MAX_CAPTION_CHARACTERS)]
Word = Annotated[str, Field(min_length=1, max_length=100)]
Name = Annotated[str, Field(min_length=1, max_length=200)]
Numbers = Annotated[list[float], Field(max_length=MAX_EXTRA_NUMBERS)]


class Checked(BaseModel):
    """JSON without unknown keys, and with finite numbers."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class NoiseOptions(Checked):
    """How noise is sampled where the recipe's own way is not used; see `NoiseSampler`."""

    truncation: Annotated[float, Field(gt=0, le=100)] | None = None
    scale: Annotated[float, Field(ge=0, le=100)] = 1.0


class ModelRequest(Checked):
    """Which model: a run by its number on the page, and one of its checkpoints."""

    run: Annotated[int, Field(ge=0, le=1_000)]
    checkpoint: Name | None = None
    """By default that of the command line, or the newest."""


class WordsRequest(ModelRequest):
    """Which words of a caption the run knows."""

    caption: Caption


class GenerateRequest(ModelRequest):
    """What all requests for images have in common."""

    sampling: NoiseOptions | None = None
    """By default as in the recipe."""
    extras: Annotated[dict[Name, Numbers], Field(max_length=MAX_EXTRAS)] = Field(default_factory=dict)
    """What the model needs besides captions, by name."""


class ImagesRequest(GenerateRequest):
    """Images of a caption, and of the caption with words swapped, for each of several noises."""

    caption: Caption
    swaps: Annotated[list[tuple[Word, Word]], Field(max_length=MAX_SWAPS)] = Field(default_factory=list)
    noises: Annotated[list[Seed], Field(min_length=1, max_length=MAX_NOISES)]
    """Seeds; the image of each is number 0 of its seed."""


class WalkRequest(GenerateRequest):
    """Images on the way from one caption and noise to another."""

    captions: tuple[Caption, Caption]
    noises: tuple[Seed, Seed]
    steps: Annotated[int, Field(ge=2, le=MAX_STEPS)] = 12


Request = TypeVar("Request", bound=Checked)


def read_request(kind: type[Request], body: bytes) -> Request:
    """Decode and check the JSON of a request.

    Raises:
        AttnforgeError: a caption is too long, or the JSON is malformed; all problems are listed.
    """
    try:
        return kind.model_validate_json(body)
    except ValidationError as error:
        # without the input, which may be long, and may not be valid text
        details = error.errors(include_url=False, include_input=False, include_context=False)
    raise AttnforgeError([_problem(detail["loc"], detail["type"], detail["msg"]) for detail in details[:8]])


def _problem(place: tuple[int | str, ...], kind: str, message: str) -> Problem:
    name = ".".join(str(part)[:40] for part in place).encode("ascii", "replace").decode()
    if kind == "string_too_long" and place[0] in ("caption", "captions"):
        return Problem(
            code="caption-too-long",
            message=f"the caption has more than {MAX_CAPTION_CHARACTERS:,} characters",
            expected="a sentence such as those that the run was trained on",
        )
    where = f"`{name}` of the request: " if name else "the request: "
    return Problem(code="bad-request", message=f"{where}{message}", expected="a request of the page")
