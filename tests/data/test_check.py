"""`attnforge data check` counts what is there and names what is wrong."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from PIL import Image

from attnforge.cli.data import command


def check(root: Path, *options: str) -> tuple[int, str]:
    result = CliRunner().invoke(command, ["check", str(root), *options])
    assert result.exception is None or isinstance(result.exception, SystemExit)
    return result.exit_code, result.output


def folder(path: Path, *lines: dict[str, Any]) -> Path:
    path.mkdir(exist_ok=True)
    Image.new("RGB", (20, 10)).save(path / "a.png")
    Image.new("RGBA", (8, 8)).save(path / "b.png")
    Image.new("L", (8, 8)).save(path / "c.png")
    (path / "metadata.jsonl").write_text("\n".join(json.dumps(line) for line in lines), encoding="utf-8")
    return path


def test_a_good_folder_is_described(tmp_path: Path) -> None:
    root = folder(
        tmp_path,
        {"file_name": "a.png", "captions": ["A red bird", "red, RED"], "class_id": 1, "split": "train"},
        {"file_name": "b.png", "text": "a blue bird on a branch", "class_id": 1, "split": "test"},
        {"file_name": "c.png", "text": "red", "bbox": [1, 1, 3, 3], "split": "train"},
    )
    code, output = check(root, "--json")
    report = json.loads(output)
    assert code == 0
    assert report["problems"] == []
    assert (report["images"], report["captions"], report["classes"], report["boxes"]) == (3, 4, 1, 1)
    assert report["splits"] == {"train": 2, "test": 1}
    assert report["captions_per_image"] == {"least": 1, "median": 1, "most": 2}
    assert report["words_per_caption"] == {"least": 1, "median": 3, "most": 6}
    assert report["vocabulary"] == 6
    assert list(report["frequent_words"].items())[:3] == [("red", 4), ("a", 3), ("bird", 2)]
    assert report["sizes"] == {"8 x 8": 2, "20 x 10": 1}
    assert report["modes"] == {"RGB": 1, "RGBA": 1, "L": 1}
    code, page = check(root)
    assert code == 0
    assert "no problems" in page
    assert "red 4, a 3" in page


def test_every_problem_is_listed_with_its_line(tmp_path: Path) -> None:
    root = folder(
        tmp_path,
        {"file_name": "a.png", "captions": ["good", ""]},
        {"file_name": "torn.png", "text": "x"},
        {"file_name": "c.png", "text": "x", "bbox": [90, 90, 5, 5]},
        {"file_name": "gone.png", "text": "x"},
        {"file_name": "b.png", "text": "x", "split": "training"},
    )
    (root / "torn.png").write_bytes((root / "a.png").read_bytes()[:40])
    code, output = check(root, "--json")
    report = json.loads(output)
    listed = [(problem["code"], problem["place"]["line"]) for problem in report["problems"]]
    remarks = [(remark["code"], remark["place"]["line"]) for remark in report["remarks"]]
    assert code == 1
    assert ("empty-caption", 1) in remarks
    assert listed == [
        ("broken-image", 2),
        ("bad-box", 3),
        ("missing-file", 4),
        ("unknown-split", 5),
    ]
    code, page = check(root)
    assert code == 1
    assert "metadata.jsonl:4" in page
    assert "4 problems, 4 remarks" in page
    assert "remark[empty-caption]" in page


def test_what_recipes_do_to_captions_is_said(tmp_path: Path) -> None:
    long = " ".join(["word"] * 19)
    root = folder(
        tmp_path,
        {"file_name": "a.png", "text": "a bird that looks left"},
        {"file_name": "b.png", "text": "a leftover, bright bird"},
        {"file_name": "c.png", "captions": [long, "a bird"], "split": "test"},
    )
    code, output = check(root, "--json")
    report = json.loads(output)
    assert code == 0
    remarks = {remark["code"]: remark for remark in report["remarks"]}
    assert "1 of 4 captions name left or right" in remarks["mirrored-sides"]["message"]
    assert remarks["mirrored-sides"]["place"]["line"] == 1
    assert "1 of 4 captions have more than 18 words" in remarks["long-captions"]["message"]
    assert "max_words=19" in remarks["long-captions"]["expected"]
    assert "the test split has 1 image:" in remarks["small-test-split"]["message"]
    assert report["single_words"] == ["bright", "left", "leftover", "looks", "that"]
    assert "words that occur once 5: bright, left" in check(root)[1]


def test_of_thousands_of_like_problems_the_first_are_printed(tmp_path: Path) -> None:
    lines = ({"file_name": f"gone-{number}.png", "text": "x"} for number in range(30))
    root = folder(tmp_path, {"file_name": "a.png", "text": "x"}, *lines)
    code, page = check(root)
    assert code == 1
    assert page.count("error[missing-file]: there is no image") == 20
    assert "error[missing-file]: 10 more; --json lists all" in page
    assert "empty-split" not in page  # which images are for testing is open while lines cannot be used
    assert len(json.loads(check(root, "--json")[1])["problems"]) == 30


def test_a_link_to_itself_hides_no_other_file(tmp_path: Path) -> None:
    root = folder(tmp_path, {"file_name": "A.png", "text": "x"}, {"file_name": "loop.png", "text": "x"})
    (root / "loop.png").symlink_to("loop.png")
    page = check(root)[1]
    assert "there is no image A.png; found a.png, which differs in upper and lower case" in page
    assert "there is no image loop.png" in page


def test_a_file_is_not_taken_for_a_missing_folder(tmp_path: Path) -> None:
    root = folder(tmp_path, {"file_name": "a.png", "text": "x"})
    page = check(root / "metadata.jsonl")[1]
    assert "the path is a file" in page
    assert f"next: attnforge data check {root}" in page


def test_what_recipes_do_to_images_is_said(tmp_path: Path) -> None:
    lines = [{"file_name": f"{name}.png", "text": "x"} for name in "abc"]
    root = folder(tmp_path, *lines)
    for name, size in {"a": (200, 100), "b": (64, 64), "c": (90, 60)}.items():
        Image.new("RGB", size).save(root / f"{name}.png")
    remarks = {remark["code"]: remark for remark in json.loads(check(root, "--json")[1])["remarks"]}
    assert remarks["long-images"]["message"].startswith("1 of 3 images: one side is more than 1.5 times")
    assert remarks["small-images"]["message"].startswith("1 of 3 images: a side has fewer than 64 pixels")
    folder(tmp_path, {**lines[0], "bbox": [1, 1, 5, 5]}, *lines[1:])  # images are cut around boxes
    boxed = {remark["code"] for remark in json.loads(check(root, "--json")[1])["remarks"]}
    assert not boxed & {"long-images", "small-images"}


def test_a_folder_without_metadata_says_what_to_write(tmp_path: Path) -> None:
    code, page = check(tmp_path)
    assert code == 1
    assert '{"file_name": "one.png", "captions": ["a red apple"]}' in page


def test_checking_needs_no_torch(tmp_path: Path) -> None:
    lines = ({"file_name": f"{name}.png", "text": "x"} for name in "abc")
    root = folder(tmp_path, *lines)
    code = (
        "import sys; sys.modules['torch'] = None\n"
        "from attnforge.cli.data import command\n"
        "command(['check', sys.argv[1]])"
    )
    paths = os.pathsep.join(path for path in sys.path if path)
    done = subprocess.run(
        [sys.executable, "-c", code, str(root)],
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": paths},
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "no problems" in done.stdout


def test_the_emoji_are_whole() -> None:
    root = _shared_data() / "emoji"
    if not root.is_dir():
        pytest.skip(f"the emoji are not in {root.name}/ of ATTNFORGE_DATA or ../shared/data")
    code, output = check(root, "--json")
    report = json.loads(output)
    assert code == 0
    assert (report["images"], report["captions"], report["classes"]) == (3538, 35380, 99)


def _shared_data() -> Path:
    return Path(os.environ.get("ATTNFORGE_DATA", Path(__file__).parents[3] / "shared" / "data"))
