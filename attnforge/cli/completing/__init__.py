"""Completes commands, recipes, runs and override keys in a shell; imports no component and no torch.

A shell calls `attnforge` at every press of the completion key, with `VARIABLE` set and the words so far; see
`attnforge.cli.completion` for the scripts that make shells do so.
"""

from __future__ import annotations

from attnforge.cli.completing.commands import behind_command
from attnforge.cli.completing.names import recipe_names, run_folders
from attnforge.cli.completing.overrides import keys_of_recipe, keys_of_run, recipes_and_keys, runs_and_keys

__all__ = [
    "behind_command",
    "keys_of_recipe",
    "keys_of_run",
    "recipe_names",
    "recipes_and_keys",
    "run_folders",
    "runs_and_keys",
]
