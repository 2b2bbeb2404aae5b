"""The reference page of the recipes says what they are."""

from __future__ import annotations

from pathlib import Path

import pytest
from recipes_on_meta import built
from torch import nn

from attnforge.plugin import load_plugins
from attnforge.recipe import resolve
from attnforge.recipe.library import library

pytestmark = pytest.mark.filterwarnings("ignore:the image encoder:UserWarning")

PAGE = Path(__file__).parents[2] / "docs/reference/recipes.md"


def rows() -> dict[str, list[str]]:
    """The cells behind each recipe's name, of all tables."""
    lines = [line for line in PAGE.read_text().splitlines() if line.startswith("| `")]
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    return {name.strip("`"): rest for name, *rest in cells}


TABLE = {name: cells for name, cells in rows().items() if len(cells) == 7}
FOR_A_CPU = {name for name, cells in rows().items() if len(cells) == 1}


def counted(networks: list[object]) -> str:
    """Parameters, as the page writes them; nothing where there is no network."""
    modules = [network for network in networks if isinstance(network, nn.Module)]
    return f"{sum(one.numel() for module in modules for one in module.parameters()):,}" if modules else ""


def test_every_recipe_is_on_the_page() -> None:
    shipped = {recipe.name for recipe in library(load_plugins())}
    assert rows().keys() | {"attngan"} == shipped
    assert "`attngan`" in PAGE.read_text()
    assert {"quickstart", "quickstart-folder"} <= FOR_A_CPU
    assert TABLE.keys() == shipped - FOR_A_CPU - {"attngan"}


@pytest.mark.parametrize("name", TABLE)
def test_a_row_of_the_page_is_the_recipe(name: str) -> None:
    _, images, weight, epochs, batch, generator, discriminators = TABLE[name]
    plain = resolve(name).data()
    parts = built(name)
    *_, last = plain["phases"].values()
    length = last["epochs"] or f"{last['steps']:,} steps"
    assert (epochs, batch) == (str(length), str(last["batch_size"]))
    sizes = parts.generator.image_sizes if parts.generator else (last["image_size"],)
    assert images == ", ".join(map(str, sizes))
    none = "none" if parts.generator else ""
    assert weight == (f"{plain['losses']['damsm']['weight']:g}" if "damsm" in plain["losses"] else none)
    assert generator == counted([parts.generator])
    assert discriminators == counted(list(parts.discriminators))
