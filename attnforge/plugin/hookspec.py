"""The hooks that a plugin may implement; these specifications are their reference.

A plugin is a module named by an entry point of the group `attnforge`. It marks a function of the same name
as a hook with `@hookimpl` and takes those of the hook's arguments that it needs, by name:

    from attnforge.plugin import Component, hookimpl

    @hookimpl
    def attnforge_components():
        return [Component("attention", "mean", "my_package.mean:MeanAttention", "attends everywhere alike")]

Arguments are appended in later versions and never renamed. The first three hooks are called when plugins
are loaded, for every command, so the plugin's module and these hooks import no torch.
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

        if recipe.get("data.use") == "my-birds" and recipe.get("training.workers"):
            place = recipe.place("training.workers")
            return [Problem("my-birds-workers", "my-birds loads in the training process", place)]
        return []
    """


@hookspec
def attnforge_run_start(run: Path, recipe: ResolvedRecipe) -> None:
    """Look at a run before its first step.

    Called in the training process when the run folder holds the recipe, new or resumed.

        (run / "host.txt").write_text(platform.node())
    """


@hookspec
def attnforge_model_built(networks: Mapping[str, nn.Module]) -> None:
    """Look at the networks of a phase, or register torch hooks on them.

    Called in the training process when a phase's task is built and, when resuming, before weights are
    loaded.

        for name, network in networks.items():
            print(name, sum(weight.numel() for weight in network.parameters()))
    """


@hookspec
def attnforge_step_end(phase: str, step: int, scalars: Mapping[str, float]) -> None:
    """Follow the figures of training.

    Called in the training process each time that figures are logged (`log_every`), with the number of
    steps done so far in the phase and the figures by name.

        board.add_scalars(f"{phase}/", scalars, step)
    """


@hookspec
def attnforge_epoch_end(phase: str, epoch: int) -> None:
    """Act when a phase has gone through the data once more.

    Called in the training process with the number of epochs done so far in the phase.

        logger.info("%s: %d epochs", phase, epoch)
    """


@hookspec
def attnforge_checkpoint_save(folder: Path, phase: str, step: int) -> None:
    """Add files to a checkpoint.

    Called in the training process while the checkpoint is still beside its final name; what is written
    into `folder` is hashed into the manifest and moved into place with it.

        (folder / "my-plugin.json").write_text(json.dumps(state))
    """


@hookspec
def attnforge_checkpoint_load(folder: Path) -> None:
    """Read back what `attnforge_checkpoint_save` added.

    Called in the process that loads the checkpoint, after its files were checked against the manifest.

        state = json.loads((folder / "my-plugin.json").read_text())
    """


@hookspec
def attnforge_run_end(run: Path, reason: str) -> None:
    """Tidy up after a run.

    Called in the training process, also when training fails. The reason is `finished`, `stopped` (asked
    to by a signal) or `failed`.

        upload(run / "report.html") if reason == "finished" else None
    """


@hookspec
def attnforge_report_sections(run: Path) -> Iterable[tuple[str, str]]:  # type: ignore[empty-body]
    """Add sections to a run's report.

    Called in the process that writes `report.html`. Returns titles, as text, with HTML that refers to
    nothing outside the file.

        return [("Palette", f"<img src='{data_uri}' alt='colours of the samples'>")]
    """
