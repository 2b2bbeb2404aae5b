"""Hard negative captions: the same words in another order."""

from __future__ import annotations

import torch
from jaxtyping import Bool, Int
from torch import Tensor


def with_swapped(
    tokens: Int[Tensor, "b l"], lengths: Int[Tensor, "b"]
) -> tuple[Int[Tensor, "c l"], Int[Tensor, "c"]]:
    """The captions, followed by those in which `swap_words` has swapped two words.

    On the device `meta`, where no value can be read, all captions are repeated: the largest possible result.
    """
    if tokens.is_meta:
        return torch.cat((tokens, tokens)), torch.cat((lengths, lengths))
    swapped, changed = swap_words(tokens, lengths)
    return torch.cat((tokens, swapped[changed])), torch.cat((lengths, lengths[changed]))


def swap_words(
    tokens: Int[Tensor, "b l"], lengths: Int[Tensor, "b"]
) -> tuple[Int[Tensor, "b l"], Bool[Tensor, "b"]]:
    """Swap two words of each caption so that it still reads like a caption, but says something else.

    "a red bird with blue wings" becomes "a blue bird with red wings". A batch rarely has two captions
    that differ only in which part has which colour, so matching learns bags of words; with such captions as
    negatives it must learn which belongs to which (NegCLIP; Yuksekgonul et al., 2023, who use a parser).
    Here a swap counts as readable if each pair of neighbours that it creates occurs in the batch.

    Args:
        tokens: Token ids, 0 at padding.
        lengths: Words of each caption.

    Returns:
        The captions with two words swapped, chosen by torch's global generator among the readable swaps,
        and whether there was one; a caption without one is returned as it is.
    """
    rows = [row[:length] for row, length in zip(tokens.tolist(), lengths.tolist(), strict=True)]
    neighbours = {pair for row in rows for pair in _pairs(row)}
    draws = torch.rand(len(rows)).tolist()
    swapped, changed = tokens.clone(), torch.zeros(len(rows), dtype=torch.bool)
    for number, row in enumerate(rows):
        swaps = [
            (i, j)
            for i in range(len(row))
            for j in range(i + 1, len(row))
            if row[i] != row[j] and _readable(row, i, j, neighbours)
        ]
        if swaps:
            i, j = swaps[int(draws[number] * len(swaps))]
            swapped[number, i], swapped[number, j] = row[j], row[i]
            changed[number] = True
    return swapped, changed.to(tokens.device)


def _pairs(row: list[int]) -> list[tuple[int, int]]:
    return list(zip([0, *row], [*row, 0], strict=True))


def _readable(row: list[int], i: int, j: int, neighbours: set[tuple[int, int]]) -> bool:
    around = [0, *row, 0]
    around[i + 1], around[j + 1] = row[j], row[i]
    return all((around[k], around[k + 1]) in neighbours for k in (i, i + 1, j, j + 1))
