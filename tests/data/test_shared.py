"""Kept images are seen by every process, and never more of them than there is room for."""

from __future__ import annotations

import multiprocessing
import pickle

import numpy as np
from jaxtyping import UInt8

from attnforge.data.feeding.shared import SharedImages


def image(height: int, width: int, seed: int = 0) -> UInt8[np.ndarray, "h w 3"]:
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)


def test_what_was_kept_is_given_back() -> None:
    kept = SharedImages(3, capacity=10_000)
    kept.keep(2, image(20, 30))
    kept.keep(0, image(30, 20, seed=1))
    np.testing.assert_array_equal(kept.get(2), image(20, 30))
    np.testing.assert_array_equal(kept.get(0), image(30, 20, seed=1))
    assert kept.get(1) is None
    kept.keep(2, image(20, 30))
    assert kept.used == 2 * 3 * 20 * 30


def test_what_finds_no_room_is_not_kept() -> None:
    kept = SharedImages(3, capacity=2_000)
    kept.keep(0, image(20, 30))
    kept.keep(1, image(20, 30))
    assert kept.get(1) is None
    kept.keep(2, image(5, 5))
    assert kept.get(2) is not None
    assert kept.has_room(125)
    assert not kept.has_room(126)
    assert SharedImages(0, capacity=0).used == 0


def test_forked_processes_share_it() -> None:
    kept = SharedImages(8, capacity=100_000)

    def work(first: int) -> None:
        for index in range(first, 8, 2):
            kept.keep(index, image(20, 30, seed=index))

    context = multiprocessing.get_context("fork")
    workers = [context.Process(target=work, args=(first,)) for first in range(2)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    for index in range(8):
        np.testing.assert_array_equal(kept.get(index), image(20, 30, seed=index))
    assert kept.used == 8 * 3 * 20 * 30


def test_a_process_that_is_started_afresh_begins_an_empty_one() -> None:
    kept = SharedImages(2, capacity=5_000)
    kept.keep(0, image(20, 30))
    fresh = pickle.loads(pickle.dumps(kept))
    assert fresh.get(0) is None
    assert fresh.capacity == 5_000
