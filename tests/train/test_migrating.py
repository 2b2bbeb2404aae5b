"""States of older versions: found inside networks, brought up from the outside in."""

from __future__ import annotations

from pathlib import Path

import aged_parts
import pytest
import torch
from torch import Tensor, nn

from attnforge.build.builder import Builder
from attnforge.plugin import Component
from attnforge.specs import AttentionSpec
from attnforge.storage.migrating import migrated_network, saved_versions

SPEC = AttentionSpec(channels=2, words=3)
NOW = Component("attention", "aged", "aged_parts:Attention", "attends", 3, "aged_migrations:ATTENTION")
HOLDER = Component("stage", "holder", "test_raising:Holder", "holds", 2, "aged_migrations:HOLDER")
SOURCE = Path("runs") / "checkpoint"


class Holder(nn.Module):
    """A stage that builds the attention that it is given, or one of its own."""

    def __init__(self, attention: Builder | None = None) -> None:
        super().__init__()
        self.attend = (attention or aged_parts.Attention)(SPEC)


def built(holder: Component, *, given: bool) -> Holder:
    inner = Builder(NOW, aged_parts.Attention, {}, "")
    target = Holder if not given else lambda: Holder(inner)
    part = Builder(holder, target, {}, "", {} if given else {aged_parts.Attention: NOW})()  # type: ignore[arg-type]
    assert isinstance(part, Holder)
    return part


def old_state(attention: str) -> dict[str, Tensor]:
    return {f"{attention}.project": torch.arange(6.0).reshape(3, 2)}


@pytest.mark.parametrize("given", [True, False], ids=["from a recipe", "by default"])
def test_a_component_inside_a_network_is_brought_up(given: bool) -> None:
    network = nn.Sequential(nn.Identity(), built(HOLDER, given=given))
    versions = {"stage/holder": 2, "attention/aged": 1}
    raised = migrated_network(network, old_state("1.attend"), versions, source=SOURCE)
    assert raised is not None
    network.load_state_dict(raised)
    assert torch.equal(raised["1.attend.words.weight"], old_state("x")["x.project"].T)


def test_an_outer_component_is_brought_up_before_an_inner_one() -> None:
    network = built(HOLDER, given=True)
    versions = {"stage/holder": 1, "attention/aged": 1}
    raised = migrated_network(network, old_state("attention"), versions, source=SOURCE)
    assert raised is not None
    assert list(raised) == ["attend.words.weight"]


@pytest.mark.parametrize("versions", [{}, {"attention/aged": 3, "stage/holder": 2}, {"stage/other": 1}])
def test_nothing_is_changed_where_no_version_has_risen(versions: dict[str, int]) -> None:
    network = built(HOLDER, given=True)
    assert migrated_network(network, network.state_dict(), versions, source=SOURCE) is None


def test_a_version_without_a_change_of_states_leaves_them() -> None:
    plain = Component("attention", "aged", "aged_parts:Attention", "attends", 2, "aged_migrations:ATTENTION")
    part = Builder(plain, aged_parts.Attention, {}, "")(SPEC)
    assert migrated_network(part, part.state_dict(), {"attention/aged": 1}, source=SOURCE) is None


@pytest.mark.parametrize(
    "text", [None, "", "summary: x\n", "lock: 3\n", "lock: {components: {a/b: {version: x}}}\n"]
)
def test_a_lock_that_says_no_versions_is_taken_as_it_is(text: str | None, tmp_path: Path) -> None:
    lock = tmp_path / "recipe.lock.yaml"
    if text is not None:
        lock.write_text(text)
    assert saved_versions(lock) == {}
