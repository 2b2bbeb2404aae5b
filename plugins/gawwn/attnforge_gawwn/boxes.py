"""The boxes of a prompt, and what data a network with boxes needs."""

from __future__ import annotations

from collections.abc import Mapping

from jaxtyping import Float
from torch import Tensor

from attnforge.errors import Problem, RecipeError
from attnforge.interfaces import Prompt


def check_boxes(extras: Mapping[str, tuple[int, ...]], *, elements: int, part: str) -> None:
    """Refuse data without a box for every element.

    Raises:
        RecipeError: There are no boxes, or another number of them.
    """
    shape = extras.get("box")
    if shape in {(4,), (elements, 4)}:
        return
    message = f"the {part} `gawwn-box` needs the box of every image, which the data do not have"
    if shape is not None:
        numbers = " x ".join(map(str, shape))
        message = (
            f"the {part} `gawwn-box` has elements: {elements}, and the data a `box` of {numbers} numbers"
        )
    expected = "a box of left, top, width and height, such as that of `data: {use: cub, extras: [box]}`"
    raise RecipeError(Problem("no-box", message, expected=expected))


def boxes_of(prompt: Prompt, *, elements: int) -> Float[Tensor, "b e 4"]:
    """The box of each element of each image; a single one is that of all."""
    boxes = prompt.extras["box"]
    return boxes if boxes.dim() == 3 else boxes[:, None].expand(-1, elements, -1)
