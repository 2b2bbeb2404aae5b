"""plugins/gated-attention, the plugin of the tutorial, is what `attnforge plugins new` writes."""

from __future__ import annotations

import subprocess
from pathlib import Path

from attnforge.plugin import load_plugins
from attnforge.scaffold import name_plugin, project_files

ROOT = Path(__file__).parents[2]
PLUGIN = ROOT / "plugins" / "gated-attention"


def test_it_is_what_the_command_writes() -> None:
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=PLUGIN,
        capture_output=True,
        check=True,
    )
    kept = {
        name: (PLUGIN / name).read_text(encoding="utf-8")
        for name in listed.stdout.decode().split("\0")
        if name and (PLUGIN / name).is_file()
    }
    names = name_plugin("gated-attention", kinds=["attention"], plugins=load_plugins())
    assert kept == project_files(names), (
        "write it again: remove plugins/gated-attention, then run "
        "attnforge plugins new gated-attention --kind attention --folder plugins"
    )
