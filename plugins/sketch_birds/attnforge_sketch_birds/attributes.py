"""The attributes of a sketched bird, drawn from a seed, and the held-out colour combinations."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from random import Random

from attnforge.seeds import derive_seed

from .palette import BACKGROUNDS, COLOURS

PARTS: tuple[str, ...] = ("body", "belly", "wing", "crown")
"""The parts that have a colour of their own; a class is one colour for each."""

FACINGS: tuple[str, ...] = ("left", "right")
TILTS: tuple[int, ...] = (-8, 0, 8)
"""Degrees; positive lifts the head."""
SIZES: tuple[str, ...] = ("small", "large")
BEAKS: tuple[str, ...] = ("short", "long")

HELD_OUT_SHARE = 0.12


@dataclass(frozen=True, slots=True)
class Geometry:
    """The attributes that determine where each part lies."""

    facing: str
    tilt: int
    size: str
    beak: str


@dataclass(frozen=True, slots=True)
class Attributes:
    """The attributes that determine an image."""

    colours: tuple[str, str, str, str]
    """Of body, belly, wing and crown, in the order of `PARTS`."""
    geometry: Geometry
    background: str

    def colour(self, part: str) -> str:
        return self.colours[PARTS.index(part)]

    @property
    def class_id(self) -> int:
        """The combination of part colours as a number in [0, 4096)."""
        return class_of(self.colours)


def class_of(colours: tuple[str, str, str, str]) -> int:
    """The combination of part colours as a number, body first, in base eight."""
    number = 0
    for colour in colours:
        number = number * len(COLOURS) + COLOURS.index(colour)
    return number


def held_out(colours: tuple[str, str, str, str]) -> bool:
    """Whether a combination appears in the test split only; 12% of all, the same for every seed."""
    return derive_seed("test combination", class_of(colours)) % 10_000 < HELD_OUT_SHARE * 10_000


def codes_of(attributes: Attributes) -> tuple[int, ...]:
    """Attributes as small numbers, of which a million take 9 MB."""
    geometry = attributes.geometry
    return (
        *map(COLOURS.index, attributes.colours),
        FACINGS.index(geometry.facing),
        TILTS.index(geometry.tilt),
        SIZES.index(geometry.size),
        BEAKS.index(geometry.beak),
        tuple(BACKGROUNDS).index(attributes.background),
    )


def attributes_of(codes: Sequence[int]) -> Attributes:
    """The attributes that `codes_of` turned into numbers."""
    body, belly, wing, crown, facing, tilt, size, beak, background = codes
    return Attributes(
        colours=(COLOURS[body], COLOURS[belly], COLOURS[wing], COLOURS[crown]),
        geometry=Geometry(FACINGS[facing], TILTS[tilt], SIZES[size], BEAKS[beak]),
        background=tuple(BACKGROUNDS)[background],
    )


def draw_attributes(*, seed: int, index: int, split: str, facings: Sequence[str] = FACINGS) -> Attributes:
    """Draw the attributes of bird `index`, each uniform among the combinations of its split."""
    random = Random(derive_seed("bird", split, seed, index))  # noqa: S311
    while True:
        body, belly, wing, crown = (COLOURS[random.randrange(len(COLOURS))] for _ in PARTS)
        if held_out((body, belly, wing, crown)) == (split == "test"):
            break
    geometry = Geometry(
        facing=facings[random.randrange(len(FACINGS)) % len(facings)],
        tilt=TILTS[random.randrange(len(TILTS))],
        size=SIZES[random.randrange(len(SIZES))],
        beak=BEAKS[random.randrange(len(BEAKS))],
    )
    backgrounds = tuple(BACKGROUNDS)
    return Attributes(
        colours=(body, belly, wing, crown),
        geometry=geometry,
        background=backgrounds[random.randrange(len(backgrounds))],
    )
