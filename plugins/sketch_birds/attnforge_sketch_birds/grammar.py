"""Captions of a sketched bird: short true sentences with paraphrases, in the manner of CUB's.

A caption is a frame such as `this bird {is body} with {two parts}`. Every frame names two to four part
colours; the words for a part, the order of parts and the words for beak and size vary.
"""

from __future__ import annotations

from random import Random

from attnforge.seeds import derive_seed

from .attributes import Attributes

CAPTIONS_PER_BIRD = 10
MAX_WORDS = 18

SIZE_WORDS: dict[str, tuple[str, ...]] = {"small": ("small", "little"), "large": ("large", "big")}
BEAK_WORDS: dict[str, tuple[str, ...]] = {"short": ("short", "tiny"), "long": ("long", "pointy")}
PART_WORDS: dict[str, tuple[str, ...]] = {
    "body": ("body",),
    "belly": ("belly", "belly", "breast"),
    "wing": ("wings",),
    "crown": ("crown", "crown", "cap"),
}

FRAMES: tuple[str, ...] = (
    "this bird is {body} with {one} and has {beak}",
    "this bird is {body} with {one} and {two}",
    "this bird is {body} with {one} {two} and {three}",
    "a {size} {body} bird with {one} {two} and {three}",
    "a {size} bird with {0} {one} and {two}",
    "a {body} bird that has {one} and {two} and {beak}",
    "this {size} {body} bird has {one} {two} and {beak}",
    "the bird has {0} {one} {two} and {three}",
    "the {one.is} and the {two.is} on this {body} bird",
    "the {0.is} and the {one.is} and the {two.is}",
    "this is a {body} bird with {one} {two} and {three}",
    "a bird with {0} {one} {two} and {three}",
    "this {body} bird has {beak} and its {one.is} and its {two.is}",
    "the bird is {size} and {body} with {one} {two} and {three}",
    "its {0.is} its {one.is} its {two.is} and its {three.is}",
)
"""`{body}` is the body's colour, `{0}` the body as a part, `{one}` to `{three}` the others in any order."""


def captions(attributes: Attributes, *, seed: int, index: int) -> tuple[str, ...]:
    """Ten captions of bird `index`, all different in their frame."""
    random = Random(derive_seed("captions", seed, index))  # noqa: S311
    frames = random.sample(FRAMES, CAPTIONS_PER_BIRD)
    return tuple(_fill(frame, attributes, random) for frame in frames)


def _fill(frame: str, attributes: Attributes, random: Random) -> str:
    first, second, third = random.sample(("belly", "wing", "crown"), 3)
    words: dict[str, str] = {
        "body": attributes.colour("body"),
        "size": random.choice(SIZE_WORDS[attributes.geometry.size]),
        "beak": f"a {random.choice(('', 'very '))}{random.choice(BEAK_WORDS[attributes.geometry.beak])} beak",
    }
    for slot, part in (("0", "body"), ("one", first), ("two", second), ("three", third)):
        name, colour = random.choice(PART_WORDS[part]), attributes.colour(part)
        article = "" if part == "wing" else "a "
        words[slot] = f"{article}{colour} {name}"
        words[f"{slot}.is"] = f"{name} {'are' if part == 'wing' else 'is'} {colour}"
    filled = frame
    for slot, text in words.items():
        filled = filled.replace("{" + slot + "}", text)
    return filled
