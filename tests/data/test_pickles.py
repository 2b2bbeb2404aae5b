"""Pickles of a release are read; whatever would run code is refused by name and not run."""

from __future__ import annotations

import os
import pickle
from pathlib import Path

import numpy as np
import pytest

from attnforge.data.reading.pickles import read_pickle
from attnforge.errors import DataError

PYTHON_2_SCALARS = (
    b"(lp0\ncnumpy.core.multiarray\nscalar\np1\n(cnumpy\ndtype\np2\n(S'i8'\np3\nI0\nI1\ntp4\nRp5\n"
    b"(I3\nS'<'\np6\nNNNI-1\nI-1\nI0\ntp7\nbS'\\x02\\x00\\x00\\x00\\x00\\x00\\x00\\x00'\np8\ntp9\nRp10\nag10\n"
    b"ag1\n(g5\nS'\\xc8\\xff\\xff\\xff\\xff\\xff\\xff\\xff'\ntRa."
)


def written(path: Path, content: bytes) -> Path:
    path.write_bytes(content)
    return path


def problem(path: Path) -> tuple[str, str]:
    with pytest.raises(DataError) as caught:
        read_pickle(path)
    (found,) = caught.value.problems
    assert found.place is not None
    assert found.place.source == str(path)
    return found.code, found.message


@pytest.mark.parametrize("protocol", range(5))
def test_plain_values_of_every_protocol(tmp_path: Path, protocol: int) -> None:
    content = [["a/b", "grün \u2603"], {1: "one", "two": 2}, [], -5, 2**70, True]
    path = written(tmp_path / "plain.pickle", pickle.dumps(content, protocol=protocol))
    assert read_pickle(path) == content


def test_scalars_and_bytes_of_python_2(tmp_path: Path) -> None:
    assert read_pickle(written(tmp_path / "a", PYTHON_2_SCALARS)) == [2, 2, -56]
    assert read_pickle(written(tmp_path / "b", b"(lp0\nS'caf\\xe9'\na.")) == ["café"]


@pytest.mark.parametrize("kind", [np.int64, np.int32, np.uint8, np.uint16, np.dtype(">i4").type])
def test_numpy_scalars_become_whole_numbers(tmp_path: Path, kind: type) -> None:
    content = read_pickle(written(tmp_path / "a", pickle.dumps([kind(7), kind(100)], protocol=4)))
    assert content == [7, 100]
    assert isinstance(content, list)
    assert all(type(number) is int for number in content)


def test_a_symbol_that_would_run_a_command_is_refused_and_not_run(tmp_path: Path) -> None:
    class Command:
        def __reduce__(self) -> tuple[object, tuple[str]]:
            return os.system, (f"touch {tmp_path / 'ran'}",)

    code, message = problem(written(tmp_path / "evil", pickle.dumps(Command())))
    assert code == "unsafe-pickle"
    assert f"{os.system.__module__}.system" in message
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize(
    ("content", "name"),
    [
        (b"cbuiltins\neval\n(S'1'\ntR.", "builtins.eval"),
        (b"cnumpy\ndtype\n(S'O'\nI0\nI1\ntR.", "number type O"),
        (b"cnumpy.core.multiarray\nscalar\n}b.", "a change of scalar"),
        (b"Pelsewhere\n.", "from outside"),
        (pickle.dumps([1.5]), "float"),
        (pickle.dumps({"a": (1, 2)}), "tuple"),
        (b"cnumpy\ndtype\n.", "Dtype"),
    ],
)
def test_everything_else_is_refused_by_name(tmp_path: Path, content: bytes, name: str) -> None:
    code, message = problem(written(tmp_path / "a", content))
    assert code == "unsafe-pickle"
    assert name in message


@pytest.mark.parametrize(
    "content", [b"", b"no pickle", pickle.dumps([1, 2])[:-3], PYTHON_2_SCALARS[:90], b"\x80\x09."]
)
def test_damaged_files_are_named(tmp_path: Path, content: bytes) -> None:
    assert problem(written(tmp_path / "a", content))[0] == "broken-pickle"


def test_missing_files_and_folders_are_named(tmp_path: Path) -> None:
    assert problem(tmp_path / "none")[0] == "missing-file"
    assert problem(tmp_path)[0] == "broken-pickle"


def test_a_list_that_holds_itself_is_read(tmp_path: Path) -> None:
    content: list[object] = [1]
    content.append(content)
    read = read_pickle(written(tmp_path / "a", pickle.dumps(content)))
    assert isinstance(read, list)
    assert read[1] is read


def test_half_of_a_character_is_refused_where_it_is_read(tmp_path: Path) -> None:
    file = tmp_path / "captions.pickle"
    file.write_bytes(pickle.dumps(["a red bird", {"a \ud800 bird": 1}]))
    with pytest.raises(DataError) as caught:
        read_pickle(file)
    assert caught.value.problems[0].code == "broken-pickle"
    assert "surrogates not allowed" in str(caught.value)
