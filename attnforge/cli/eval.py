"""`attnforge eval`: evaluates a run's checkpoints without training it."""

from __future__ import annotations

from pathlib import Path

import click

from attnforge.cli.paths import PATH
from attnforge.terminal import print_json, print_text


@click.command("eval")
@click.argument("run", type=PATH)
@click.argument("overrides", nargs=-1, metavar="[KEY=VALUE]...")
@click.option("--checkpoint", metavar="NAME", help="A checkpoint such as gan-0001000; else the newest.")
@click.option("--every-checkpoint", "every", is_flag=True, help="All checkpoints with a generator.")
@click.option(
    "--json", "as_json", is_flag=True, help="Print JSON, with everything that the values depend on."
)
@click.option("--out", type=PATH, help="Also write that JSON to a file.")
@click.option("--device", default="auto", show_default=True, help="Where to generate and score.")
def command(
    run: Path,
    overrides: tuple[str, ...],
    checkpoint: str | None,
    every: bool,
    as_json: bool,
    out: Path | None,
    device: str,
) -> None:
    """Evaluate RUN, a run or a checkpoint, with the metrics of its recipe, on captions of the test split.

    Values of `evaluation` and `data` may be changed with KEY=VALUE, for example `evaluation.captions=3000`.
    Results are written to RUN/measured and shown by `attnforge report`.
    """
    from attnforge.storage.locating import locate_run

    location = locate_run(run)
    run, checkpoint = location.run.path, checkpoint or location.checkpoint
    if checkpoint and every:
        raise click.UsageError("--checkpoint and --every-checkpoint exclude each other.")
    import json
    from dataclasses import asdict

    from attnforge.cli.listing import listing
    from attnforge.errors import Problem, RunError
    from attnforge.evaluate.evaluating import evaluate_run
    from attnforge.evaluate.headlines import headlines, written
    from attnforge.storage.folder import write_text
    from attnforge.train.progress import ConsoleReporter

    measurements = evaluate_run(
        run,
        overrides=overrides,
        checkpoint=checkpoint,
        every=every,
        device=device,
        reporter=ConsoleReporter(err=True),
    )
    data = [asdict(measurement) for measurement in measurements]
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
        rows = [
            {
                "checkpoint": measurement.name,
                "epoch": measurement.epoch,
                **{name: written(name, measurement.metrics) for name in names},
            }
            for measurement in measurements
        ]
        listing(rows, as_json=False, columns=["checkpoint", "epoch", *names])
    else:
        (measurement,) = measurements
        rows = [
            {"metric": name, "value": f"{value:.4g}" if isinstance(value, float) else value}
            for name, value in measurement.metrics.items()
        ]
        listing(rows, as_json=False, columns=["metric", "value"])
        print_text(f"{measurement.name} of {run}; next: attnforge report {run}")
