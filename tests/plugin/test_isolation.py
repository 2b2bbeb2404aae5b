"""A plugin that raises inside a hook is charged by name, and everything else goes on."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from small_recipes import WHOLE, Kitchen

from attnforge.errors import Problem, RecipeError
from attnforge.plugin import Component, hookimpl, load_plugins
from attnforge.plugin.hooks import Failure, Hooks
from attnforge.recipe import resolve


def plugin(name: str, **hooks: Callable[..., Any]) -> tuple[str, ModuleType]:
    module = ModuleType(name)
    for hook, function in hooks.items():
        setattr(module, hook, hookimpl(function))
    return name, module


def hooks_of(*plugins: tuple[str, ModuleType]) -> Hooks:
    catalogue = load_plugins(extra=plugins, installed=False)
    assert [one.reason for one in catalogue.plugins] == [None] * len(plugins)
    return catalogue.hooks


def raising(error: BaseException) -> Callable[[int], None]:
    def attnforge_epoch_end(epoch: int) -> None:
        raise error

    return attnforge_epoch_end


@pytest.mark.parametrize("error", [ValueError("not\ntoday"), SystemExit(3)])
def test_a_hook_that_raises_is_reported_once_and_skipped(
    error: BaseException, capsys: pytest.CaptureFixture[str]
) -> None:
    heard: list[int] = []
    failures: list[Failure] = []
    broken = plugin(
        "broken", attnforge_epoch_end=raising(error), attnforge_run_end=lambda run, reason: heard.append(-1)
    )
    hooks = hooks_of(broken, plugin("whole", attnforge_epoch_end=lambda epoch: heard.append(epoch)))
    told = hooks.with_listener(failures.append)
    for epoch in (1, 2):
        told.call("attnforge_epoch_end", phase="gan", epoch=epoch)
    told.call("attnforge_run_end", run=Path(), reason="finished")
    assert heard == [1, 2]
    said = capsys.readouterr().err
    assert said.count("plugin broken raised in attnforge_epoch_end") == 1
    assert said.count("\n") == 3
    (failure,) = failures
    assert (failure.plugin, failure.hook, failure.error) == ("broken", "attnforge_epoch_end", error)
    assert __file__ in failure.traceback()
    assert hooks.caller("attnforge_run_end") is None


def test_a_caller_kept_over_many_steps_leaves_out_who_raised() -> None:
    heard: list[int] = []
    hooks = hooks_of(plugin("broken", attnforge_epoch_end=lambda epoch: heard.append(1 // (epoch - 2))))
    caller = hooks.caller("attnforge_epoch_end")
    assert caller is not None
    for epoch in (1, 2, 3):
        caller(phase="gan", epoch=epoch)
    assert heard == [-1]


def test_ctrl_c_inside_a_hook_is_the_users() -> None:
    hooks = hooks_of(plugin("slow", attnforge_epoch_end=raising(KeyboardInterrupt())))
    with pytest.raises(KeyboardInterrupt):
        hooks.call("attnforge_epoch_end", phase="gan", epoch=1)


def test_plugins_are_called_in_the_order_of_loading_and_their_wishes() -> None:
    heard: list[str] = []

    def noting(name: str, **wishes: bool) -> tuple[str, ModuleType]:
        module = ModuleType(name)

        def attnforge_epoch_end() -> None:
            heard.append(name)

        module.attnforge_epoch_end = hookimpl(**wishes)(attnforge_epoch_end)  # type: ignore[attr-defined]
        return name, module

    hooks = hooks_of(noting("a", trylast=True), noting("b"), noting("c"), noting("d", tryfirst=True))
    hooks.call("attnforge_epoch_end", phase="gan", epoch=1)
    assert heard == ["d", "b", "c", "a"]


def test_a_hook_that_wraps_the_hooks_of_others_is_refused() -> None:
    module = ModuleType("wrapper")

    def attnforge_epoch_end() -> Any:
        yield

    module.attnforge_epoch_end = hookimpl(wrapper=True)(attnforge_epoch_end)  # type: ignore[attr-defined]
    (found,) = load_plugins(extra=[("wrapper", module)], installed=False).plugins
    assert "wrapper" in str(found.reason)


class Observer:
    """Hears a run in the name of a plugin."""

    def __init__(self) -> None:
        self.heard: list[object] = []

    @hookimpl
    def attnforge_epoch_end(self, epoch: int) -> None:
        self.heard.append(1 / (epoch - 3))


def test_an_observer_hears_a_run_and_is_charged_in_its_plugins_name(
    capsys: pytest.CaptureFixture[str],
) -> None:
    hooks = hooks_of(plugin("mine"))
    run, observer = hooks.with_listener(print), Observer()
    run.follow("mine", observer)
    for epoch in (1, 2, 3, 4):
        run.call("attnforge_epoch_end", phase="gan", epoch=epoch)
    assert observer.heard == [-0.5, -1.0]
    assert "plugin mine raised in attnforge_epoch_end: ZeroDivisionError" in capsys.readouterr().err
    assert hooks.caller("attnforge_epoch_end") is None


class Misspelled:
    """Would hear nothing."""

    @hookimpl
    def attnforge_epochs_end(self) -> None:
        raise AssertionError


class Late:
    """Hears what no run calls."""

    @hookimpl
    def attnforge_report_sections(self) -> list[tuple[str, str]]:
        return []


@pytest.mark.parametrize(
    ("observer", "said"),
    [
        (Misspelled(), "did you mean attnforge_epoch_end?"),
        (Late(), "is not a hook"),
        (7, "it returned 7, which implements no hook of a run"),
    ],
)
def test_an_observer_that_hears_nothing_is_charged(
    observer: object, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    hooks = hooks_of(plugin("mine"))
    hooks.follow("mine", observer)
    assert said in capsys.readouterr().err
    assert hooks.skipped == {"mine"}


def checking(check: Callable[..., Any], *, used: bool = True) -> Any:
    """The small plugin and a plugin `strict` that checks; the recipe uses the parts of `small` alone."""
    import small_plugin

    parts = small_plugin.attnforge_components
    strict = plugin(
        "strict", attnforge_check_recipe=check, **({"attnforge_components": parts} if used else {})
    )
    return load_plugins(extra=[strict] if used else [("small", small_plugin), strict], installed=False)


def late(recipe: Any) -> Any:
    yield Problem("one", "found before it broke")
    raise RuntimeError("no check today")


def test_a_check_that_raises_refuses_the_recipe_by_the_plugins_name(tmp_path: Path) -> None:
    path = Kitchen(tmp_path).write(WHOLE)
    cases = ((late, "no check today"), (lambda recipe: ["words"], "'words', which is not a Problem"))
    for check, said in cases:
        with pytest.raises(RecipeError) as caught:
            resolve(path, plugins=checking(check))
        (problem,) = caught.value.problems
        assert problem.code == "plugin-check-failed"
        assert "plugin strict raised" in problem.message
        assert said in problem.message
        assert "--no-plugin strict" in str(problem.next_step)


def test_a_check_that_raises_leaves_recipes_alone_that_use_nothing_of_its_plugin(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = Kitchen(tmp_path).write(WHOLE)
    resolve(path, plugins=checking(late, used=False))
    shown = capsys.readouterr().err
    assert "plugin strict raised in attnforge_check_recipe: RuntimeError: no check today" in shown
    assert "uses none of its components" in shown


def fresh(code: str, folder: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """Python that has imported nothing yet, with a folder on its path."""
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        env={"PYTHONPATH": str(folder), "PATH": "", **environment},
    )
    assert done.returncode == 0, done.stderr
    return done


AT_THE_TOP = "import torch\nfrom attnforge.plugin import hookimpl\n"
IN_A_HOOK = """\
from attnforge.plugin import hookimpl

