"""The shipped captions of birds name combinations of colours that no training image has."""

from __future__ import annotations

from attnforge_sketch_birds.asking import requested_colours
from attnforge_sketch_birds.attributes import PARTS, held_out
from attnforge_sketch_birds.dataset import SketchBirds

from attnforge.sampling.caption_files import shipped_captions
from attnforge.specs import DataSpec


def test_every_caption_names_all_parts_in_held_out_colours_and_known_words() -> None:
    data = SketchBirds(DataSpec(split="train", image_size=16), count=60)
    known = {word for index in range(60) for caption in data.captions(index) for word in caption.split()}
    captions = shipped_captions()["held-out-birds"].read_text(encoding="utf-8").splitlines()
    assert len(set(captions)) == len(captions) == 24
    for caption in captions:
        body, belly, wing, crown = (requested_colours(caption)[part] for part in PARTS)
        assert held_out((body, belly, wing, crown)), caption
        assert set(caption.split()) <= known
