"""Finds components that need captions in recipes whose data has none."""

from __future__ import annotations

from attnforge.errors import Problem
from attnforge.recipe.resolved import ResolvedRecipe
from attnforge.recipe.tree import choices


def missing_captions(resolved: ResolvedRecipe) -> list[Problem]:
    """A problem for each component that needs captions, where the data set has none.

    Data sets without captions have the class attribute `captioned: ClassVar[bool] = False`; components that
    need them have `needs_captions: ClassVar[bool] = True`.
    """
    used = choices(resolved.tree)
    without = [choice for choice in used if not getattr(choice.target, "captioned", True)]
    if not without:
        return []
    data = without[0].component.name
    return [
        Problem(
            code="needs-captions",
            message=f"{choice.component.kind} `{choice.component.name}` needs captions, "
            f"and the data set `{data}` has none",
            place=choice.place,
            expected="a data set with captions, such as `folder`, or a recipe without this part",
            next_step="attnforge train stackgan-v2-images data.root=FOLDER",
        )
        for choice in used
        if getattr(choice.target, "needs_captions", False)
    ]
