"""What Python users pass by mistake is refused by the name of the argument, and what NumPy holds is taken."""

from __future__ import annotations

import reprlib
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import attnforge
from attnforge.api.model import Model
from attnforge.errors import AttnforgeError
from attnforge.sampling.pipeline import Pipeline
from attnforge.testing import run

BIRD = "a red bird with white wings"
NOT_TEXTS: list[Any] = [3, None, BIRD.encode(), Path(BIRD), [3], [BIRD, None], [BIRD.encode()], [[BIRD]]]
NOT_WHOLE: list[Any] = [1.5, 2.0, "2", True, [2], float("nan"), np.float32(2), np.array([2, 3])]
NOT_PATHS: list[Any] = [None, 3, b"run", ["run"], "", "\0", "x" * 5000]
NOT_LISTS: list[Any] = [None, 3, "sampling.use=noise", [3], [b"a=b"]]


def refused(call: Callable[..., object], *arguments: Any, **options: Any) -> str:
    with pytest.raises(AttnforgeError) as caught:
        call(*arguments, **options)
    (problem,) = caught.value.problems
    assert problem.code == "bad-argument", problem
    assert problem.expected
    assert "\n" not in problem.message
    return problem.message


@pytest.mark.parametrize("value", [*NOT_TEXTS, [], {BIRD: 1}, np.array([[BIRD]])], ids=repr)
def test_captions_are_texts(value: Any, model: Model) -> None:
    for call in (model, model.attend, model.unknown_words):
        assert "`captions" in refused(call, value)
    for call in (partial(model.swap, red="blue"), model.walk):
        assert "`caption`" in (message := refused(call, value)) or "`first`" in message
    if value is not None:
        assert "`last`" in refused(model.walk, BIRD, value)


@pytest.mark.parametrize("value", NOT_WHOLE, ids=repr)
def test_counts_and_seeds_are_whole_numbers(value: Any, model: Model) -> None:
    swap = partial(model.swap, BIRD, red="blue")
    for call, name in (
        (partial(model, BIRD), "n"),
        (partial(model, BIRD), "seed"),
        (swap, "n"),
        (swap, "seed"),
    ):
        assert f"`{name}`" in refused(call, **{name: value})
    for name in ("steps", "seed", "last_seed"):
        assert f"`{name}`" in refused(model.walk, BIRD, **{name: value})


def test_counts_and_seeds_have_a_least_value(model: Model) -> None:
    for options in ({"n": 0}, {"n": -1}, {"seed": -1}, {"n": None}, {"seed": None}):
        refused(model, BIRD, **options)
    refused(model.swap, BIRD, red="blue", n=0)


def test_what_numpy_and_others_hold_is_taken(model: Model) -> None:
    expected = model([BIRD, BIRD], n=2, seed=3)
    images = model(np.array([BIRD, BIRD]), n=np.int64(2), seed=np.array(3))
    np.testing.assert_array_equal(images.arrays, expected.arrays)
    assert [type(caption) for caption in images.captions] == 4 * [str]
    assert model(caption for caption in (BIRD,)).captions == [BIRD]
    assert type(model(np.str_(BIRD)).captions[0]) is str


@pytest.mark.parametrize(
    "swaps",
    [3, "red=blue", ["red"], [("red",)], [("red", "blue", "black")], {"red": None}, {3: "red"}],
    ids=repr,
)
def test_swaps_are_pairs_of_texts(swaps: Any, model: Model) -> None:
    assert "`swaps" in refused(model.swap, BIRD, swaps)


@pytest.mark.parametrize("value", NOT_PATHS, ids=reprlib.repr)
def test_paths_are_not_empty(value: Any, model: Model) -> None:
    images = model(BIRD)
    for call in (attnforge.load, attnforge.evaluate, images.save, model.swap(BIRD, n=1).save):
        refused(call, value)
    if value is not None:
        refused(attnforge.train, "quickstart", out=value)
    with pytest.raises(AttnforgeError, match="images-not-written"):
        images[0].save(value if isinstance(value, str) else "bird.unknown")


@pytest.mark.parametrize("value", NOT_LISTS, ids=repr)
def test_lists_are_lists(value: Any, trained: Path) -> None:
    for call in (partial(attnforge.load, trained), partial(attnforge.recipe, "quickstart")):
        assert "`overrides" in refused(call, overrides=value)
        assert "`components" in refused(call, components=value)
    measure = partial(attnforge.evaluate, trained, quiet=True)
    for name in ("overrides", "metrics", "components"):
        assert f"`{name}" in refused(measure, **{name: value})


