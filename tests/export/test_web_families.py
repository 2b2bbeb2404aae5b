"""Pages of other families compute what their runs do."""

from __future__ import annotations

from pathlib import Path

import pytest
from javascript import run_javascript
from small_widths import small
from web_parity import as_arrays, computing, image_of, parity_cases

from attnforge.api.training import train
from attnforge.errors import RunError
from attnforge.export.web.contents import store_weights
from attnforge.export.web.writing import export_page
from attnforge.sampling.pipeline import Pipeline

SKETCHES = ("attngan-plus", "df-gan", "gan-int-cls", "r3", "rat-gan", "ssa-gan", "stackgan", "stackgan-v2")
FAMILIES = (*(f"{name}-sketch-birds" for name in SKETCHES), "attngan1-cub-no-damsm", "gan-int-cls-cub")
"""The last two read characters."""


def trained_family(name: str, folder: Path) -> Path:
    train(name, overrides=small(name, folder), out=folder / "run", quiet=True)
    return folder / "run"


@pytest.mark.long
@pytest.mark.usefixtures("untyped")
@pytest.mark.parametrize("family", FAMILIES)
def test_a_page_computes_what_its_run_does(family: str, tmp_path: Path) -> None:
    run = trained_family(family, tmp_path)
    page = export_page(run, tmp_path / "page.html").path
    stored = Pipeline.load(run, device="cpu")
    store_weights(stored, "int8")
    cases = parity_cases(stored, lengths=[1, 5, 20])
    values = run_javascript(computing(page, [image_of(case.ids, seeds=[case.seed] * 2) for case in cases]))
    for case, own in zip(cases, as_arrays(values), strict=True):
        case.compare(own, tolerance=1e-3)


@pytest.mark.long
@pytest.mark.usefixtures("untyped")
def test_a_run_that_takes_a_box_is_refused(tmp_path: Path) -> None:
    run = trained_family("gawwn-sketch-birds", tmp_path)
    with pytest.raises(RunError, match="needs box besides a caption"):
        export_page(run, tmp_path / "page.html")
    assert not (tmp_path / "page.html").exists()
