"""JSON that can be sent to a terminal: no character in it steers one."""

from __future__ import annotations

import json

from cronapi.cli.frame.escape import is_steering


def json_line(value: object) -> str:
    """Return a value as one line of JSON."""
    return _harmless(json.dumps(value, ensure_ascii=False))


def json_document(value: object) -> str:
    """Return a value as indented JSON."""
    return "\n".join(
        map(_harmless, json.dumps(value, ensure_ascii=False, indent=2).split("\n")),
    )


def _harmless(line: str) -> str:
    if line.isascii():
        return line.replace("\x7f", "\\u007f")
    # They can only stand inside of strings, where JSON has an escape for each.
    return "".join(
        json.dumps(char)[1:-1] if is_steering(char) or char == "\x7f" else char for char in line
    )
