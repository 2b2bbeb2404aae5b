"""Declares this plugin's components: a data set rendered by code, and metrics of its colours."""

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
            summary="birds rendered from attributes, ten captions each, some combinations held out",
        ),
        Component(
            kind="metric",
            name="attribute-accuracy",
            target="attnforge_sketch_birds.accuracy:AttributeAccuracy",
            summary="share of a caption's part colours that the generated bird has",
        ),
        Component(
            kind="metric",
            name="head-count",
            target="attnforge_sketch_birds.head_count:HeadCount",
            summary="share of generated birds with another number of heads than one",
        ),
        Component(
            kind="metric",
            name="attribute-score",
            target="attnforge_sketch_birds.variety:AttributeScore",
            summary="how pure and how varied the colours of the birds' parts are, from 1 to 8",
        ),
        Component(
            kind="metric",
            name="attribute-diversity",
            target="attnforge_sketch_birds.diversity:AttributeDiversity",
            summary="how often birds of a caption differ in background, pose and facing",
        ),
    ]
