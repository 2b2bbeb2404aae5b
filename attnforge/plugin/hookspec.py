"""The hooks that a plugin may implement, with their reference.

A plugin is a module named by an entry point of the group `attnforge`. It implements a hook as a function of
the same name, marked with `@hookimpl`, which takes those of the hook's arguments that it needs, by name:

    from attnforge.plugin import Component, hookimpl

    @hookimpl
    def attnforge_components():
        return [Component("attention", "mean", "my_package.mean:MeanAttention", "attends everywhere alike")]

Later versions may append arguments, and never rename them. The first three hooks are called when plugins are
loaded, for every command, so the plugin's module and these hooks must not import torch.

Each plugin's hooks are called separately, in the order in which plugins were loaded. A hook that raises, even
`SystemExit`, stops nothing, and neither does one that changes globals of torch such as the gradient mode or
the default device, which are restored: the plugin is reported on stderr, an event `plugin-failed` with the
traceback is added to the run's `log.jsonl`, and the plugin's hooks are skipped until the process ends. There
are two exceptions: a plugin that raises while it is loaded is disabled as a whole, and a recipe that uses
a component of a plugin whose check raises is refused. Ctrl-C inside a hook ends the command. What a plugin
prints goes to stderr, and one that takes longer than a second is named there. With `ATTNFORGE_TRACE_HOOKS=1`
every call is logged on stderr, with arguments, time and traceback.

State that a plugin keeps during a run belongs in an object that `attnforge_run_start` returns; its methods
implement the run's later hooks under the same names.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import pluggy

from attnforge.errors import Problem
from attnforge.plugin.checked_recipe import CheckedRecipe
from attnforge.plugin.component import Component

if TYPE_CHECKING:
    from torch import nn

RUN_HOOKS = (
    "attnforge_model_built",
    "attnforge_step_end",
    "attnforge_epoch_end",
    "attnforge_checkpoint_save",
    "attnforge_checkpoint_load",
    "attnforge_run_end",
)
"""The hooks that the object returned by `attnforge_run_start` may implement."""

hookspec = pluggy.HookspecMarker("attnforge")
hookimpl = pluggy.HookimplMarker("attnforge")
"""Marks a function of a plugin as the implementation of the hook of the same name."""


@hookspec
def attnforge_components() -> Iterable[Component]:  # type: ignore[empty-body]
    """Declare components.

    Called once when plugins are loaded, in every process that resolves a recipe or lists components.
    Returns records, not classes: a component's module is imported when a recipe names it.

        return [Component("loss", "hinge", "my_package.hinge:Hinge", "hinge loss of Lim and Ye, 2017")]
    """


@hookspec
def attnforge_recipes() -> Iterable[Path]:  # type: ignore[empty-body]
    """Ship recipes.

    Called once when plugins are loaded. Returns folders; each `NAME.yaml` in one becomes the recipe NAME.

        return [Path(__file__).parent / "recipes"]
    """


@hookspec
def attnforge_commands() -> Mapping[str, str]:  # type: ignore[empty-body]
    """Add commands to `attnforge`.

    Called once when plugins are loaded. Returns names with targets `module:command` of click commands; a
    module is imported when its command is used. A name of two words, the first of them `import` or `export`,
    is for reading and writing the files of another code base.

        return {"serve": "my_package.serve:command", "import dm-gan": "my_package.official:command"}
    """


@hookspec
def attnforge_check_recipe(recipe: CheckedRecipe) -> Iterable[Problem]:  # type: ignore[empty-body]
    """Check what types cannot express, such as two options that exclude each other.

    Called by `resolve`, after every option has the right type and before anything is built. Returns problems,
    which are reported together with all others; an empty list if there are none. A check that raises is a
    problem too, `plugin-check-failed`, when the recipe uses a component of its plugin; other recipes are
    resolved with a warning.

        data = recipe.component("data")
        if data is not None and data.name == "my-birds" and recipe.get("training.workers"):
            place = recipe.place("training.workers")
            return [Problem("my-birds-workers", "my-birds must be loaded in the training process", place)]
        return []

    Args:
        recipe: The recipe, with the place of every value.
    """


@hookspec
def attnforge_run_start(run: Path, recipe: CheckedRecipe) -> object:
    """Act before the first step of a run.

    Called in the training process when the run folder contains the recipe, new or resumed. May return an
    object: those of its methods that are marked with `@hookimpl` and named like the six hooks from
    `attnforge_model_built` to `attnforge_run_end` are called for this run, so that a plugin can keep state
    without a global variable. Otherwise it returns None.

        class ScalarNames:
            def __init__(self, run):
                self.file, self.names = run / "scalars.txt", set()

            @hookimpl
            def attnforge_step_end(self, scalars):
                self.names |= set(scalars)

            @hookimpl
            def attnforge_run_end(self):
                self.file.write_text("\\n".join(sorted(self.names)))

        return ScalarNames(run)

    Args:
        run: The run folder.
        recipe: The recipe being trained.
    """


@hookspec
def attnforge_model_built(networks: Mapping[str, nn.Module], phase: str) -> None:
    """Inspect the networks of a phase, or register torch hooks on them.

    Called in the training process when a phase's task is built and, when resuming, before weights are
    loaded.

        for name, network in networks.items():
            print(phase, name, sum(weight.numel() for weight in network.parameters()))

    Args:
        networks: The networks in the phase's checkpoints, by name.
        phase: The name of the phase.
    """


@hookspec
def attnforge_step_end(phase: str, step: int, scalars: Mapping[str, float]) -> None:
    """Receive the scalars of training.

    Called in the training process whenever scalars are logged (`log_every`). It costs nothing when no plugin
    implements it.

        board.add_scalars(f"{phase}/", scalars, step)

    Args:
        phase: The name of the phase.
        step: Steps completed in the phase, including this one.
        scalars: The scalars by name, as Python floats.
    """


@hookspec
def attnforge_epoch_end(phase: str, epoch: int) -> None:
    """Act at the end of an epoch.

    Called in the training process after the step that completes an epoch.

        logger.info("%s: %d epochs", phase, epoch)

    Args:
        phase: The name of the phase.
        epoch: Epochs completed in the phase, including this one.
    """


@hookspec
def attnforge_checkpoint_save(folder: Path, phase: str, step: int) -> None:
    """Add files to a checkpoint.

    Called in the training process before the checkpoint's own files are written, so changes to weights are
    saved. `folder` is empty; files written to it are added to the checkpoint, with their digests in the
    manifest, and moved into place with it. A folder, or a file with the name of one of the checkpoint's own,
    is refused. When the hook raises, its files are discarded.

        (folder / "my-plugin.json").write_text(json.dumps(state))

    Args:
        folder: A temporary folder for the checkpoint's files.
        phase: The name of the phase.
        step: Steps completed in the phase.
    """


@hookspec
def attnforge_checkpoint_load(folder: Path, phase: str, step: int) -> None:
    """Read the files that `attnforge_checkpoint_save` added.

    Called in the training process when a run is resumed from a checkpoint, after its files were verified
    against the manifest. The checkpoint may have been written while the plugin was not installed.

        file = folder / "my-plugin.json"
        state = json.loads(file.read_text()) if file.is_file() else None

    Args:
        folder: The checkpoint.
        phase: The name of the phase.
        step: Steps completed in the phase.
    """


@hookspec
def attnforge_run_end(run: Path, reason: str) -> None:
    """Clean up after a run.

    Called in the training process, also when training fails.

        upload(run / "result.json") if reason == "finished" else None

    Args:
        run: The run folder.
        reason: `finished`, `stopped` (by a signal) or `failed`.
    """


@hookspec
def attnforge_report_sections(run: Path) -> Iterable[tuple[str, str]]:  # type: ignore[empty-body]
    """Add sections to a run's report.

    Called in the process that writes `report.html`. Returns titles, as text, with HTML that refers to nothing
    outside the file and uses neither scripts nor styles, which the page's content security policy forbids.

        palette = run / "palette.svg"
        return [("Palette", palette.read_text())] if palette.is_file() else []

    Args:
        run: The run folder.
    """
