"""Compares the recipe of a resumed run with its frozen one: what may change, and what must be allowed.

A forgotten override or an edited recipe file would train the rest of a run with other values, unnoticed.
"""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from attnforge.errors import Problem, RunError
from attnforge.recipe import ResolvedRecipe, resolve

Changes = Mapping[str, tuple[Any, Any]]
"""Changed values of a recipe by dotted key: before, and now."""
FREE_SECTIONS = ("summary", "advice", "evaluation", "samples", "sampling", "trackers")
"""Sections that do not affect training."""
FREE_TRAINING = frozenset(
    {
        *("device", "workers", "threads", "keep", "keep_every", "keep_best", "changed_data"),
        *("channels_last", "cuda_graphs", "tune_convolutions", "compile", "deterministic"),
        "process_timeout",
    }
)
"""Options of `training` that affect speed, memory or disk, and of results at most the last bits."""
INTERVALS = frozenset({"log_every", "sample_every", "checkpoint_every"})
"""Options of a phase that do not affect training."""
MAX_OVERRIDES_IN_COMMAND = 6


def is_free(key: str) -> bool:
    """Whether a value may change on resume without being allowed: it does not affect training."""
    section, *rest = key.split(".")
    match section, rest:
        case "training", [option, *_]:
            return option in FREE_TRAINING
        case "phases", [_, option]:
            return option in INTERVALS
        case "phases", [_, "evaluation", *_]:
            return True
    return section in FREE_SECTIONS


def changes_between(before: Path, resolved: ResolvedRecipe) -> dict[str, tuple[Any, Any]]:
    """Values in which a recipe differs from a frozen one, with every default filled in.

    Raises:
        RecipeError: the frozen recipe cannot be resolved.
    """
    old = _flat(resolve(before, plugins=resolved.plugins).data())
    new = _flat(resolved.data())
    missing = object()
    return {
        key: (old.get(key), new.get(key))
        for key in dict.fromkeys([*old, *new])
        if old.get(key, missing) != new.get(key, missing)
    }


def table(changes: Changes) -> list[str]:
    """A line for each change, aligned: the key, the value before and the value now."""
    before = {key: shown(values[0]) for key, values in changes.items()}
    key_width, value_width = (max(map(len, texts), default=0) for texts in (before, before.values()))
    return [
        f"{key:<{key_width}}  {before[key]:<{value_width}} -> {shown(values[1])}"
        for key, values in changes.items()
    ]


def refuse_changes(changes: Changes, *, run: Path) -> None:
    """Refuse values that affect training and differ from those of the run.

    Raises:
        RunError: with a table of all of them.
    """
    affecting = {key: values for key, values in changes.items() if not is_free(key)}
    if not affecting:
        return
    count = "1 value" if len(affecting) == 1 else f"{len(affecting)} values"
    title = f"the recipe differs from that of {run} in {count} (run -> recipe):"
    raise RunError(
        Problem(
            code="recipe-changed",
            message="\n".join([title, *table(affecting)]),
            expected=f"the values of the run, as `attnforge train --resume {run}` takes them; or "
            "--allow-changes, to train the rest of the run with these",
            next_step=_command(affecting, run),
        )
    )


def shown(value: object) -> str:
    """A value of a recipe in a message."""
    return "nothing" if value is None else str(list(value) if isinstance(value, tuple) else value)


def _command(changes: Changes, run: Path) -> str:
    # JSON is YAML, on one line
    words = [f"{key}={json.dumps(values[1], ensure_ascii=False)}" for key, values in changes.items()]
    overrides = shlex.join(words) if len(words) <= MAX_OVERRIDES_IN_COMMAND else "KEY=VALUE..."
    return f"attnforge train --resume {shlex.quote(str(run))} {overrides} --allow-changes"


def _flat(data: Mapping[str, Any], path: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for key, value in data.items():
        dotted = f"{path}.{key}" if path else key
        if isinstance(value, Mapping) and value:
            flat |= _flat(value, dotted)
        else:
            flat[dotted] = value
    return flat
