r"""Maps the tensor names of the official AttnGAN checkpoints to those of this plugin's networks.

A rule is a pattern for the prefix of an official name, and the prefix of ours. The groups `stage` and `up`
count from 1 there and from 0 here; `block` counts from 0 in both. A single name such as `weight` follows,
unless the pattern is a lookahead.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence

from torch import Tensor, nn

from attnforge.errors import Place, Problem, RunError
from attnforge.storage.misfits import listed, misfit
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
    (r"COND_DNET\.outlogits\.0\.", "conditional_head."),
    (r"UNCOND_DNET\.outlogits\.0\.", "unconditional_head."),
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
"""The rules of each official file, by its content."""
NEXT_STEP = "attnforge recipes"
"""Lists recipes of other widths."""


def load_official(
    network: nn.Module, state: Mapping[str, Tensor], rules: Rules, *, source: str | None = None
) -> None:
    """Load an official state dict into a network, which stays unchanged if the names or shapes do not match.

    The prefix `module.` of DataParallel is stripped. A missing `num_batches_tracked` is accepted, because old
    files do not have it.

    Args:
        network: One of this plugin's networks.
        state: The official names with their tensors.
        rules: The rules of the network's kind.
        source: The file, for errors.

    Raises:
        RunError: A name is unknown, or names or shapes do not match the network; they are listed, with the
            recipe that would match if the shapes show it.
    """
    place, own_kind = Place(source) if source else None, _kind(rules)
    if state and all(name.startswith("module.") for name in state):
        state = {name.removeprefix("module."): value for name, value in state.items()}
    names = {name: _rename(name, rules) for name in state}
    if unknown := [name for name, ours in names.items() if ours is None]:
        kind = next((kind for kind, other in KINDS.items() if state and _all_known(state, other)), None)
        message = f"{len(unknown)} tensors have unknown names: {listed(unknown)}"
        if kind:
            message = f"this is an official {kind}" + (f", not the {own_kind}" if own_kind else "")
        expected = "an unchanged official state dict" + (f" of the {own_kind}" if own_kind else "")
        raise RunError(Problem("unknown-official-name", message, place, expected))
    own = network.state_dict()
    renamed = {ours: state[name] for name, ours in names.items() if ours is not None}
    missing = [key for key in own if key not in renamed and not key.endswith("num_batches_tracked")]
    differences = misfit(
        unexpected=[name for name, ours in names.items() if ours not in own],
        missing=[official_name(key, rules) or key for key in missing],
        reshaped=[
            (name, state[name], own[key])
            for name, key in names.items()
            if key in own and not _same_shape(state[name], own[key])
        ],
    )
    if differences:
        options = recipe_of(state, own_kind or "")
        expected = f"a recipe with {options}" if options else "a recipe of the same widths and stages"
        message = f"the file does not match the recipe: {differences}"
        raise RunError(Problem("other-checkpoint", message, place, expected, NEXT_STEP))
    network.load_state_dict(
        {key: value.reshape(own[key].shape) for key, value in renamed.items()}, strict=False
    )


def official_name(key: str, rules: Rules) -> str | None:
    """The official name of one of our tensors, by the first rule that applies; None if none does."""
    for pattern, ours in rules:
        # A lookahead consumes nothing: what follows our prefix is the official name.
        ahead = pattern if pattern.startswith("(?=") else ""
        match = re.match(re.sub(r"\\{(\w+)\\}", r"(?P<\1>\\d+)", re.escape(ours)) + ahead, key)
        if match and (ahead or "." not in key[match.end() :]):
            template = "" if ahead else re.sub(r"\(\?P<(\w+)>\\d\+\)", r"{\1}", pattern).replace("\\.", ".")
            numbers = {group: int(text) + (group != "block") for group, text in match.groupdict().items()}
            return template.format(**numbers) + key[match.end() :]
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


def _same_shape(theirs: Tensor, ours: Tensor) -> bool:
    # The official attention projects words with a 2-D convolution of 1 x 1, ours with a 1-D one.
    return theirs.shape in (ours.shape, (*ours.shape, 1))


def _kind(rules: Rules) -> str | None:
    return next((kind for kind, known in KINDS.items() if known is rules), None)