@hookimpl
def attnforge_components():
    import torch
    return []
"""


@pytest.mark.parametrize("body", [AT_THE_TOP, IN_A_HOOK])
def test_a_plugin_that_imports_torch_is_disabled_by_name(tmp_path: Path, body: str) -> None:
    (tmp_path / "torch").mkdir()
    (tmp_path / "torch" / "__init__.py").touch()  # the name is what counts, and the real one takes a while
    (tmp_path / "heavy.py").write_text(body)
    (tmp_path / "after.py").touch()
    code = (
        "from attnforge.plugin import load_plugins\n"
        "found = load_plugins(extra=[('heavy', 'heavy'), ('after', 'after')], installed=False)\n"
        "print([plugin.reason for plugin in found.plugins])"
    )
    said = fresh(code, tmp_path).stdout
    assert "heavy imports torch" in said
    assert said.rstrip().endswith("None]")


def test_a_trace_shows_plugins_arguments_time_and_traceback(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def step_end(phase: str, step: int, scalars: object) -> None:
        if step == 2:
            raise ValueError("step two")

    def components() -> list[Component]:
        return []

    mine = plugin("mine", attnforge_step_end=step_end, attnforge_components=components)
    monkeypatch.setenv("ATTNFORGE_TRACE_HOOKS", "1")
    hooks = hooks_of(mine)
    for step in (1, 2, 3):
        hooks.call("attnforge_step_end", phase="gan", step=step, scalars={"loss": 1.0, "long": object()})
    lines = capsys.readouterr().err.splitlines()
    assert lines[0].startswith("hook mine: attnforge_components() ")
    assert lines[1].startswith("hook mine: attnforge_step_end(phase='gan', step=1, scalars={loss, long}) ")
    assert lines[1].endswith(" ms")
    assert lines[2].endswith("raised ValueError")
    assert any(line.startswith("Traceback") for line in lines)
    assert sum(line.startswith("hook mine: attnforge_step_end") for line in lines) == 2
    monkeypatch.setenv("ATTNFORGE_TRACE_HOOKS", "0")
    hooks_of(mine)
    assert capsys.readouterr().err == ""
