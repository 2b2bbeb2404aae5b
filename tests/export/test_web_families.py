"""Pages and ONNX files of every shipped recipe compute what their runs do; what cannot be has a reason."""

from __future__ import annotations

from pathlib import Path

import pytest
from javascript import run_javascript
from small_widths import small
from web_parity import as_arrays, computing, image_of, parity_cases

from attnforge.api.training import train
from attnforge.errors import RunError
from attnforge.export.formats import onnx_format
from attnforge.export.web.contents import store_weights
from attnforge.export.web.writing import export_page
from attnforge.export.writing import export_graphs
from attnforge.recipe.library import shipped
from attnforge.sampling.pipeline import Pipeline

CONTINUING = {"denoiser-cub", "denoiser-sketch-birds", "stackgan-cub-second"}
"""Recipes that continue a run of another, of whose generator they keep everything."""
ALIKE = {
    *(path.stem for pattern in ("*-lambda-*", "*-coco") for path in shipped().glob(f"{pattern}.yaml")),
    *(
        "attngan",
        "attngan-modern-cub",
        "attngan-plus-cub",
        "attngan-r3-cub",
        "attngan1-cub",
        "r3-sketch-birds",
    ),
    *("rat-gan-cub", "ssa-gan-cub", "damsm-cub", "damsm-sketch-birds-independent", "reed-cub"),
}
"""Recipes whose networks differ from those of others in widths and in the number of equal layers only."""
ENCODERS = {path.stem for prefix in ("damsm", "reed") for path in shipped().glob(f"{prefix}-*.yaml")}
BOXES = {"gawwn-box-cub", "gawwn-sketch-birds"}
RECIPES = sorted({path.stem for path in shipped().glob("*.yaml")} - CONTINUING - ALIKE)
OF_IMAGENET = ("generator.conditioner={use: sentence, normalise: true}", "generator.images=last-stage")
"""What recipes of packages change in the generator of quickstart-folder."""


def trained_small(name: str, folder: Path, *more: str) -> Path:
    train(name, overrides=[*small(name, folder), *more], out=folder / "run", quiet=True)
    return folder / "run"


def compare_page(run: Path, page: Path) -> None:
    """Fail where a page computes something else than its run, with its weights."""
    export_page(run, page)
    stored = Pipeline.load(run, device="cpu")
    store_weights(stored, "int8")
    cases = parity_cases(stored, lengths=[1, 5, 20])
    values = run_javascript(computing(page, [image_of(case.ids, seeds=[case.seed] * 2) for case in cases]))
    for case, own in zip(cases, as_arrays(values), strict=True):
        case.compare(own, tolerance=1e-3)


@pytest.mark.long
@pytest.mark.usefixtures("untyped")
@pytest.mark.parametrize("name", RECIPES)
def test_a_shipped_recipe_is_exported_or_refused_in_words(name: str, tmp_path: Path) -> None:
    pytest.importorskip("onnxruntime")
    run, page = trained_small(name, tmp_path), tmp_path / "page.html"
    if name in ENCODERS:
        for export in (
            lambda: export_page(run, page),
            lambda: export_graphs(run, tmp_path / "onnx", onnx_format()),
        ):
            with pytest.raises(RunError, match="no-generator-yet"):
                export()
        return
    if name in BOXES:
        with pytest.raises(RunError, match="needs box besides a caption"):
            export_page(run, page)
        assert not page.exists()
    else:
        compare_page(run, page)
    written = export_graphs(run, tmp_path / "onnx", onnx_format())
    assert written.difference < 1e-4
    assert written.without_text is None


@pytest.mark.long
@pytest.mark.usefixtures("untyped")
def test_options_of_recipes_in_packages(tmp_path: Path) -> None:
    run = trained_small("quickstart-folder", tmp_path, *OF_IMAGENET)
    compare_page(run, tmp_path / "page.html")
    assert export_graphs(run, tmp_path / "onnx", onnx_format()).difference < 1e-4
