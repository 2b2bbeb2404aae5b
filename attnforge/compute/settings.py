"""Sets up torch for a run, as its recipe says."""

from __future__ import annotations

import os

import torch

from attnforge.errors import Problem, RecipeError
from attnforge.recipe.schema import Training

_WORKSPACE = "CUBLAS_WORKSPACE_CONFIG"


def set_up_torch(training: Training) -> None:
    """Set the number of threads, and how algorithms are chosen and numbers rounded.

    These settings are torch's own, and count for the whole process.

    Raises:
        RecipeError: two of the settings contradict each other.
    """
    if training.threads:
        torch.set_num_threads(training.threads)
    if training.tf32 is not None:
        torch.backends.cuda.matmul.allow_tf32 = training.tf32
        torch.backends.cudnn.allow_tf32 = training.tf32
    if training.deterministic:
        if training.tune_convolutions:
            message = (
                "`training.deterministic` cannot be combined with `training.tune_convolutions`, whose choice "
                "differs between runs"
            )
            next_step = "attnforge train RECIPE training.tune_convolutions=false"
            raise RecipeError(Problem("not-deterministic", message, None, "one of the two", next_step))
        # cuBLAS reads it when it is first used, which is after this
        os.environ.setdefault(_WORKSPACE, ":4096:8")
        torch.use_deterministic_algorithms(True)
    if training.tune_convolutions:
        torch.backends.cudnn.benchmark = True
