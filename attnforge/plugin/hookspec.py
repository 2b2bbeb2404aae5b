"""The hooks that a plugin may implement; these specifications are their reference.

A plugin is a module named by an entry point of the group `attnforge`. It marks a function of the same name
as a hook with `@hookimpl` and takes those of the hook's arguments that it needs, by name:

    from attnforge.plugin import Component, hookimpl

    @hookimpl
    def attnforge_components():
        return [Component("attention", "mean", "my_package.mean:MeanAttention", "attends everywhere alike")]

Arguments are appended in later versions and never renamed. The first three hooks are called when plugins
are loaded, for every command, so the plugin's module and these hooks import no torch.

Each plugin's hooks are called apart, in the order in which plugins were loaded. One that raises stops
nothing, `sys.exit` included, and neither does one that leaves globals of torch changed, such as the gradient
mode or the default device, which are put back: its plugin is named on stderr, an event `plugin-failed` with
the traceback goes into the run's `log.jsonl`, and the plugin's hooks are left out until the process ends. Two
cases are not passed over: a plugin that raises while it is loaded is set aside whole, and a recipe that uses
a component of a plugin whose check raises is refused. Ctrl-C inside a hook is the user's, and ends the
command. What a plugin prints goes to stderr, and one that takes longer than a second is named there.
With `ATTNFORGE_TRACE_HOOKS=1` every call is written on stderr, with arguments, time and traceback.

What a plugin keeps during a run lives in an object that `attnforge_run_start` returns; its methods hear the
run's later hooks under the same names.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import pluggy

from attnforge.errors import Problem
from attnforge.plugin.component import Component

if TYPE_CHECKING:
    from torch import nn

    from attnforge.recipe.resolved import ResolvedRecipe

RUN_HOOKS = (
    "attnforge_model_built",
    "attnforge_step_end",
    "attnforge_epoch_end",
    "attnforge_checkpoint_save",
    "attnforge_checkpoint_load",
    "attnforge_run_end",
)
"""The hooks that the object of `attnforge_run_start` may hear."""

hookspec = pluggy.HookspecMarker("attnforge")
hookimpl = pluggy.HookimplMarker("attnforge")
"""Marks a function of a plugin as the implementation of the hook whose name it has."""


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

    Called once when plugins are loaded. Returns the place of a click command for each name; its module is
    imported when the command is typed. A name of two words, the first of them `import` or `export`, is for
    reading and writing the files of another code.

        return {"serve": "my_package.serve:command", "import dm-gan": "my_package.official:command"}
    """


@hookspec
def attnforge_check_recipe(recipe: ResolvedRecipe) -> Iterable[Problem]:  # type: ignore[empty-body]
    """Find what types cannot say, such as two options that exclude each other.

    Called by `resolve` in the process that resolves, after every option has its right type and before
    anything is built. Returns problems, which are reported together with all others; none when all is well.
    A check that raises is a problem too, `plugin-check-failed`, when the recipe uses a component of its
    plugin; other recipes are resolved with a warning.

        data = recipe.component("data")
        if data is not None and data.name == "my-birds" and recipe.get("training.workers"):
            place = recipe.place("training.workers")
            return [Problem("my-birds-workers", "my-birds loads in the training process", place)]
        return []

    Args:
        recipe: Every value of the recipe with its place.
    """


@hookspec
def attnforge_run_start(run: Path, recipe: ResolvedRecipe) -> object:
    """Look at a run before its first step.

    Called in the training process when the run folder holds the recipe, new or resumed. May return an
    object: those of its methods that are marked with `@hookimpl` and named like the six hooks from
    `attnforge_model_built` to `attnforge_run_end` hear this run, which is how a plugin keeps what it
    gathers without a global variable. Otherwise it returns None.

        class Figures:
            def __init__(self, run):
                self.file, self.metrics = run / "figures.txt", set()

            @hookimpl
            def attnforge_step_end(self, scalars):
                self.metrics |= set(scalars)

            @hookimpl
            def attnforge_run_end(self):
                self.file.write_text("\\n".join(sorted(self.metrics)))

        return Figures(run)

    Args:
        run: The run folder.
        recipe: What is trained.
    """


@hookspec
def attnforge_model_built(networks: Mapping[str, nn.Module], phase: str) -> None:
    """Look at the networks of a phase, or register torch hooks on them.

    Called in the training process when a phase's task is built and, when resuming, before weights are
    loaded.

        for name, network in networks.items():
            print(phase, name, sum(weight.numel() for weight in network.parameters()))

    Args:
        networks: What the phase's checkpoints hold, by name.
        phase: The name of the phase.
    """


@hookspec
def attnforge_step_end(phase: str, step: int, scalars: Mapping[str, float]) -> None:
    """Follow the figures of training.

    Called in the training process each time that figures are logged (`log_every`). When nobody
    implements it, a step costs nothing more.

        board.add_scalars(f"{phase}/", scalars, step)

    Args:
        phase: The name of the phase.
        step: Steps done so far in the phase, this one included.
        scalars: The figures by name, on the processor.
    """


@hookspec
def attnforge_epoch_end(phase: str, epoch: int) -> None:
    """Act when a phase has gone through the data once more.

    Called in the training process after the step that completes an epoch.

        logger.info("%s: %d epochs", phase, epoch)

    Args:
        phase: The name of the phase.
        epoch: Epochs done so far in the phase, this one included.
    """


@hookspec
def attnforge_checkpoint_save(folder: Path, phase: str, step: int) -> None:
    """Add files to a checkpoint.

    Called in the training process before the checkpoint's own files are written, so what it changes about
    weights is saved. `folder` is empty; what is written into it is added to the checkpoint, hashed into the
    manifest and moved into place with it. A folder, or a file of a name that the checkpoint has already, is
    refused. When it raises, what it had written is dropped.

        (folder / "my-plugin.json").write_text(json.dumps(state))

    Args:
        folder: Where the checkpoint's files are gathered; its name is not the final one.
        phase: The name of the phase.
        step: Steps done so far in the phase.
    """


@hookspec
def attnforge_checkpoint_load(folder: Path, phase: str, step: int) -> None:
    """Read back what `attnforge_checkpoint_save` added.

    Called in the training process when a run goes on from a checkpoint, after its files were checked
    against the manifest. The checkpoint may have been written when the plugin was not installed.

        file = folder / "my-plugin.json"
        state = json.loads(file.read_text()) if file.is_file() else None

    Args:
        folder: The checkpoint.
        phase: The name of the phase.
        step: Steps of the phase that it holds.
    """


@hookspec
def attnforge_run_end(run: Path, reason: str) -> None:
    """Tidy up after a run.

    Called in the training process, also when training fails.

        upload(run / "result.json") if reason == "finished" else None

    Args:
        run: The run folder.
        reason: `finished`, `stopped` (asked to by a signal) or `failed`.
    """


@hookspec
def attnforge_report_sections(run: Path) -> Iterable[tuple[str, str]]:  # type: ignore[empty-body]
    """Add sections to a run's report.

    Called in the process that writes `report.html`. Returns titles, as text, with HTML that refers to
    nothing outside the file and uses neither scripts nor styles, which the page's policy forbids.

        palette = run / "palette.svg"
        return [("Palette", palette.read_text())] if palette.is_file() else []

    Args:
        run: The run folder.
    """
