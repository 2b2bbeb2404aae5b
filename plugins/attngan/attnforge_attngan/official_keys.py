r"""The names of the official AttnGAN checkpoints in terms of this plugin's networks.

A rule is a pattern for the beginning of an official name and the beginning of ours. Groups called
`stage` and `up` are counted from 1 there and from 0 here; `block` is counted from 0 in both. A single name
such as `weight` follows, unless the pattern only looks ahead.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence

from torch import Tensor, nn

from attnforge.errors import Place, Problem, RunError
from attnforge_attngan.misfits import listed, misfit
from attnforge_attngan.official_widths import recipe_of

Rules = Sequence[tuple[str, str]]

GENERATOR: Rules = (
    (r"ca_net\.fc\.", "conditioner.linear."),
    (r"h_net1\.fc\.0\.", "stages.0.linear."),
    (r"h_net1\.fc\.1\.", "stages.0.normalisation."),
    (r"h_net1\.upsample(?P<up>\d+)\.1\.", "stages.0.up.{up}.convolution."),
    (r"h_net1\.upsample(?P<up>\d+)\.2\.", "stages.0.up.{up}.normalisation."),
    (r"h_net(?P<stage>\d+)\.att\.conv_context\.", "stages.{stage}.attention.project."),
    (r"h_net(?P<stage>\d+)\.residual\.(?P<block>\d+)\.block\.0\.", "stages.{stage}.residual.{block}.first."),
    (
        r"h_net(?P<stage>\d+)\.residual\.(?P<block>\d+)\.block\.1\.",
        "stages.{stage}.residual.{block}.first_normalisation.",
    ),
    (r"h_net(?P<stage>\d+)\.residual\.(?P<block>\d+)\.block\.3\.", "stages.{stage}.residual.{block}.second."),
    (
        r"h_net(?P<stage>\d+)\.residual\.(?P<block>\d+)\.block\.4\.",
        "stages.{stage}.residual.{block}.second_normalisation.",
    ),
    (r"h_net(?P<stage>\d+)\.upsample\.1\.", "stages.{stage}.up.convolution."),
    (r"h_net(?P<stage>\d+)\.upsample\.2\.", "stages.{stage}.up.normalisation."),
    (r"img_net(?P<stage>\d+)\.img\.0\.", "heads.{stage}.convolution."),
    (r"img_net\.img\.0\.", "heads.0.convolution."),
)
DISCRIMINATOR: Rules = (
    (r"img_code_s16\.0\.", "trunk.0.convolution."),
    (r"img_code_s16\.2\.", "trunk.1.convolution."),
    (r"img_code_s16\.3\.", "trunk.1.normalisation."),
    (r"img_code_s16\.5\.", "trunk.2.convolution."),
    (r"img_code_s16\.6\.", "trunk.2.normalisation."),
    (r"img_code_s16\.8\.", "trunk.3.convolution."),
    (r"img_code_s16\.9\.", "trunk.3.normalisation."),
    (r"img_code_s32\.0\.", "trunk.4.convolution."),
    (r"img_code_s32\.1\.", "trunk.4.normalisation."),
    (r"img_code_s32_1\.0\.", "trunk.5.convolution."),
    (r"img_code_s32_1\.1\.", "trunk.5.normalisation."),
    (r"img_code_s64\.0\.", "trunk.5.convolution."),
    (r"img_code_s64\.1\.", "trunk.5.normalisation."),
    (r"img_code_s64_1\.0\.", "trunk.6.convolution."),
    (r"img_code_s64_1\.1\.", "trunk.6.normalisation."),
    (r"img_code_s64_2\.0\.", "trunk.7.convolution."),
    (r"img_code_s64_2\.1\.", "trunk.7.normalisation."),
    (r"COND_DNET\.jointConv\.0\.", "joint.convolution."),
    (r"COND_DNET\.jointConv\.1\.", "joint.normalisation."),
    (r"COND_DNET\.outlogits\.0\.", "conditional."),
    (r"UNCOND_DNET\.outlogits\.0\.", "unconditional."),
)
TEXT: Rules = ((r"encoder\.", "embedding."), (r"rnn\.", "recurrence."))
IMAGE: Rules = (
    (r"emb_features\.", "projection.regions."),
    (r"emb_cnn_code\.", "projection.image."),
    (r"(?=Conv2d_|Mixed_)", "network."),
)


KINDS: Mapping[str, Rules] = {
    "generator": GENERATOR,
    "discriminator": DISCRIMINATOR,
    "text encoder": TEXT,
    "image encoder": IMAGE,
}
"""The rules of each official file, by what the file holds."""
LOOK = "attnforge recipes"
"""Where there are recipes of other widths."""


def load_official(
    network: nn.Module, state: Mapping[str, Tensor], rules: Rules, *, source: str | None = None
) -> None:
    """Fill a network with an official state dict, or leave it as it was when that does not fit.

    `module.` before every name, which training on several GPUs leaves, is taken away. Missing counts of
    batches are let pass, because files of that time lack them.

    Args:
        network: One of this plugin's networks.
        state: The official names with their tensors.
        rules: How they are called here.
        source: The file, for errors.

    Raises:
        RunError: A name is unknown, or names or shapes do not fit the network; they are listed, and the
            recipe that would fit is told where the shapes tell it.
    """
    place = Place(source) if source else None
    if state and all(name.startswith("module.") for name in state):
        state = {name.removeprefix("module."): value for name, value in state.items()}
    names = {name: _rename(name, rules) for name in state}
    if unknown := [name for name, ours in names.items() if ours is None]:
        kind = next((kind for kind, other in KINDS.items() if state and _all_known(state, other)), None)
        message = f"{len(unknown)} tensors have foreign names: {listed(unknown)}"
        if kind:
            message = f"this is an official {kind}, not what is wanted here"
        expected = "an unchanged official state dict" + (f" of the {_kind(rules)}" if _kind(rules) else "")
        raise RunError(Problem("unknown-official-name", message, place, expected))
    own = network.state_dict()
    renamed = {ours: state[name] for name, ours in names.items() if ours is not None}
    missing = [key for key in own if key not in renamed and not key.endswith("num_batches_tracked")]
    fault = misfit(
        unwanted=[name for name, ours in names.items() if ours not in own],
        missing=[official_name(key, rules) or key for key in missing],
        reshaped=[
            (name, state[name], own[key])
            for name, key in names.items()
            if key in own and not _fits(state[name], own[key])
        ],
    )
    if fault:
        wanted = recipe_of(state, _kind(rules) or "")
        expected = f"a recipe with {wanted}" if wanted else "a recipe of the same widths and stages"
        raise RunError(Problem("other-checkpoint", f"the file does not fit: {fault}", place, expected, LOOK))
    network.load_state_dict(
        {key: value.reshape(own[key].shape) for key, value in renamed.items()}, strict=False
    )


def official_name(key: str, rules: Rules) -> str | None:
    """The official name of one of our tensors, by the first rule that gives it; None when there is none."""
    for pattern, ours in rules:
        # A rule that only looks ahead takes nothing away: what follows our prefix is the official name.
        ahead = pattern if pattern.startswith("(?=") else ""
        found = re.match(re.sub(r"\\{(\w+)\\}", r"(?P<\1>\\d+)", re.escape(ours)) + ahead, key)
        if found and (ahead or "." not in key[found.end() :]):
            template = "" if ahead else re.sub(r"\(\?P<(\w+)>\\d\+\)", r"{\1}", pattern).replace("\\.", ".")
            numbers = {group: int(text) + (group != "block") for group, text in found.groupdict().items()}
            return template.format(**numbers) + key[found.end() :]
    return None


def _rename(name: str, rules: Rules) -> str | None:
    for pattern, ours in rules:
        match = re.match(pattern, name)
        if match and (not match.end() or "." not in name[match.end() :]):
            numbers = {group: int(text) - (group != "block") for group, text in match.groupdict().items()}
            return ours.format(**numbers) + name[match.end() :]
    return None


def _all_known(names: Iterable[str], rules: Rules) -> bool:
    return all(_rename(name, rules) is not None for name in names)


def _fits(theirs: Tensor, ours: Tensor) -> bool:
    # The official attention projects words with a 2-D convolution of 1 x 1, ours with a 1-D one.
    return theirs.shape in (ours.shape, (*ours.shape, 1))


def _kind(rules: Rules) -> str | None:
    return next((kind for kind, known in KINDS.items() if known is rules), None)
