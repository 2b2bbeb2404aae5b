"""Mean and covariance of real images in the `.npz` files of pytorch-fid and of older repositories."""

from __future__ import annotations

import hashlib
from pathlib import Path
from zipfile import BadZipFile

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from attnforge.errors import Problem, RecipeError

EXPECTED = "an .npz file with the arrays `mu` and `sigma`"


def read_statistics(path: str, *, dim: int) -> tuple[Float[Tensor, "d"], Float[Tensor, "d d"], str]:
    """Mean, covariance and a digest of the file.

    Args:
        path: The file.
        dim: Width of the features that are compared with it.

    Raises:
        RecipeError: The file cannot be read, or belongs to features of another width.
    """
    try:
        data = Path(path).read_bytes()
        with np.load(path, allow_pickle=False) as arrays:
            mean, covariance = (np.asarray(arrays[name], dtype=np.float64) for name in ("mu", "sigma"))
    except FileNotFoundError:
        problem = Problem("no-reference-file", f"there is no file {path}", expected=EXPECTED)
        raise RecipeError(problem) from None
    except (OSError, ValueError, KeyError, BadZipFile) as error:
        message = f"{path} cannot be read as statistics of real images: {error}"
        raise RecipeError(Problem("reference-mismatch", message, expected=EXPECTED)) from error
    if mean.shape != (dim,) or covariance.shape != (dim, dim) or not np.isfinite(covariance).all():
        message = (
            f"{path} has statistics of shapes {list(mean.shape)} and {list(covariance.shape)}, but the "
            f"network's features have {dim:,} numbers"
        )
        expected = "statistics of the same network, layer and resizing"
        raise RecipeError(Problem("reference-mismatch", message, expected=expected))
    digest = hashlib.sha256(data).hexdigest()[:8]
    return torch.from_numpy(mean), torch.from_numpy(covariance), digest
