"""What this plugin brings: a data set drawn by code, and a figure that measures its colours."""

from __future__ import annotations

from attnforge.plugin import Component, hookimpl


@hookimpl
def attnforge_components() -> list[Component]:
    """Declare the components."""
    return [
        Component(
            kind="dataset",
            name="sketch-birds",
            target="attnforge_sketch_birds.dataset:SketchBirds",
            summary="birds drawn by code from attributes, ten captions each, some combinations held out",
        ),
        Component(
            kind="metric",
            name="attribute-accuracy",
            target="attnforge_sketch_birds.accuracy:AttributeAccuracy",
            summary="share of the part colours a caption asks for that are found on the generated bird",
        ),
    ]