def test_everything_else_is_of_its_type(trained: Path) -> None:
    assert "`overrides`" in refused(attnforge.recipe, "quickstart", overrides={3: 4})
    for source in (None, 3, [], b"quickstart", dict):
        assert "`source`" in refused(attnforge.recipe, source)
        assert "`source`" in refused(attnforge.train, source)
    for minutes in (0, -1, "1", float("nan"), True):
        assert "`max_minutes`" in refused(attnforge.train, "quickstart", max_minutes=minutes)
    for call in (attnforge.load, attnforge.evaluate):
        assert "`checkpoint`" in refused(call, trained, checkpoint=3)
    for protocol in (3, b"offline", [], ""):
        assert "`protocol`" in refused(attnforge.evaluate, trained, protocol=protocol)
    for sources in (None, "run", 3, [3, 4], {"a": 3, "b": 4}):
        assert "`sources`" in refused(attnforge.compare, sources)
    assert "`protocol`" in refused(attnforge.compare, [trained, trained], protocol=3)
    for kind, name in ((3, "gated"), ("attention", None)):
        refused(attnforge.component, kind, name)
    for target in (3, len, int):
        assert "`target`" in refused(attnforge.component("attention", "gated"), target)
    for part in (3, None):
        assert "`name`" in refused(run, part)


def test_a_device_that_is_not_a_name(trained: Path) -> None:
    for device in (None, 3.5, "gpu", ""):
        with pytest.raises(AttnforgeError, match="no-such-device"):
            attnforge.load(trained, device=device)  # type: ignore[arg-type]


def test_a_pipeline_takes_the_text_of_a_path_and_of_a_caption(trained: Path, model: Model) -> None:
    pipeline = Pipeline.load(str(trained), device="cpu")
    (image,) = pipeline.generate(BIRD)
    np.testing.assert_array_equal(image.images[-1], model(BIRD).arrays[0])
    assert pipeline.unknown_words("a quixotic bird") == ["quixotic"]


def test_no_images_are_refused_in_words(model: Model, tmp_path: Path) -> None:
    none, no_rows = model(BIRD)[1:], model.swap(BIRD, n=1)[1:]
    assert repr(none) == "<0 generated images of no caption>"
    assert repr(no_rows) == "<rows of 0 generated images: >"
    assert none.images == none.captions == no_rows.captions == []
    for name in ("arrays", "tensors"):
        with pytest.raises(AttnforgeError, match="no-images"):
            getattr(none, name)
    for name in ("folder", "sheet.png", "walk.gif", "page.html"):
        for images in (none, no_rows):
            with pytest.raises(AttnforgeError, match=r"no-images|as \.gif"):
                images.save(tmp_path / name)
    assert not list(tmp_path.iterdir())


def test_overrides_in_python_are_quoted_as_such(trained: Path) -> None:
    with pytest.raises(AttnforgeError, match="at overrides:2:1") as caught:
        attnforge.load(trained, overrides={"sampling.use": "noise", "generator.channels": 3})
    assert "weights were trained with it" in str(caught.value)
    with pytest.raises(AttnforgeError, match="`=4` is not an override"):
        attnforge.load(trained, overrides=["=4"])
    with pytest.raises(AttnforgeError, match="has no checkpoint ''"):
        attnforge.load(trained, checkpoint="")


def test_half_characters_are_shown_and_saved_as_replaced(model: Model, tmp_path: Path) -> None:
    images = model("a red bird \udcff")
    assert "\udcff" not in images._repr_html_()
    (page,) = images.save(tmp_path / "page.html")
    assert "a red bird ?" in page.read_text()


def test_an_unknown_caption_names_a_few_words_that_are_known(model: Model) -> None:
    with pytest.raises(AttnforgeError, match=r"zz, zz, zz, zz, zz and 2,995 more") as caught:
        model("zz " * 3000)
    (problem,) = caught.value.problems
    assert len(problem.message) < 400
    assert problem.expected == "a caption with words that the run was trained on, such as " + ", ".join(
        model.pipeline.parts.tokenizer.known_words[:5]  # type: ignore[attr-defined]
    )


def test_one_image_and_a_recipe_are_shown_in_a_line(model: Model) -> None:
    image = model(BIRD)[0]
    assert repr(image) == (
        f"<image 0 of {BIRD!r}, seed 1, 32 x 32, maps of a, red, bird, with, white, wings>"
    )
    assert image._repr_png_().startswith(b"\x89PNG")
    recipe = attnforge.recipe("quickstart", overrides={"training.seed": 2})
    assert repr(recipe) == f"<recipe quickstart, digest {recipe.digest[:8]}>"
    assert attnforge.recipe(recipe, overrides={"training.seed": 3}).name == "quickstart"


def test_a_run_is_not_a_recipe(trained: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(trained.parent)
    with pytest.raises(AttnforgeError, match="is a run, not a recipe") as caught:
        attnforge.train(trained.name)
    assert "--resume" in str(caught.value)
