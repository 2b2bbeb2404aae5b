"""A loaded run in Python: images that show and save themselves, swaps, walks, threads."""

from __future__ import annotations

import re
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

import attnforge
from attnforge.api.model import Model
from attnforge.errors import AttnforgeError, RunError
from attnforge.sampling.seeded_draws import SeededDraws
from attnforge.sampling.walking import TurningDraws

BIRD = "a red bird with white wings"
OTHER = "the bird is green and has a yellow belly"


def test_images_are_held_in_every_form(model: Model) -> None:
    images = model([BIRD, OTHER], n=2, seed=3)
    assert images.captions == [BIRD, BIRD, OTHER, OTHER]
    assert images.arrays.shape == (4, 32, 32, 3)
    assert images.tensors.shape == (4, 3, 32, 32)
    assert 0 <= float(images.tensors.min()) < float(images.tensors.max()) <= 1
    np.testing.assert_array_equal(np.asarray(images.images[2]), images.arrays[2])
    np.testing.assert_array_equal(images[1:3].arrays, images.arrays[1:3])
    assert repr(images) == f"<4 generated images of {BIRD!r} and 1 more captions>"


def test_images_are_those_of_the_pipeline(model: Model) -> None:
    (plain,) = model.pipeline.generate([BIRD], seed=2)
    np.testing.assert_array_equal(model(BIRD, seed=2).arrays[0], plain.images[-1])
    attended = model.attend(BIRD, seed=2)
    np.testing.assert_array_equal(attended.arrays[0], plain.images[-1])
    assert attended[0].regions is not None
    assert model(BIRD)[0].regions is None


def test_a_notebook_shows_every_word_with_its_map_and_no_script(model: Model) -> None:
    page = model(["a red <script>alert(1)</script> bird"], n=2)._repr_html_()
    assert page.count('role="group"') == 2
    assert re.findall(r'<span tabindex="0">(\w+)<img src="data:image/png;base64,', page) == 2 * [
        "a",
        "red",
        "bird",
    ]
    assert "<script" not in page


def test_images_save_themselves(model: Model, tmp_path: Path) -> None:
    images = model(BIRD, n=2)
    saved = images.save(tmp_path / "birds")
    assert [path.suffix for path in saved] == [".png"] * 3
    for name, form in {"sheet.png": "PNG", "walk.gif": "GIF"}.items():
        (path,) = images.save(tmp_path / "made" / name)
        with Image.open(path) as image:
            assert image.format == form
    (page,) = images.save(tmp_path / "page.html")
    assert page.read_text().startswith("<!doctype html>")
    swapped = model.swap(BIRD, red="blue", n=1)
    assert swapped.save(tmp_path / "swap.png").is_file()
    assert swapped.save(tmp_path / "birds").parent == tmp_path / "birds"
    for refused in (images, swapped):
        with pytest.raises(RunError, match=r"\.tiff"):
            refused.save(tmp_path / "birds.tiff")


def test_words_are_swapped_by_keyword(model: Model) -> None:
    rows = model.swap(BIRD, red="blue", white="black", n=2, seed=3)
    assert rows.captions == [BIRD, "a blue bird with white wings", "a blue bird with black wings"]
    again = model.swap(BIRD, {"red": "blue", "white": "black"}, n=2, seed=3)
    np.testing.assert_array_equal(rows[2].arrays, again[2].arrays)
    np.testing.assert_array_equal(rows[1].arrays, model(rows.captions[1], n=2, seed=3).arrays)
    assert rows._repr_html_().count('role="group"') == 6


def test_a_walk_starts_and_ends_at_the_images_of_its_captions_and_noises(model: Model) -> None:
    walk = model.walk(BIRD, OTHER, steps=5, seed=1, last_seed=2)
    np.testing.assert_array_equal(walk.arrays[0], model(BIRD, seed=1).arrays[0])
    np.testing.assert_array_equal(walk.arrays[-1], model(OTHER, seed=2).arrays[0])
    assert len({image.tobytes() for image in walk.arrays}) == 5
    assert [len(sample.words) for sample in walk] == [6, 9, 9, 9, 9]
    assert [len(sample.attention[0]) for sample in walk] == [6, 9, 9, 9, 9]
    assert len({image.tobytes() for image in model.walk(BIRD, steps=2).arrays}) == 1
    with pytest.raises(AttnforgeError, match="bad-walk"):
        model.walk(BIRD, OTHER, steps=1)
    with pytest.raises(AttnforgeError, match="caption-unknown"):
        model.walk(BIRD, "quixotic zephyr")


def test_numbers_between_two_seeds_keep_their_distribution() -> None:
    with TurningDraws(1, 2, 0.3):
        normal, uniform = torch.randn(20_000), torch.rand(20_000)
    assert abs(float(normal.mean())) < 0.03
    assert float(normal.std()) == pytest.approx(1, abs=0.03)
    assert float(uniform.mean()) == pytest.approx(1 / 2, abs=0.01)
    assert float(uniform.std()) == pytest.approx(12**-0.5, abs=0.01)
    with SeededDraws(1):
        first = torch.randn(20_000)
    assert float(torch.corrcoef(torch.stack((normal, first)))[0, 1]) == pytest.approx(0.891, abs=0.02)


def test_threads_give_the_images_of_one_after_another(trained: Path) -> None:
    calls = [(caption, seed) for caption in (BIRD, OTHER) for seed in range(4)]
    alone = attnforge.load(trained, device="cpu")
    expected = [alone.attend(caption, n=2, seed=seed).arrays for caption, seed in calls]
    fresh = attnforge.load(trained, device="cpu")  # threads are also the first to use its image encoder
    state = torch.random.get_rng_state()
    with ThreadPoolExecutor(4) as threads:
        images = list(threads.map(lambda call: fresh.attend(call[0], n=2, seed=call[1]).arrays, calls))
    assert torch.equal(torch.random.get_rng_state(), state)
    for ours, theirs in zip(images, expected, strict=True):
        np.testing.assert_array_equal(ours, theirs)


def test_a_checkpoint_is_loaded_by_name(trained: Path, model: Model) -> None:
    older = attnforge.load(trained, checkpoint="gan-0000004", device="cpu")
    assert not np.array_equal(older(BIRD).arrays, model(BIRD).arrays)
    assert "gan-0000004" in repr(older)
    assert "gan-0000005" in repr(model)
    with pytest.raises(RunError, match="no-such-checkpoint"):
        attnforge.load(trained, checkpoint="gan-0000003")


def test_unknown_words_are_named(model: Model) -> None:
    assert model.unknown_words(f"quixotic {BIRD}") == ["quixotic"]
