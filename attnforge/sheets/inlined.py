"""Data, style and scripts inside an HTML file, and the policy that allows these and nothing else."""

from __future__ import annotations

import base64
import hashlib
import json
import math
import re
from collections.abc import Mapping
from typing import Any


def filled(template: str, parts: Mapping[str, str]) -> str:
    """A template with parts in place of their names between per cent signs.

    They are filled in one pass, so that such a name inside of a part is left alone.
    """
    names = "|".join(map(re.escape, parts))
    return re.sub(f"%({names})%", lambda match: parts[match[1]], template)


def embedded(data: Any) -> str:
    """JSON that is safe inside a script element, with `<`, `>` and `&` escaped; infinite numbers are null."""
    text = json.dumps(_finite(data), ensure_ascii=True, separators=(",", ":"), allow_nan=False)
    for character in "<>&":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return text


def policy(*, style: str, script: str, sources: Mapping[str, str]) -> str:
    """A content security policy that blocks all requests, and every script but one.

    Args:
        style: The text of the style element.
        script: The text of the script element.
        sources: More sources of a directive, such as `{"img-src": "data:"}`.
    """
    allowed = {"style-src": _digest(style), "script-src": _digest(script)}
    for directive, values in sources.items():
        allowed[directive] = f"{allowed[directive]} {values}" if directive in allowed else values
    directives = [f"{directive} {values}" for directive, values in allowed.items()]
    return "; ".join(["default-src 'none'", *directives, "base-uri 'none'", "form-action 'none'"])


def _finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _finite(part) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(part) for part in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _digest(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"
