"""The schema of a sweep's file: each class below is one section, and its fields are the keys."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any

from pydantic import Field

from attnforge.ranges import Count, Positive

Values = Annotated[tuple[Any, ...], Field(min_length=1)]


@dataclass(frozen=True, kw_only=True)
class Encoders:
    """The text and image encoder of all runs. Give `run`, or what to train.

    Args:
        run: The folder of a run that has trained them.
        recipe: The recipe whose encoders are trained once for all runs; by default the sweep's.
        set: Values of that recipe to override, by dotted key.
    """

    run: str | None = None
    recipe: str | None = None
    set: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class IndependentEncoders:
    """Encoders that no generator is trained with, but all are measured with. Give `run`, or what to train.

    Args:
        metric: The metric in `evaluation.metrics` whose option `encoders` is their run.
        run: The folder of a run that has trained them.
        recipe: The recipe that trains them; by default the sweep's.
        set: Values of that recipe to override, by dotted key.
    """

    metric: str
    run: str | None = None
    recipe: str | None = None
    set: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Configuration:
    """One configuration outside the grid: a run for each seed, or another measurement of another's runs.

    Args:
        recipe: Another recipe than the sweep's, by name or by a path relative to the sweep's file.
        encoders: Other encoders than the sweep's. Configurations with the same ones share them.
        set: Values to override, by dotted key, after those of the sweep.
        of: Another configuration, whose runs are measured again with the values of `set` instead of training
            any: of `evaluation`, `data` and `sampling`.
        of_highest: The same for the configuration with the highest mean of this metric.
    """

    recipe: str | None = None
    encoders: Encoders | None = None
    set: Mapping[str, Any] = field(default_factory=dict)
    of: str | None = None
    of_highest: str | None = None


@dataclass(frozen=True, kw_only=True)
class Budget:
    """What each run may take at most. More steps or parameters are refused; minutes are measured.

    Args:
        minutes: Minutes of training, without those of shared encoders.
        steps: Training steps of all phases of a run.
        parameters: Parameters of the generator.
    """

    minutes: Annotated[float, Field(gt=0)] | None = None
    steps: Positive | None = None
    parameters: Positive | None = None


@dataclass(frozen=True, kw_only=True)
class Sweep:
    """The keys of a sweep's file.

    Args:
        summary: One line on what is compared.
        recipe: The recipe of the grid, by name or by a path relative to the sweep's file.
        encoders: The encoders of all runs; by default each trains its own.
        independent: Encoders that no generator is trained with, for a metric.
        set: Values to override in every recipe, by dotted key.
        seeds: Values of `training.seed`; every configuration is a run for each, and a row of the table their
            mean, lowest and highest.
        budget: What each run may take at most; the table then shows what it took.
        grid: Values to try, as a list for each dotted key; every combination is a run.
        label: The label of a run of the grid, with keys in braces replaced by their values.
        baselines: Named configurations, before the grid in the table.
        also: Named configurations, after the grid.
        highest: The metric whose highest value selects the checkpoint that the table shows of each run, as in
            Table 2 of the AttnGAN paper; by default the table shows the last checkpoint.
    """

    summary: str = ""
    recipe: str
    encoders: Encoders | None = None
    independent: IndependentEncoders | None = None
    set: Mapping[str, Any] = field(default_factory=dict)
    seeds: Annotated[tuple[Count, ...], Field(min_length=1)] | None = None
    budget: Budget | None = None
    grid: Mapping[str, Values] = field(default_factory=dict)
    label: str | None = None
    baselines: Mapping[str, Configuration] = field(default_factory=dict)
    also: Mapping[str, Configuration] = field(default_factory=dict)
    highest: str | None = None
