"""The colours of the sketched birds, their backgrounds and everything else on the page; sRGB, 0 to 255."""

from __future__ import annotations

from dataclasses import dataclass

Rgb = tuple[int, int, int]

PALETTE: dict[str, Rgb] = {
    "red": (208, 36, 40),
    "yellow": (248, 208, 36),
    "green": (46, 150, 62),
    "blue": (36, 96, 214),
    "purple": (140, 56, 168),
    "brown": (122, 74, 36),
    "black": (26, 26, 30),
    "white": (248, 248, 246),
}
"""The colours that a part can have, each of which a person would name differently."""

COLOURS: tuple[str, ...] = tuple(PALETTE)

BEAK: Rgb = (226, 146, 66)
LEG: Rgb = (128, 98, 82)
EYE_RING: Rgb = (255, 255, 255)
PUPIL: Rgb = (12, 12, 14)


@dataclass(frozen=True, slots=True)
class Background:
    """A pale page, and what the bird stands on: a branch, or ground that fills the lower edge."""

    page: Rgb
    perch: Rgb
    branch: bool


BACKGROUNDS: dict[str, Background] = {
    "sky": Background(page=(196, 224, 244), perch=(154, 126, 100), branch=True),
    "mist": Background(page=(216, 216, 222), perch=(154, 126, 100), branch=True),
    "meadow": Background(page=(222, 240, 204), perch=(170, 204, 140), branch=False),
    "sand": Background(page=(246, 230, 202), perch=(222, 198, 158), branch=False),
}


def darker(colour: Rgb, share: float = 0.62) -> Rgb:
    """The colour of a part's outline."""
    red, green, blue = (round(channel * share) for channel in colour)
    return red, green, blue
