"""`attnforge explain`."""

from __future__ import annotations

import click

from attnforge.terminal import print_json, print_text


@click.command("explain")
@click.argument("topics", nargs=-1, required=True, metavar="TOPIC...")
@click.option("--json", "as_json", is_flag=True, help="Print JSON: a list of all explanations.")
def command(topics: tuple[str, ...], as_json: bool) -> None:
    """Explain components, kinds, hooks, error codes and settings of the official code.

    TOPIC is a component as KIND/NAME, such as `attention/word`, or its name alone; a kind; a hook; the code
    in the brackets of an error; or a setting of the official AttnGAN code, such as TRAIN.SMOOTH.LAMBDA.
    """
    from attnforge.explain.lookup import look_up
    from attnforge.plugin import load_plugins

    plugins = load_plugins()
    explanations = [explanation for topic in topics for explanation in look_up(topic, plugins)]
    if as_json:
        print_json([explanation.facts for explanation in explanations])
        return
    print_text("\n\n".join(map(str, explanations)))
