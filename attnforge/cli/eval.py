"""`attnforge eval`: evaluates a run's checkpoints without training it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from attnforge.cli.completing import keys_of_run, run_folders
from attnforge.cli.paths import PATH
from attnforge.terminal import print_json, print_text

if TYPE_CHECKING:
    from attnforge.cli.together import Share
    from attnforge.evaluate.results import Result
    from attnforge.train.progress import Reporter


@click.command("eval")
@click.argument("path", metavar="RUN|FOLDER", type=PATH, shell_complete=run_folders)
@click.argument(
    "overrides",
    nargs=-1,
    metavar="[KEY=VALUE]...",
    shell_complete=keys_of_run("path", "evaluation", "data", "sampling"),
)
@click.option("--protocol", metavar="NAME", help="A protocol instead of the recipe's metrics.")
@click.option("--metric", "chosen", multiple=True, metavar="NAME", help="Only this metric; may be repeated.")
@click.option("--checkpoint", metavar="NAME", help="A checkpoint such as gan-0001000; else the newest.")
@click.option("--every-checkpoint", "every", is_flag=True, help="All checkpoints with a generator.")
@click.option(
    "--json", "as_json", is_flag=True, help="Print JSON, with everything that the values depend on."
)
@click.option("--out", type=PATH, help="Also write that JSON to a file; with a protocol, only there.")
@click.option("--device", default="auto", show_default=True, help="Where to generate and score.")
def command(
    path: Path,
    overrides: tuple[str, ...],
    protocol: str | None,
    chosen: tuple[str, ...],
    checkpoint: str | None,
    every: bool,
    as_json: bool,
    out: Path | None,
    device: str,
) -> None:
    """Evaluate RUN, a run or a checkpoint, with the metrics of its recipe, on captions of the test split.

    With `--protocol`, RUN is measured by a protocol of `attnforge protocols`, and so is a FOLDER of images of
    any system, by default by `offline`. Values of `evaluation` and `data` may be changed with KEY=VALUE, for
    example `evaluation.captions=3000`. Results are written to RUN/measured and shown by `attnforge report`;
    those of a protocol to `results/NAME.json` in RUN or FOLDER, for `attnforge compare`.
    """
    from attnforge.cli.together import evaluating_together
    from attnforge.evaluate.sources import is_image_folder

    with evaluating_together(device, source=str(path)) as share:
        folder = is_image_folder(path)
        if not folder and protocol is None:
            _by_recipe(path, overrides, chosen, checkpoint, share, every=every, as_json=as_json, out=out)
            return
        if checkpoint and folder:
            raise click.UsageError("--checkpoint is of a run, not of a folder of images.")
        if every:
            raise click.UsageError("--every-checkpoint measures by the recipe, without --protocol.")
        result, place = _by_protocol(path, overrides, protocol, chosen, checkpoint, share, folder=folder)
        if share.first:
            _show(result, out or place, as_json=as_json)


def _by_recipe(
    path: Path,
    overrides: tuple[str, ...],
    chosen: tuple[str, ...],
    checkpoint: str | None,
    share: Share,
    *,
    every: bool,
    as_json: bool,
    out: Path | None,
) -> None:
    from attnforge.storage.locating import locate_run

    location = locate_run(path)
    run, checkpoint = location.run.path, location.checkpoint if checkpoint is None else checkpoint
    if checkpoint and every:
        raise click.UsageError("--checkpoint and --every-checkpoint exclude each other.")
    import json

    from attnforge.cli.listing import listing
    from attnforge.errors import Problem, RunError
    from attnforge.evaluate.evaluating import evaluate_run
    from attnforge.evaluate.headlines import belongs, chance, headlines, is_share, with_unit, written
    from attnforge.storage.folder import write_text

    measurements = evaluate_run(
        run,
        overrides=overrides,
        metrics=chosen,
        checkpoint=checkpoint,
        every=every,
        device=share.device,
        reporter=_reporter(share),
    )
    if not share.first:
        return
    data = [measurement.plain() for measurement in measurements]
    if out is not None:
        try:
            write_text(out, json.dumps(data, indent=1, ensure_ascii=False) + "\n")
        except OSError as error:
            message = f"the results cannot be written to {out}: {error.strerror or error}"
            expected = f"a file in a writable folder; the results are in {run / 'measured'}"
            raise RunError(Problem("metrics-not-written", message, expected=expected)) from error
    if as_json:
        print_json(data, indent=1)
    elif every:
        names = list(
            dict.fromkeys(name for measurement in measurements for name in headlines(measurement.metrics))
        )
        results = [measurement.metrics for measurement in measurements]
        titles = {
            name: with_unit(name, share=any(is_share(name, metrics) for metrics in results)) for name in names
        }
        rows = [
            {
                "checkpoint": measurement.name,
                "epoch": measurement.epoch,
                **{title: written(name, measurement.metrics) for name, title in titles.items()},
            }
            for measurement in measurements
        ]
        levels = {title: chance(name, results[-1]) for name, title in titles.items()}
        if any(levels.values()):
            rows.append({"checkpoint": "chance", "epoch": None, **levels})
        listing(rows, as_json=False, columns=["checkpoint", "epoch", *titles.values()])
    else:
        (measurement,) = measurements
        metrics = measurement.metrics
        _print_values(metrics, [name for name in metrics if not belongs(name, metrics)])
        print_text(f"{measurement.name} of {run}; next: attnforge report {run}")


def _by_protocol(
    path: Path,
    overrides: tuple[str, ...],
    protocol: str | None,
    chosen: tuple[str, ...],
    checkpoint: str | None,
    share: Share,
    *,
    folder: bool,
) -> tuple[Result, Path]:
    """The result, and where it is written by default."""
    from attnforge.api.evaluating import evaluate_by
    from attnforge.evaluate.results import FOLDER
    from attnforge.storage.locating import locate_run

    result = evaluate_by(
        path,
        protocol=protocol,
        overrides=overrides,
        metrics=chosen,
        checkpoint=checkpoint,
        device=share.device,
        reporter=_reporter(share),
    )
    place = path if folder else locate_run(path).run.path
    return result, place / FOLDER / f"{result.protocol}.json"


def _print_values(metrics: Mapping[str, Any], names: Sequence[str]) -> None:
    """A table of values, then their notes: shares are in per cent, as are deviations and chance levels."""
    from attnforge.cli.listing import listing
    from attnforge.evaluate.headlines import NOTE, WITHHELD, chance, is_share, notes, with_unit, written

    rows = []
    for name in names:
        value = metrics[name]
        text = written(name, metrics) if isinstance(value, float) else str(value)
        if name.endswith(NOTE):
            continue
        if name.endswith(WITHHELD):
            name, text = name.removesuffix(WITHHELD), f"withheld: {value}"
        title = with_unit(name, share=is_share(name, metrics))
        rows.append({"metric": title, "value": text, "chance": chance(name, metrics)})
    known = any(row["chance"] for row in rows)
    listing(rows, as_json=False, columns=["metric", "value", *(["chance"] if known else [])])
    for name, text in notes(metrics).items():
        print_text(f"{name}: {text}")


def _reporter(share: Share) -> Reporter:
    from attnforge.train.progress import ConsoleReporter, SilentReporter

    return ConsoleReporter(err=True) if share.first else SilentReporter()


def _show(result: Result, place: Path, *, as_json: bool) -> None:
    from attnforge.evaluate.headlines import WITHHELD, headlines

    result.write(place)
    if as_json:
        print_json(result.plain(), indent=1)
        return
    metrics = result.metrics
    withheld = [name for name in metrics if name.endswith(WITHHELD)]
    _print_values(metrics, [*headlines(metrics), *withheld])
    print_text(f"{place}; next: attnforge compare {place} OTHER")
