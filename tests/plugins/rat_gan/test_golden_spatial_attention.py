"""With official weights, RAT-GAN's spatial attention discriminator gives the official numbers."""

from __future__ import annotations

import zlib

import numpy as np
import torch
from attnforge_rat_gan.discriminator import DownBlock, SpatialAttentionDiscriminator
from golden_vectors import assert_near, normal, renamed, vectors, weights
from torch import Tensor

from attnforge.interfaces import Prompt
from attnforge.specs import DiscriminatorSpec

BLOCK = {r"gamma": "scale", r"conv_r\.0": "first", r"conv_r\.2": "second", r"conv_s": "shortcut"}
HEAD = {
    r"joint_conv\.": "head.",
    r"joint_conv_att\.": "attend.",
    **{rf"block\.{old}": f"last.{new}" for old, new in BLOCK.items()},
}
TRUNK = {
    r"conv_img": "first",
    **{rf"block([0-4])\.{old}": rf"blocks.\1.{new}" for old, new in BLOCK.items()},
}
LAST = {rf"block5\.{old}": new for old, new in BLOCK.items()}
"""Official names, and ours."""


def discriminator() -> SpatialAttentionDiscriminator:
    """A discriminator with 4 channels and official weights, of the head and of the blocks before."""
    network = SpatialAttentionDiscriminator(DiscriminatorSpec(image_size=256, sentence=256), channels=4)
    official = weights("rat_gan", "discriminator")
    trunk = {
        name: value
        for name, value in official.items()
        # block 4 keeps its width: its convolution of the shortcut is never called
        if not name.startswith(("COND_DNET.", "block5.", "block4.conv_s"))
    }
    head = weights("rat_gan", "spatial_attention_head")
    network.load_state_dict(renamed(trunk, TRUNK) | renamed(head, HEAD))
    return network.eval()


def prompt() -> Prompt:
    """The official sentences; the discriminator reads no words."""
    return Prompt(
        torch.zeros(3, 256, 1), 0.5 * normal("sentence", 3, 256), torch.zeros(3, 1, dtype=torch.bool)
    )


def images() -> Tensor:
    """The official real images."""
    values = np.random.RandomState(zlib.crc32(b"real256")).uniform(-1, 1, (3, 3, 256, 256))
    return torch.from_numpy(values.astype(np.float32))


def test_attention_and_score() -> None:
    expected = vectors("rat_gan", "spatial_attention_head")
    features = normal("features8", 3, 64, 8, 8)
    network = discriminator()
    with torch.no_grad():
        assert_near(network.attention(features, prompt()), expected["attention"].squeeze(1))
        assert_near(network.logits(features, prompt()), expected["score"].flatten())


def test_features_once_more_halved() -> None:
    expected = vectors("rat_gan", "discriminator")
    official = weights("rat_gan", "discriminator")
    last = DownBlock(64, 64)
    used = {name: official[name] for name in official if name.startswith(("block5.gamma", "block5.conv_r"))}
    last.load_state_dict(renamed(used, LAST))
    with torch.no_grad():
        assert_near(last(discriminator().features(images())), expected["features"])
