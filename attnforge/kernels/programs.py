"""Shared by the Triton kernels: matrix products and rounding.

Triton's interpreter multiplies bfloat16 as if it were integers, truncates where a GPU rounds, and lacks TF32.
WIDE compensates for all: products of rounded values are exact in float32, so results match a GPU's except for
the order of sums.
"""

from __future__ import annotations

from typing import no_type_check

import triton
import triton.language as tl


@triton.jit
@no_type_check
def rounded_to_tf32(values):
    """Float32 values with the 10 bits of TF32, rounded to nearest, ties to even."""
    bits = values.to(tl.int32, bitcast=True)
    raised = tl.where(values == values, bits + 0xFFF + ((bits >> 13) & 1), bits)
    return (raised & -8192).to(tl.float32, bitcast=True)


@triton.jit
@no_type_check
def product(left, right, PRECISION: tl.constexpr, WIDE: tl.constexpr):
    """The matrix product, summed in float32. PRECISION applies to float32 only: tf32, tf32x3 or ieee."""
    if WIDE:
        if PRECISION == "tf32" and left.dtype == tl.float32:
            left, right = rounded_to_tf32(left), rounded_to_tf32(right)
        return tl.dot(left.to(tl.float32), right.to(tl.float32), input_precision="ieee")
    return tl.dot(left, right, input_precision=PRECISION)


@triton.jit
@no_type_check
def rounded(values, TYPE: tl.constexpr, WIDE: tl.constexpr):
    """Float32 values in TYPE, rounded to nearest, ties to even."""
    if WIDE and tl.bfloat16 == TYPE:
        bits = values.to(tl.int32, bitcast=True)
        # the carry would turn NaN into infinity, or overflow
        raised = tl.where(values == values, bits + 0x7FFF + ((bits >> 16) & 1), bits)
        values = (raised & -65536).to(tl.float32, bitcast=True)
    return values.to(TYPE)
