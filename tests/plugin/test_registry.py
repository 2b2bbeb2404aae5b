"""Looking a component up imports its module and no other, and helps when there is none."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
import small_parts
from small_recipes import small_catalogue

from attnforge.errors import PluginError
from attnforge.plugin import KINDS, Component, Registry


def test_kinds_have_the_same_names_as_interfaces() -> None:
    from attnforge.interfaces import INTERFACES

    assert list(KINDS) == list(INTERFACES)


def test_a_component_is_loaded_by_its_target() -> None:
    registry = small_catalogue().registry
    assert registry.load(registry.get("attention", "glance")) is small_parts.Glance
    assert registry.find("attention", small_parts.Glance) == registry.get("attention", "glance")
    assert registry.find("loss", small_parts.Glance) is None


def test_an_unknown_name_is_answered_with_the_nearest() -> None:
    with pytest.raises(PluginError, match="`glance`") as caught:
        small_catalogue().registry.get("attention", "glanse")
    assert caught.value.problems[0].code == "unknown-component"


def test_a_name_of_another_kind_is_said_to_be() -> None:
    with pytest.raises(PluginError, match="of the kind attention, not loss") as caught:
        small_catalogue().registry.get("loss", "glance")
    assert caught.value.problems[0].code == "wrong-kind"


@pytest.mark.parametrize("target", ["nothing_of_this_name:X", "small_parts:Nothing", "small_plugin:PARTS"])
def test_a_component_that_cannot_be_imported_is_named(target: str) -> None:
    component = Component("loss", "odd", target, "")
    with pytest.raises(PluginError, match="loss `odd`") as caught:
        Registry([component]).load(component)
    assert caught.value.problems[0].code == "component-import"


def test_loading_imports_one_module(tmp_path: Path) -> None:
    for name in ("one", "two"):
        (tmp_path / f"part_{name}.py").write_text("class Part: pass\n")
    program = (
        "import sys\n"
        "from attnforge.plugin import Component, Registry\n"
        "parts = [Component('loss', name, f'part_{name}:Part', '') for name in ('one', 'two')]\n"
        "registry = Registry(parts)\n"
        "before = set(sys.modules)\n"
        "registry.load(registry.get('loss', 'one'))\n"
        "print(sorted(set(sys.modules) - before))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "['part_one']"
