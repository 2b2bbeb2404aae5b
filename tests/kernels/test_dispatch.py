"""The first kernel that can runs, or the one that was named."""

from __future__ import annotations

import pytest
import torch

from attnforge.errors import AttnforgeError
from attnforge.kernels import dispatch, region_matching, word_attention
from attnforge.kernels.dispatch import VARIABLE, Candidate, Operation, choose, find
from attnforge.plugin import Component, load_plugins
from attnforge.values import Situation

HERE = Situation(device=torch.device("cpu"), dtype=torch.float32, sizes={"words": 5})


def candidate(name: str, *, reason: str | None = None) -> Candidate:
    return Candidate(name, f"the kernel {name}", lambda situation: reason, lambda value: f"{name}: {value}")


KERNELS = (candidate("fast", reason="it needs a GPU"), candidate("plain"), candidate("slow"))


@pytest.fixture(autouse=True)
def _no_kernel_is_named_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(VARIABLE, raising=False)


def test_auto_takes_the_first_that_refuses_nothing() -> None:
    assert choose("adding", KERNELS, HERE).name == "plain"


def test_a_named_kernel_is_taken() -> None:
    assert choose("adding", KERNELS, HERE, kernel="slow").run(3) == "slow: 3"


def test_the_environment_speaks_where_the_recipe_says_auto(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, "slow")
    assert choose("adding", KERNELS, HERE).name == "slow"
    assert choose("adding", KERNELS, HERE, kernel="plain").name == "plain"


def test_the_environment_can_speak_of_one_operation(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, "adding=slow, subtracting=unheard-of")
    assert choose("adding", KERNELS, HERE).name == "slow"
    assert choose("multiplying", KERNELS, HERE).name == "plain"
    monkeypatch.setenv(VARIABLE, "auto")
    assert choose("adding", KERNELS, HERE).name == "plain"


def test_auto_passes_over_a_kernel_that_stands_back() -> None:
    idle = Candidate("idle", "stands back", lambda _: None, str, lambda _: "plain torch is faster")
    assert choose("adding", (idle, *KERNELS), HERE).name == "plain"
    assert choose("adding", (idle, *KERNELS), HERE, kernel="idle") is idle


def test_a_named_kernel_that_cannot_run_is_an_error_with_its_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(AttnforgeError, match=r"kernel-refused.*it needs a GPU"):
        choose("adding", KERNELS, HERE, kernel="fast")
    monkeypatch.setenv(VARIABLE, "fast")
    with pytest.raises(AttnforgeError, match=f"at environment variable {VARIABLE}"):
        choose("adding", KERNELS, HERE)


def test_an_unknown_name_is_an_error_with_the_nearest_known() -> None:
    with pytest.raises(AttnforgeError, match=r"unknown-kernel[\s\S]*expected: `plain`"):
        choose("adding", KERNELS, HERE, kernel="plian")


class Doubling:
    """A kernel as a plugin brings it."""

    def refuse(self, situation: Situation) -> str | None:
        return "one word is too few" if situation.sizes["words"] < 2 else None

    def run(self, value: int) -> int:
        return 2 * value


def test_a_plugin_offers_a_kernel(monkeypatch: pytest.MonkeyPatch) -> None:
    from types import ModuleType

    from attnforge.plugin import hookimpl

    module = ModuleType("offering")

    def attnforge_components() -> list[Component]:
        return [Component("kernel", "adding-double", f"{__name__}:Doubling", "doubles")]

    module.attnforge_components = hookimpl(attnforge_components)  # type: ignore[attr-defined]
    plugins = load_plugins(extra=[("offering", module)], installed=False)
    loaded = []
    monkeypatch.setattr("attnforge.plugin.load_plugins", lambda: loaded.append(1) or plugins)
    monkeypatch.setattr(type(plugins.registry), "load", lambda self, component: Doubling)
    assert dispatch.offered("adding").keys() == {"double"}
    assert not dispatch.offered("subtracting")
    assert find("adding", KERNELS, "double").summary == "doubles"
    for value in (4, 5):
        assert choose("adding", KERNELS, HERE, kernel="double").run(value) == 2 * value
    assert len(loaded) == 2, "once an operation: a kernel is looked up at every call"
    monkeypatch.setenv("ATTNFORGE_BLOCK", "folder")
    dispatch.offered("adding")
    assert len(loaded) == 3, "anew when other plugins are chosen"
    alone = Situation(device=HERE.device, dtype=HERE.dtype, sizes={"words": 1})
    with pytest.raises(AttnforgeError, match="one word is too few"):
        choose("adding", KERNELS, alone, kernel="double")
    assert choose("adding", KERNELS, HERE).name == "plain", "auto keeps to attnforge's own"


def on_a_processor(operation: Operation, *, gradient: bool, dtype: torch.dtype, **sizes: int) -> str:
    situation = Situation(device=torch.device("cpu"), dtype=dtype, sizes=sizes, gradient=gradient)
    return choose(operation.name, operation.kernels, situation).name


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("gradient", [False, True])
@pytest.mark.parametrize(
    ("batch", "words", "regions", "expected"),
    [(32, 12, 64, "plain"), (8, 18, 289, "plain"), (16, 18, 289, "cpu"), (48, 18, 289, "cpu")],
)
def test_auto_matches_few_pairs_in_plain_torch_on_a_processor(
    batch: int, words: int, regions: int, expected: str, gradient: bool, dtype: torch.dtype
) -> None:
    sizes = {"i": batch, "t": batch, "d": 64, "l": words, "n": regions}
    chosen = on_a_processor(region_matching.OPERATION, gradient=gradient, dtype=dtype, **sizes)
    assert chosen == expected


@pytest.mark.parametrize(
    ("batch", "side", "gradient", "expected"),
    [
        (16, 32, False, "reference"),
        (8, 64, False, "cpu"),
        (8, 64, True, "reference"),
        (16, 64, True, "cpu"),
    ],
)
def test_auto_attends_from_few_pixels_in_plain_torch_on_a_processor(
    batch: int, side: int, gradient: bool, expected: str
) -> None:
    sizes = {"b": batch, "c": 32, "l": 18, "h": side, "w": side}
    chosen = on_a_processor(word_attention.OPERATION, gradient=gradient, dtype=torch.float32, **sizes)
    assert chosen == expected


def test_plain_torch_that_is_chosen_for_its_speed_leaves_gpus_alone() -> None:
    situation = Situation(
        device=torch.device("cuda"), dtype=torch.float64, sizes={"i": 2, "t": 2, "d": 8, "l": 3, "n": 4}
    )
    assert choose("region-matching", region_matching.OPERATION.kernels, situation).name == "torch"
