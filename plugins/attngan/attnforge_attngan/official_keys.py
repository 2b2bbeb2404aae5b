r"""The names of the official AttnGAN checkpoints in terms of this plugin's networks.

A rule is a pattern for the beginning of an official name and the beginning of ours. Groups called
`stage` and `up` are counted from 1 there and from 0 here; `block` is counted from 0 in both.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from torch import Tensor, nn

from attnforge.errors import Problem, RunError

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
    (r"img_code_(?:s32_1|s64)\.0\.", "trunk.5.convolution."),
    (r"img_code_(?:s32_1|s64)\.1\.", "trunk.5.normalisation."),
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


def load_official(network: nn.Module, state: Mapping[str, Tensor], rules: Rules) -> None:
    """Fill a network with an official state dict.

    Missing counts of batches are let pass, because files of that time lack them.

    Raises:
        RunError: A name is unknown, or names or shapes do not fit the network.
    """
    renamed = {_rename(name, rules): value for name, value in state.items()}
    own = network.state_dict()
    wrong = sorted(renamed.keys() - own.keys())
    wrong += sorted(key for key in own.keys() - renamed.keys() if not key.endswith("num_batches_tracked"))
    wrong += sorted(key for key in own.keys() & renamed.keys() if own[key].numel() != renamed[key].numel())
    if wrong:
        message = f"the checkpoint does not fit: {len(wrong)} tensors differ, the first is {wrong[0]}"
        raise RunError(
            Problem("other-checkpoint", message, expected="a recipe of the same widths and stages")
        )
    # The official attention projects words with a 2-D convolution of 1 x 1, ours with a 1-D one.
    network.load_state_dict(
        {key: value.reshape(own[key].shape) for key, value in renamed.items()}, strict=False
    )


def _rename(name: str, rules: Rules) -> str:
    for pattern, ours in rules:
        if match := re.match(pattern, name):
            numbers = {group: int(text) - (group != "block") for group, text in match.groupdict().items()}
            return ours.format(**numbers) + name[match.end() :]
    message = f"{name} is no name of an official AttnGAN checkpoint"
    raise RunError(Problem("unknown-official-name", message, expected="an unchanged official state dict"))
