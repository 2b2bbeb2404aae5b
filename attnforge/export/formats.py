"""The formats of graphs: ONNX files and programs of `torch.export`."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from contextlib import redirect_stderr, redirect_stdout
from importlib.util import find_spec
from io import StringIO
from pathlib import Path

import torch
from torch import Tensor
from torch.export import ExportedProgram

from attnforge.errors import Problem, RunError
from attnforge.export.writing import Format, Run

ONNX_PACKAGES = ("onnx", "onnxscript", "onnxruntime")


def onnx_format() -> Format:
    """ONNX files, run by onnxruntime.

    Raises:
        RunError: one of the packages is missing.
    """
    if missing := [name for name in ONNX_PACKAGES if find_spec(name) is None]:
        message = f"exporting to ONNX needs {', '.join(missing)}"
        step = "pip install 'attnforge[onnx]'"
        raise RunError(Problem("no-onnx", message, expected="the extra `onnx`", next_step=step))
    return Format(".onnx", _write_onnx)


def torch_format() -> Format:
    """Programs of `torch.export`, which torch runs without attnforge."""
    return Format(".pt2", _write_torch)


def _write_onnx(program: ExportedProgram, path: Path, inputs: Sequence[str], outputs: Sequence[str]) -> Run:
    import onnxruntime

    with warnings.catch_warnings(), redirect_stdout(StringIO()), redirect_stderr(StringIO()):
        warnings.simplefilter("ignore")  # of torch's own code
        converted = torch.onnx.export(
            program, dynamo=True, input_names=inputs, output_names=outputs, verbose=False
        )
    assert converted is not None  # noqa: S101  (it is None only where a file was named)
    converted.save(path)
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    names = [value.name for value in session.get_inputs()]

    def run(values: Sequence[Tensor]) -> Sequence[Tensor]:
        given = dict(zip(inputs, (value.numpy() for value in values), strict=True))
        # inputs that the network does not use are left out of the file
        return [torch.from_numpy(array) for array in session.run(None, {name: given[name] for name in names})]

    return run


def _write_torch(program: ExportedProgram, path: Path, inputs: Sequence[str], outputs: Sequence[str]) -> Run:
    torch.export.save(program, path)
    module = torch.export.load(path).module()

    def run(values: Sequence[Tensor]) -> Sequence[Tensor]:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", FutureWarning)  # of torch's own code
            results: Sequence[Tensor] = module(*values)
        return results

    return run
